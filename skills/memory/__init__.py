"""Memory: facts that people tell a butler, each for the one who told it."""
