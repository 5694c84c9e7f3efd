"""History: what was said before this conversation began, or in another chat of the same person."""
