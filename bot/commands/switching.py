"""Switching schedules off and on, for good or for a while, by command or by the buttons below them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot import questions, stopping
from bot.commands.book import Asking
from bot.household import Household
from bot.people import Person
from bot.ports import Json
from bot.questions import Done, Question
from bot.schedules import book, english, standing
from bot.schedules.book import OffBy, Schedule, Source
from bot.treasury.treasury import Treasury

KIND = "schedule"
PAUSE, RESUME, REMOVE = "Pause", "Resume", "Remove"
HOLDS = timedelta(days=7)  # as long as the buttons are good for something
_NOT_RESUMED = (OffBy.DONE, OffBy.TOML, OffBy.BUTLER)


@dataclass(frozen=True)
class Switching:
    """What switches schedules; each raises ValueError with a sentence when nothing was changed."""

    household: Callable[[], Household]
    treasury: Treasury

    def pause(self, tx: Connection, one: Schedule, now: datetime) -> str:
        """Let a schedule rest, and stop what is done for it now; return what came of it."""
        if not one.is_on:
            raise ValueError(f"{one.title} is off already: {standing.why_off(one)}.")
        book.switch_off(tx, one.id, OffBy.PERSON)
        return f"Paused: {one.title}.{self._stopped(tx, one, now)}"

    def resume(self, tx: Connection, one: Schedule, now: datetime) -> Schedule:
        """Let a schedule go on, and return it."""
        if one.is_on:
            raise ValueError(f"{one.title} is not paused.")
        if one.off_by is OffBy.TOML:
            raise ValueError(f"{one.title} stands in butler.toml of {one.butler} no more. Put it back there, and it goes on.")
        if one.butler not in self.household().butlers:
            raise ValueError(f"{one.title} is for {one.butler}, and there is no such butler any more.")
        try:
            return book.switch_on(tx, one, now)
        except ValueError:
            raise ValueError(
                f"{one.title} has no time to come. `/schedule edit {one.id} tomorrow 8:00` gives it one."
            ) from None

    def remove(self, tx: Connection, one: Schedule, now: datetime) -> str:
        """Take a schedule away, and stop what is done for it now; return what came of it."""
        if not may_go(one):
            how = "take it out of butler.toml" if one.source is Source.TOML else f"empty {one.prompt_file}"
            raise ValueError(
                f"{one.title} is kept in the folder of {one.butler} and cannot be removed from here: "
                f"`/schedule pause {one.id}`, or {how}."
            )
        book.switch_off(tx, one.id, OffBy.REMOVED)
        return f"Removed: {one.title}.{self._stopped(tx, one, now)}"

    def answer(self, tx: Connection, person: Person, about: Json, position: int, now: datetime) -> Done:
        """Do what a button below a schedule says."""
        one = book.get(tx, int(about["id"]))
        if one is None or one.off_by is OffBy.REMOVED or one.person_id not in (None, person.id):
            return Done("That schedule is gone; nothing was changed.")
        try:
            match about["does"][position]:
                case "Pause":
                    return Done(f"{self.pause(tx, one, now)} `/schedule resume {one.id}` takes it up again.")
                case "Resume":
                    on = self.resume(tx, one, now)
                    return Done(f"{on.title} goes on. {english.in_words(on, person.zone or on.when.zone, now)}")
                case _:
                    return Done(self.remove(tx, one, now))
        except ValueError as error:
            return Done(f"{error} Nothing was changed.")

    def _stopped(self, tx: Connection, one: Schedule, now: datetime) -> str:
        said = stopping.stop_schedule(tx, self.treasury, one, now)
        return f" {said}" if said else ""


def offer(asking: Asking, one: Schedule) -> None:
    """Put the buttons that do something about a schedule below the answer."""
    does = [PAUSE] if one.is_on else [RESUME] if one.off_by not in _NOT_RESUMED else []
    does += [REMOVE] if may_go(one) else []
    if does:
        question = Question(KIND, {"id": one.id, "does": does}, does, asking.person.id, asking.now + HOLDS)
        questions.ask_in(asking.tx, question, asking.reply_id, asking.now)


def may_go(one: Schedule) -> bool:
    """Tell whether a person can remove a schedule: one that they made, or that nothing keeps any more."""
    return one.source is Source.CHAT or one.off_by in (OffBy.TOML, OffBy.BUTLER)
