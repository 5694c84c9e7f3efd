"""The index of all that was said."""

revision = "house_0009"
down_revision = "house_0008"


def upgrade() -> None:
    """Take the step."""
