"""Commands by which owners look after the people of the house."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from bot import codes, moves, pairing, people
from bot.commands.book import Asking, Command, is_number
from bot.nearest import did_you_mean
from bot.people import Gate, Person, Source
from bot.questions import Answerer, press
from bot.removal import Removal, why_kept
from bot.roles import Right, Role, a
from bot.store.tables import identities, turns
from bot.store.tables import people as people_rows
from bot.treasury import figures
from bot.treasury.figures import Spending
from bot.treasury.prices import dollars

USAGE = (
    "Write `/people` for the list, `/people role ID owner|member|guest`, `/people remove ID` or `/people admit ID "
    "member|guest`, with a number of that list."
)
GIVEN = (Role.OWNER, Role.MEMBER, Role.GUEST)


@dataclass(frozen=True)
class FolkCommands:
    """/people /pair."""

    gate: Gate
    removal: Removal
    answerers: Mapping[str, Answerer]

    def commands(self) -> tuple[Command, ...]:
        """Return them both."""
        keep = Right.KEEP_PEOPLE
        usage = "[role|remove|admit ID …]"
        return (
            Command("people", usage, "lists people, and changes what they may", self._people, keep, private=True),
            Command("pair", "CODE [guest]", "lets in whoever shows this code", self._pair, keep, private=True),
        )

    def _people(self, asking: Asking) -> str:
        words = asking.arguments.split()
        if not words:
            return _list(asking)
        actions: dict[str, Callable[[Asking, Person, str], str]] = {
            "role": self._give_role,
            "remove": self._remove,
            "admit": self._admit,
        }
        action = actions.get(words[0].lower())
        if action is None:
            return f"I cannot {words[0]} people.{did_you_mean(words[0], actions)} {USAGE}"
        number = words[1] if len(words) > 1 else ""
        person = people.find(asking.tx, int(number)) if is_number(number) else None
        if person is None:
            return f"There is no person {number}. `/people` lists them." if number else USAGE
        return action(asking, person, " ".join(words[2:]).lower())

    def _give_role(self, asking: Asking, person: Person, wanted: str) -> str:
        if wanted not in GIVEN:
            return f"There is no role {wanted}.{did_you_mean(wanted, GIVEN)} There are {', '.join(GIVEN)}." if wanted else USAGE
        if person.role is Role.REMOVED:
            return f"{person.name} is removed. `/people admit {person.id}` lets them in again."
        role = Role(wanted)
        kept = why_kept(asking.tx, self.gate, person) if role is not Role.OWNER else None
        if kept:
            return kept
        people.give_role(asking.tx, person, role)
        return f"**{person.name}** is {a(role)} from here on."

    def _remove(self, asking: Asking, person: Person, rest: str) -> str:
        del rest
        if person.role is Role.REMOVED:
            return f"{person.name} is removed already."
        if person.id == asking.person.id:
            return "You cannot remove yourself; another owner can."
        kept = why_kept(asking.tx, self.gate, person)
        return kept or self.removal.ask(asking.tx, asking.person, person, asking.reply_id, asking.now)

    def _admit(self, asking: Asking, person: Person, wanted: str) -> str:
        wanted = wanted or Role.MEMBER
        if wanted not in pairing.ROLES:
            return f"Say `/people admit {person.id} member` or `/people admit {person.id} guest`."
        if person.role is not Role.REMOVED:
            return f"{person.name} is {a(person.role)} already."
        people.give_role(asking.tx, person, Role(wanted))
        moves.keep_again(asking.tx, person.id, asking.now)
        # An owner's word counts from here on, whatever the lists of the settings say.
        listed = (identities.c.person_id == person.id, identities.c.source == Source.LIST)
        asking.tx.execute(update(identities).where(*listed).values(source=Source.PAIRED))
        return f"**{person.name}** is let in again, as {a(Role(wanted))}."

    def _pair(self, asking: Asking) -> str:
        typed, _, wanted = asking.arguments.partition(" ")
        wanted = wanted.strip().lower() or Role.MEMBER
        if not typed or wanted not in pairing.ROLES:
            return "Write `/pair CODE`, or `/pair CODE guest`, with the code that the stranger shows you."
        gesture = f"reply:{asking.reply_id}"
        code = codes.enter(asking.tx, pairing.CODE, typed, f"person:{asking.person.id}", gesture, asking.now)
        if isinstance(code, str):
            return code
        token = f"{code.question_id}:{pairing.ROLES.index(Role(wanted))}"
        outcome = press(asking.tx, self.answerers, asking.person, token, asking.now, asking.zone)
        asking.rung.extend((*outcome.replies, *outcome.rung))
        return outcome.sentence


def _list(asking: Asking) -> str:
    tx = asking.tx
    spent = figures.by_spender(tx, asking.now)
    served = _by_person(tx, select(turns.c.person_id, func.max(turns.c.started_at)).group_by(turns.c.person_id))
    lines = []
    for row in tx.execute(select(people_rows).order_by(people_rows.c.id)):
        chats = [f"{one.channel} {one.external_id} ({one.source})" for one in people.identities_of(tx, row.id)]
        if chats:
            lines.append(_line(row, chats, spent.get(f"person:{row.id}", Spending()).month, served.get(row.id), asking))
    return "\n".join(lines) + f"\n\n{USAGE}"


def _line(row: Row[Any], chats: list[str], spent: int, served: datetime | None, asking: Asking) -> str:
    last = f"last served {served.astimezone(asking.zone):%Y-%m-%d}" if served else "never served"
    return f"- {row.id}: **{row.name}**, {row.role}: {', '.join(chats)}; ${dollars(spent):.2f} this month, {last}"


def _by_person(tx: Connection, query: Any) -> dict[int, Any]:  # noqa: ANN401 - whatever is counted
    return {row[0]: row[1] for row in tx.execute(query)}
