"""What a butler is, and how a message travels."""
