"""/keys and /usage: how keys fare, and what this conversation has used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update

from bot.commands.book import Asking, Command
from bot.nearest import did_you_mean
from bot.roles import Right
from bot.store.treasury_tables import keys, sessions
from bot.treasury import figures, health
from bot.treasury import sessions as stays
from bot.treasury.accounts import Viewer
from bot.treasury.budgets import money
from bot.treasury.forecast import Forecast, forecast
from bot.treasury.prices import dollars
from bot.treasury.rests import rest_by_owner
from bot.treasury.ring import note
from bot.treasury.treasury import Treasury

USAGE = "Write `/keys`, `/keys probe ID`, `/keys rotate [ID]` or `/keys rest ID`."
LAST_TURNS = 50
LAST_EVENTS = 5


@dataclass(frozen=True)
class KeyringCommands:
    """/keys /usage."""

    treasury: Treasury

    def commands(self) -> tuple[Command, ...]:
        """Return them both."""
        keep = Right.KEEP_MONEY
        summary = "shows how the keys fare, and looks after them"
        return (
            Command("keys", "[probe|rotate|rest ID]", summary, self._keys, keep, private=True),
            Command("usage", "", "shows what this conversation has used", self._usage, Right.SEE_COSTS, private=True),
        )

    def _keys(self, asking: Asking) -> str:
        viewer = Viewer(asking.tx, asking.now, asking.zone, asking.person)
        try:
            return self.answer(viewer, asking.arguments.split(), asking.conversation.id)
        except ValueError as error:
            return f"{error} Nothing was changed."

    def answer(self, viewer: Viewer, words: list[str], conversation_id: int | None) -> str:
        """Show the keys, or do with one what an owner says; `conversation_id` is where they say it, if in a chat.

        Raises ValueError when nothing was changed.
        """
        if not words:
            return health.in_words(self.treasury, viewer)
        actions: dict[str, Callable[[Viewer, str, int | None], str]] = {
            "probe": self._probe,
            "rotate": self._rotate,
            "rest": self._rest,
        }
        action = actions.get(words[0].lower())
        if action is None:
            raise ValueError(f"`/keys` knows no {words[0]}.{did_you_mean(words[0], actions)} {USAGE}")
        return action(viewer, " ".join(words[1:]), conversation_id)

    def _probe(self, viewer: Viewer, key_id: str, conversation_id: int | None) -> str:
        row = _find(viewer, key_id)
        viewer.tx.execute(update(keys).where(keys.c.id == row.id).values(probe_asked=True, probe_for=conversation_id))
        told = "what it says follows" if conversation_id else "once the house runs, `butler keys` shows what came of it"
        return f"I am asking the provider of **{row.id}** whether it accepts the key; {told}. That spends nothing."

    def _rest(self, viewer: Viewer, key_id: str, conversation_id: int | None) -> str:
        row = _find(viewer, key_id)
        rest_by_owner(viewer.tx, row.id, viewer.now)
        note(viewer.tx, "rests", row.id, "an owner let it rest", viewer.now, conversation_id=conversation_id)
        return f"**{row.id}** rests until you say `/keys probe {row.id}`."

    def _rotate(self, viewer: Viewer, key_id: str, conversation_id: int | None) -> str:
        if conversation_id is None:
            return self._rotate_all(viewer, key_id)
        session = viewer.tx.execute(select(sessions).where(sessions.c.conversation_id == conversation_id)).first()
        if session is None:
            raise ValueError("Nothing has been asked in this conversation yet, so it holds no key.")
        if not key_id:
            stays.leave(viewer.tx, conversation_id, "an owner rotated it")
            return f"The next request here leaves **{session.key_id}** for the next key, if another one can be used."
        row = _find(viewer, key_id)
        stays.want(viewer.tx, conversation_id, row.id)
        return f"The next request here goes by **{row.id}**, if it can be used then."

    def _rotate_all(self, viewer: Viewer, key_id: str) -> str:
        row = _find(viewer, key_id) if key_id else None
        for one in viewer.tx.scalars(select(sessions.c.conversation_id)).all():
            if row is None:
                stays.leave(viewer.tx, one, "an owner rotated it")
            else:
                stays.want(viewer.tx, one, row.id)
        return "Every conversation goes on by " + (f"{row.id}, if it can be used." if row else "the next key, if there is one.")

    def _usage(self, asking: Asking) -> str:
        tx, here = asking.tx, asking.conversation.id
        spent = figures.of(tx, f"conversation:{here}", asking.now)
        last = figures.last_turns(tx, here, LAST_TURNS)
        if not last:
            return "No model has been asked in this conversation yet."
        session = tx.execute(select(sessions).where(sessions.c.conversation_id == here)).first()
        lines = [f"Here: {money(spent.today)} today ({spent.tokens_today:,} tokens), {money(spent.month)} this month"]
        if session is not None:
            lines.append(
                f"Key: **{session.key_id}** ({session.model}), {session.used:,} tokens since this conversation came to it"
            )
        lines.append(f"Last turn: {_used(figures.of_turns(tx, last[:1]))}")
        if len(last) > 1:
            lines.append(f"Last {len(last)} turns: {_used(figures.of_turns(tx, last))}")
        lines += _expected(forecast(tx, self.treasury, here, asking.now))
        lines += [f"Key history: {event}" for event in health.history(tx, asking.zone, LAST_EVENTS, here)]
        return "\n".join(f"- {line}" for line in lines)


def _used(used: figures.Used) -> str:
    cached = "" if used.cached is None else f" ({used.cached} % from the cache)"
    unknown = f", {used.unreported} of them reported by nobody" if used.unreported else ""
    requests = f"{used.requests} request{'' if used.requests == 1 else 's'}{unknown}"
    return f"{requests}, {used.prompt:,} tokens in{cached}, {used.output:,} out, {money(used.cost)}"


def _expected(found: Forecast | None) -> list[str]:
    if found is None:
        return []
    off = "" if found.off is None else f"; estimates were off by {found.off:.0%} so far"
    expected, low, high = (f"${dollars(amount):.4f}" for amount in (found.expected, found.low, found.high))
    return [f"Next request: about {expected} (from {low} to {high}){off}"]


def _find(viewer: Viewer, key_id: str) -> Row[Any]:
    found = {row.id: row for row in health.set_keys(viewer.tx)}
    meant = next((one for one in found if one.lower() == key_id.lower()), None)
    if meant is None:
        which = f"There is no key {key_id}.{did_you_mean(key_id, found)}" if key_id else "Which key?"
        raise ValueError(f"{which} The keys are {', '.join(found)}.")
    return found[meant]
