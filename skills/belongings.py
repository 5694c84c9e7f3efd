"""Belongings: what butlers keep for a person or a group, in the store of every butler."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import ConfigurationError
from bot.moves import Move
from bot.store import closed, effects
from bot.store.database import Database
from skills.memory import facts
from skills.state import values

AGAIN_AFTER = 60.0  # seconds, for a store that cannot be used
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Belongings:
    """All that butlers keep: `butlers` gives the names of those that have a store, and `store_of` opens one."""

    butlers: Callable[[], Iterable[str]]
    store_of: Callable[[str], Database]
    _not_before: dict[str, float] = field(default_factory=dict)

    def carry_out(self, moves: Sequence[Move]) -> Sequence[Move]:
        """Carry moves out in every store, each once and in their order; return those that are carried out in all."""
        return moves[: min((self._carry_out_in(butler, moves) for butler in self.butlers()), default=len(moves))]

    def _carry_out_in(self, butler: str, moves: Sequence[Move]) -> int:
        """Carry moves out in one store and return how many were; a store that cannot be used stops no other."""
        if monotonic() < self._not_before.get(butler, 0.0):
            return 0
        done = 0
        try:
            for move in moves:
                effects.once(self.store_of(butler), f"move:{move.id}", partial(_carry_out, move))
                done += 1
        except (SQLAlchemyError, ConfigurationError, OSError):
            log.exception("the store of %s cannot be used; what is to be moved in it is tried again later", butler)
            self._not_before[butler] = monotonic() + AGAIN_AFTER
        return done


def _carry_out(move: Move, tx: Connection) -> str:
    """Hand over or forget what one store keeps, and see to it that nothing comes after."""
    if move.into == move.subject:
        closed.open_again(tx, move.subject)
        return "open"
    into = None if move.into is None else closed.heir(tx, move.into)
    if into is None:
        facts.forget_all(tx, move.subject)
        values.forget_all(tx, move.subject)
        effects.blank(tx, move.calls)
    else:
        facts.move_all(tx, move.subject, into)
        values.move_all(tx, move.subject, into)
    closed.close(tx, move.subject, into)
    return "closed"
