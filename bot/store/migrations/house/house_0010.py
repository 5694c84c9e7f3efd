"""Busy turns, and how their sessions are told."""

revision = "house_0010"
down_revision = "house_0009"


def upgrade() -> None:
    """Take the step."""
