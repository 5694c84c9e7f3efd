"""What butlers know and do with nothing but the house."""
