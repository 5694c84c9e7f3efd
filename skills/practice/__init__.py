"""Practice: what a butler does by itself, as files that it may rewrite."""
