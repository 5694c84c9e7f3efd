"""Belongings: what butlers keep for a person or a group, in the store of every butler."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import ConfigurationError
from bot.forgetting.wishes import Wish
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
        steps = [(f"move:{move.id}", partial(_carry_out, move)) for move in moves]
        return moves[: min((self._take(butler, steps) for butler in self.butlers()), default=len(moves))]

    def forget(self, wish: Wish) -> bool:
        """Forget in every store, once for each time that all is gone through, what says it; tell whether all have done so."""
        key = f"forget:{wish.id}:{wish.state}"
        taken = [self._take(butler, [(key, partial(_forget, wish, butler))]) for butler in self.butlers()]
        return all(taken)

    def stores(self) -> list[Database]:
        """Return the stores that can be used."""
        return [self.store_of(butler) for butler in self.butlers() if monotonic() >= self._not_before.get(butler, 0.0)]

    def _take(self, butler: str, steps: Sequence[tuple[str, Callable[[Connection], str]]]) -> int:
        """Take steps in one store, each once, and return how many were; a store that cannot be used stops no other."""
        if monotonic() < self._not_before.get(butler, 0.0):
            return 0
        done = 0
        try:
            for key, step in steps:
                effects.once(self.store_of(butler), key, step)
                done += 1
        except (SQLAlchemyError, ConfigurationError, OSError):
            log.exception("the store of %s cannot be used; what is to be moved in it is tried again later", butler)
            self._not_before[butler] = monotonic() + AGAIN_AFTER
        return done


def _forget(wish: Wish, butler: str, tx: Connection) -> str:
    """Forget facts and whatever says the same in one store."""
    subject = closed.heir(tx, wish.what.subject) or wish.what.subject
    own = wish.what.facts if butler == wish.what.butler else ()
    same = [fact.id for fact in facts.known(tx, subject) if wish.traces.is_same(fact.text)]
    chains = {fact.id for number in (*own, *same) for fact in facts.chain(tx, subject, number)}
    facts.drop(tx, subject, sorted(chains))
    values.clean(tx, subject, wish.traces.clean_json)
    effects.blank_where(tx, wish.traces.is_same)
    return "forgotten"


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
