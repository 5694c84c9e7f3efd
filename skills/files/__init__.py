"""Files: what is sent beside an answer."""
