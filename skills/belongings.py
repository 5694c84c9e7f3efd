"""Belongings: what butlers keep for a person or a group, in the store of every butler."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.store import effects
from bot.store.database import Database
from skills.memory import facts
from skills.state import values


@dataclass(frozen=True)
class Belongings:
    """All that butlers keep; `stores` gives the store of each of them."""

    stores: Callable[[], Iterable[Database]]

    def forget(self, subject: str, keys: Sequence[str]) -> None:
        """Delete a subject's facts and values, and blank what these calls gave."""
        for store in self.stores():
            with store.write() as tx:
                facts.forget_all(tx, subject)
                values.forget_all(tx, subject)
                effects.blank(tx, keys)

    def move(self, subject: str, to: str) -> None:
        """Let a subject's facts and values be another's."""
        for store in self.stores():
            with store.write() as tx:
                facts.move_all(tx, subject, to)
                values.move_all(tx, subject, to)
