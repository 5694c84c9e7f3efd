"""Long conversations: what stands for the older part of one, and long results."""

revision = "house_0008"
down_revision = "house_0007"


def upgrade() -> None:
    """Take the step."""
