"""Forgetting survives: processes end with SIGKILL at each commit of it, and all is gone in the end all the same."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import count

import pytest
from sqlalchemy import Connection, select

from bot.forgetting import wishes
from bot.store.database import Database
from bot.store.file_tables import blobs
from bot.store.forgetting_tables import forgettings
from bot.store.tables import inbox, outbox
from skills.belongings import Belongings
from skills.memory import facts
from tests.anthropic_script import ToolCall
from tests.file_rooms import asks, file_states, sent
from tests.room import ADA, Room
from workers.forgetting import Forgetting

pytestmark = pytest.mark.crash
CANARY = "quetzal8842"
MARK = "[forgotten on 2026-11-21]"
MOST = 200  # deaths


class Mortal(Database):
    """A database whose process dies at one of its commits, right before it or right after; `moments` counts them down."""

    def __init__(self, url: str, moments: Iterator[int]) -> None:
        super().__init__(url)
        self._moments = moments

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Write, and die when it is time."""
        with super().write() as tx:
            yield tx
            self._live_on()
        self._live_on()

    def _live_on(self) -> None:
        if next(self._moments) == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def dies(work: Callable[[], None]) -> bool:
    """Do something in a process of its own; tell whether it was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def test_no_death_keeps_what_is_forgotten(room: Room) -> None:
    """A worker that dies before and after each of its commits, in every store, leaves nothing behind in the end, nor half."""
    letter = {"name": "send_file", "arguments": {"name": "letter.md", "content": f"# It is {CANARY}"}}
    room.claude.calls_tools(ToolCall("remember", {"fact": f"Ada's vault word is {CANARY}"}), ToolCall("use_tool", letter))
    room.claude.says(f"It is {CANARY}. Anything else?")
    files = (sent("card.txt"), sent("milk.txt"))
    asks(room, f"My vault word is {CANARY}. And buy milk.", *files, card=CANARY.encode(), milk=b"two bottles")
    room.writes(ADA, "/memory forget 1")
    with room.database.write() as tx:
        tx.execute(outbox.update().where(outbox.c.state == "pending").values(state="sent"))
    urls = (room.database.url, room.store.url)

    def go_on(lives: int) -> None:
        moments = count(lives, -1)
        with closing(Mortal(urls[0], moments)) as house, closing(Mortal(urls[1], moments)) as store:
            Forgetting(house, Belongings(lambda: ["assistant"], lambda _: store), lambda: room.now).go_on()

    deaths = 0
    while dies(partial(go_on, deaths)):
        deaths += 1
        assert deaths < MOST
    assert deaths > 10
    for _ in range(MOST):
        if is_done(room):
            break
        go_on(MOST)
    assert is_done(room)
    assert CANARY.encode() not in b"".join(path.read_bytes() for path in room.folder.rglob("*") if path.is_file())
    with room.database.read() as tx:
        assert tx.scalar(select(inbox.c.text).order_by(inbox.c.id)) == f"{MARK} And buy milk."
        assert tx.scalars(select(forgettings.c.state)).all() == ["done"]
        assert tx.scalars(select(outbox.c.text).where(outbox.c.made_by.is_not(None))).all() == [f"📎 letter.md {MARK}"]
        assert tx.scalars(select(blobs.c.data)).all() == [b"two bottles"]
    assert file_states(room) == ["gone", "kept"]
    assert facts.find(room.store, "person:1", "") == []
    assert any("It was taken out of" in text for text in room.reads(ADA))


def is_done(room: Room) -> bool:
    """Tell whether nothing is to be forgotten any more."""
    with room.database.read() as tx:
        return not wishes.undone(tx)
