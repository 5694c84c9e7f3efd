"""Forgetting: carries out what is to be forgotten, in every store, a bounded stretch at a time."""

import logging
from dataclasses import dataclass
from time import monotonic

from bot import outbox
from bot.forgetting import cleaning, wishes
from bot.forgetting.wishes import CLEANING, State, Wish, cleaned
from bot.search import history
from bot.store.database import Database
from bot.turn import Clock
from skills.belongings import Belongings
from skills.memory import facts

TIMES = 2  # that all is gone through, the second time for what was said meanwhile
SECONDS = 0.5  # of a sweep, which has other things to do as well
PAGES = 200  # of the index, that are rewritten in one transaction
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Forgetting:
    """Goes on with it each time that somebody sweeps; several may, since doing it twice does no more."""

    database: Database
    belongings: Belongings
    clock: Clock

    def go_on(self) -> None:
        """Go on with what is wanted, and take what was deleted off the disk when all of it is clean."""
        clean: list[Wish] = []
        for _ in range(TIMES):
            with self.database.read() as tx:
                wanted = wishes.undone(tx)
            clean = [wish for wish in wanted if wish.state is State.CLEAN or self._clean(wish)]
        if clean and self._is_off_the_disk():
            for wish in clean:
                self._note_done(wish)

    def _clean(self, wish: Wish) -> bool:
        """Clean for a while; tell whether nothing says it any more."""
        if wish.what.butler is None:
            return cleaning.drop_all(self.database, wish, SECONDS)
        return cleaning.go_on(self.database, wish, self.belongings.forget, self.clock, SECONDS)

    def _is_off_the_disk(self) -> bool:
        deadline = monotonic() + SECONDS
        stores = self.belongings.stores()
        for index, store in ((history.INDEX, self.database), *((facts.INDEX, store) for store in stores)):
            is_settled = False
            while not is_settled:
                if monotonic() > deadline:
                    return False
                with store.write() as tx:
                    is_settled = index.settle(tx, PAGES)
        taken_off = [store.take_off() for store in (self.database, *stores)]
        return all(taken_off)

    def _note_done(self, wish: Wish) -> None:
        now = self.clock()
        with self.database.write() as tx:
            places = wishes.note_done(tx, wish, now)
            if places is None:
                return
            log.info("wish %s to forget is carried out: %s places were cleaned", wish.id, places)
            text = "" if wish.reply_id is None else outbox.text_of(tx, wish.reply_id)
            if wish.reply_id is not None and CLEANING in text:
                outbox.amend(tx, wish.reply_id, text.replace(CLEANING, cleaned(places)), now)
