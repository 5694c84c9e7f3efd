"""The messages of tests/routing, placed by the shipped household: `python -m tests.routing_results` prints the table."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import update

from bot import conversations, outbox
from bot.household import read_household
from bot.messages import ReplyKind
from bot.store.switchboard_tables import decisions as rows
from bot.store.tables import inbox
from bot.switchboard import decisions
from bot.switchboard.decisions import By
from tests.anthropic_server import AnthropicServer
from tests.houses import ROOT
from tests.room import ADA, Room

SETS = ROOT / "tests" / "routing"


@dataclass(frozen=True)
class Placed:
    """A message, the butler for whom it is, and what the switchboard made of it; without a butler it would ask a model."""

    text: str
    meant: str
    given: str | None
    by: By
    confidence: float | None

    @property
    def is_right(self) -> bool:
        """Whether it came to whom it was meant for, without any model."""
        return self.given == self.meant


def messages(name: str) -> list[dict[str, object]]:
    """Return a set: each message with its butler, and what the user and the butler said before it."""
    return [json.loads(line) for line in (SETS / f"{name}.jsonl").read_text().splitlines()]


def place_all(folder: Path, claude: AnthropicServer, name: str) -> list[Placed]:
    """Place every message of a set, each in a chat of its own."""
    with Room(folder, claude) as room:
        room.household = read_household(ROOT / "household", "assistant")
        return [_place(room, number, one) for number, one in enumerate(messages(name))]


def _place(room: Room, number: int, one: dict[str, object]) -> Placed:
    before = one.get("before")
    for who, text in before if isinstance(before, list) else ():
        if who == "user":
            _say(room, number, text)
        else:
            _answer(room, number, who.removeprefix("butler:"), text)
        room.now += timedelta(seconds=40)
    _say(room, number, str(one["text"]))
    with room.database.read() as tx:
        row = decisions.last(tx, _conversation(room, number))
    assert row is not None
    return Placed(str(one["text"]), str(one["butler"]), row.butler, By(row.by), row.confidence)


def _say(room: Room, number: int, text: str) -> None:
    message = room.message(text)
    address = message.address.model_copy(update={"chat": f"{ADA.id}:{number}"})
    room.reception.receive([message.model_copy(update={"address": address})])


def _conversation(room: Room, number: int) -> int:
    address = room.message("").address.model_copy(update={"chat": f"{ADA.id}:{number}"})
    with room.database.read() as tx:
        found = conversations.find(tx, address)
    assert found is not None
    return found.id


def _answer(room: Room, number: int, butler: str, text: str) -> None:
    """Let a butler have answered what waits, whomever the switchboard would have chosen."""
    here = _conversation(room, number)
    with room.database.write() as tx:
        reply_id = outbox.add(tx, here, ReplyKind.ANSWER, text, room.now)
        waiting = update(inbox).where(inbox.c.conversation_id == here, inbox.c.state == "waiting")
        tx.execute(waiting.values(state="answered", reply_id=reply_id))
        if butler in room.household.butlers:
            tx.execute(update(rows).where(rows.c.conversation_id == here).values(butler=butler, by=By.LIKENESS))
            conversations.give(tx, here, butler)


def table(placed: Sequence[Placed]) -> Iterator[str]:
    """Give the lines of the table of docs/routing.md, the mistakes listed."""
    decided = [one for one in placed if one.given is not None]
    right = sum(one.is_right for one in decided)
    yield "| | messages | share |"
    yield "|---|---|---|"
    yield f"| all | {len(placed)} | |"
    yield f"| decided without any model | {len(decided)} | {len(decided) / len(placed):.1%} |"
    yield f"| of these, right | {right} | {right / len(decided):.1%} |"
    yield f"| left to the small model | {len(placed) - len(decided)} | {1 - len(decided) / len(placed):.1%} |"
    yield ""
    yield "| mistaken, or left to the small model | for | went to | by | sure |"
    yield "|---|---|---|---|---|"
    for one in placed:
        if not one.is_right:
            sure = "" if one.confidence is None else f"{one.confidence:.0%}"
            yield f"| {one.text} | {one.meant} | {one.given or '(small model)'} | {one.by} | {sure} |"


def main(names: Sequence[str]) -> None:
    """Print the tables."""
    with TemporaryDirectory() as folder, AnthropicServer() as claude:
        for name in names or sorted(path.stem for path in SETS.glob("*.jsonl")):
            (Path(folder) / name).mkdir()
            print(f"{name}\n", *table(place_all(Path(folder) / name, claude, name)), "", sep="\n")  # noqa: T201 - its purpose


if __name__ == "__main__":
    main(sys.argv[1:])
