"""Files that go out with a reply."""

revision = "house_0012"
down_revision = "house_0011"


def upgrade() -> None:
    """Take the step."""
