"""Compaction: the older part of a long conversation is summed up, so that its prompt stays short; the log stays whole."""
