"""Slack: the Web API, and Socket Mode for what comes in."""
