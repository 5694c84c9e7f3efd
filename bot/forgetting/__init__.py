"""Forgetting: what is forgotten is gone from everything that the house keeps, whatever dies in between."""
