"""A day in the life of a house on a stepped clock: what a person writes and reads, with the model calls that it took."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import indent

from sqlalchemy import func, select

from bot.store.tables import outbox
from tests.anthropic_server import AnthropicServer
from tests.room import Room
from tests.timing import BERLIN

BEGIN = datetime(2026, 11, 22, 20, 0, tzinfo=BERLIN)


class Day:
    """Keeps what stands in Ada's chat, line by line."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.lines: list[str] = []
        self._read = 0
        self._asked = len(room.claude.requests)
        self._unasked = 0

    def at(self, clock: str) -> None:
        """Let time pass until the next moment at which clocks in Berlin show this."""
        hour, minute = map(int, clock.split(":"))
        local = self.room.now.astimezone(BERLIN)
        moment = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        moment += timedelta(days=moment < local)
        while (at := self.room.firing.next_at()) is not None and at <= moment:
            self.room.waits_until(at)
            self._note()
        self.room.now = moment

    def is_off_until(self, clock: str) -> None:
        """Let the house be off until then, and start it again."""
        local = self.room.now.astimezone(BERLIN)
        hour, minute = map(int, clock.split(":"))
        self.says_the_house(f"(off from {local:%H:%M} to {clock})")
        self.room.now = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        self.restarts()

    def says_the_house(self, text: str) -> None:
        """Note what happens to the house, which Ada does not read."""
        self._say("the house", text)

    def restarts(self) -> None:
        """Let every process begin anew, which fires nothing that is not due."""
        for part in ("firing", "sync", "desk", "heartbeat", "announced", "practice"):
            self.room.__dict__.pop(part, None)
        self.room.fires()
        self._note()

    def writes(self, text: str) -> None:
        """Let Ada write something, and a butler answer where it is for one."""
        self._say("Ada", text)
        self.room.asks(text)
        self._note(is_asked=True)
        self.room.now += timedelta(minutes=1)

    @property
    def sum(self) -> str:
        """What the day took."""
        return f"Model calls: {self._asked}, {self._asked - self._unasked} of them for what Ada wrote."

    def _note(self, *, is_asked: bool = False) -> None:
        """Note what came since, with the calls of the model that it took."""
        with self.room.database.read() as tx:
            rows = tx.execute(select(outbox).where(outbox.c.conversation_id == 1, outbox.c.id > self._read)).all()
            self._read = tx.scalar(select(func.max(outbox.c.id))) or 0
        asked = len(self.room.claude.requests)
        calls, self._asked = asked - self._asked, asked
        self._unasked += 0 if is_asked else calls
        for row in rows:
            self._say("house" if row.kind == "command" else "butler", row.text, calls)
            calls = 0
        if calls:
            self._say("butler", "(tells nothing)", calls)

    def _say(self, who: str, text: str, calls: int = 0) -> None:
        head = f"{self.room.now.astimezone(BERLIN):%a %H:%M} {who}"
        beside = f" [{calls} model call{'s' if calls > 1 else ''}]" if calls else ""
        self.lines.append(f"{head}{beside}\n{indent(text, '    ')}")


def lived(folder: Path, claude: AnthropicServer) -> Iterator[str]:
    """Give the transcript of the day, line by line; the last one says what it took."""
    with Room(folder, claude) as room:
        room.now = BEGIN
        room.takes_in("/start")
        day = Day(room)
        day._note()  # noqa: SLF001 - the greeting is no part of the day
        day.lines.clear()
        _evening(day)
        _morning(day)
        _outage(day)
        yield from day.lines
        yield day.sum


def _evening(day: Day) -> None:
    claude = day.room.claude
    day.writes("/quiet 22:00-07:00")
    claude.calls_tool("schedule_create", {"name": "briefing", "when": "every weekday 8:00", "prompt": "Brief Ada on her day."})
    claude.says("You will be briefed every weekday at 8:00 (Europe/Berlin), for the first time tomorrow.")
    day.writes("every weekday at eight, brief me")
    day.writes("/schedule add 0 9-17 * * * :: Is the printer still printing? Tell me only when it is done.")
    day.writes("/schedule add 30 23 * * * :: What was in the news?")
    day.writes("/remind tomorrow 6:30 put out the bins")
    day.writes("/remind tomorrow 12:30 lunch with Ben")


def _morning(day: Day) -> None:
    claude = day.room.claude
    claude.says("The markets were calm.")
    claude.says("Two meetings: Ben at 10:00, the bank at 15:00.")
    day.at("08:02")
    claude.says("I can't move meetings yet; you would have to call the bank.")
    day.writes("can you move the second one?")
    claude.says("(nothing)")
    day.at("09:30")


def _outage(day: Day) -> None:
    claude = day.room.claude
    claude.says("It has stopped: there is no paper.")
    day.is_off_until("11:40")
    claude.says("(nothing)")
    claude.says("The printer is done.")
    day.at("13:30")
    day.says_the_house("(is started again)")
    day.restarts()
    for _ in range(4):
        claude.says("(nothing)")
    day.at("18:00")
    day.writes("/agenda")
