"""State: a butler's own values, by key."""
