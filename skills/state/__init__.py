"""State: a butler's notes by key, each for the one it was kept for."""
