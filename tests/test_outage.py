"""A house whose database server goes away and comes back: it waits, confirms nothing that is not kept, and loses nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import OWNER, House, wait_until
from tests.postgres import PostgresServer
from tests.stores import Server, used
from tests.storms import echo
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.crash
PATIENCE = 60.0


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that the test may end."""
    with PostgresServer() as made:
        yield made


def test_a_database_that_goes_away(
    server: PostgresServer, telegram: TelegramServer, claude: AnthropicServer, tmp_path: Path
) -> None:
    """The house begins before its database can be reached, and outlives two outages: one between turns and one in a turn."""
    claude.script = echo
    with used(Server(server)):
        house = House(tmp_path, telegram, claude)
        server.stop()
        with house:
            wait_until(lambda: "cannot be reached" in house.log, "it says what it waits for")
            server.start()
            olga = telegram.person(OWNER, "Olga")
            olga.writes("one")
            assert olga.reads(PATIENCE) == "Answer to one"

            server.stop()
            olga.writes("two")
            complaint = r"I cannot keep messages at present, and take them in later: .*connection to server"
            assert re.match(complaint, olga.reads(PATIENCE))
            assert telegram.unconfirmed() == 1
            server.start()
            assert olga.reads(PATIENCE) == "Answer to two"

            with claude.hold():
                olga.writes("three")
                claude.wait_until(lambda: claude.in_flight > 0, 20, "the turn of three")
                server.stop()
            wait_until(lambda: "the turn failed" in house.log, "its end cannot be noted")
            server.start()
            assert "three" in olga.reads(PATIENCE)
            assert house.rows("SELECT text, state FROM inbox ORDER BY id") == [
                (word, "answered") for word in ("one", "two", "three")
            ]
