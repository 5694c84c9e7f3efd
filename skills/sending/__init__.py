"""Sending: files and tables that go out beside an answer."""
