"""Asking: one butler asks another."""
