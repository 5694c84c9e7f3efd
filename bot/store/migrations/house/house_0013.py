"""What a second kind of store asks for."""

revision = "house_0013"
down_revision = "house_0012"


def upgrade() -> None:
    """Take the step."""
