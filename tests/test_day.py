"""A day in the life: everything at its time, nothing twice, and no model asked in vain."""

from pathlib import Path

from tests.anthropic_server import AnthropicServer
from tests.day import lived

PAGE = Path(__file__).parent.parent / "docs" / "a-day.md"


def test_a_day_in_the_life(tmp_path: Path) -> None:
    """What Ada reads on a day with quiet hours, a reminder, an outage and a restart is what docs/a-day.md shows."""
    with AnthropicServer() as claude:
        transcript = "\n".join(lived(tmp_path, claude))
    print(transcript)  # noqa: T201 - `pytest -s` shows it
    assert transcript in PAGE.read_text()
