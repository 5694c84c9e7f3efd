"""Sounds: how long a recording is at most, by what is in it; one module for each form in which speech is taken."""
