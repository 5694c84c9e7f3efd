"""The switchboard's decisions."""

revision = "house_0007"
down_revision = "house_0006"


def upgrade() -> None:
    """Take the step."""
