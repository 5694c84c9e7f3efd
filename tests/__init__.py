"""The tests, and the loopback doubles of the vendors they run against."""
