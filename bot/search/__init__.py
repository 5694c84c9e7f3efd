"""Search: what was said is found again by its words, on SQLite and on PostgreSQL alike."""
