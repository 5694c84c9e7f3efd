"""Archives: a house in one file, which either store can write and either can take in."""
