"""Sessions: what was done in a turn, for whoever asks: people, their butlers and the shell."""
