"""The switchboard: which butler a message is for, by rules and by what it is like, without a model as a rule."""
