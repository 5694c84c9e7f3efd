"""Schedules: what butlers do at a time instead of at a message."""
