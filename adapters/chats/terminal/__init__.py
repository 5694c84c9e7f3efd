"""The terminal: a chat that needs no account, for a person or for a pipe."""
