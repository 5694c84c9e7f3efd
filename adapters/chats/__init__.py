"""Chats: each turns what its vendor sends into messages of the house, and replies into what its vendor takes."""
