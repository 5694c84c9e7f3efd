"""Schedules: what a butler has done at times, for the person of the turn."""
