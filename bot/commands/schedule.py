"""/schedule and /remind: what is done at times, and how people look after it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import select

from bot.commands import own, remind, switching
from bot.commands.agenda import agenda_command, mine
from bot.commands.book import Asking, Command, is_number
from bot.commands.switching import Switching
from bot.household import Household
from bot.nearest import did_you_mean
from bot.questions import Answerer
from bot.roles import Right
from bot.schedules import book, english, naming, runs, standing
from bot.schedules.book import CatchUp, Purpose, Schedule, Source
from bot.schedules.firing import Firing
from bot.schedules.naming import LIVE
from bot.schedules.when import Form
from bot.store.schedule_tables import schedules
from bot.treasury.budgets import money

LAST_TIMES = 5
USAGE = (
    "Write `/schedule`, `/schedule add every weekday 7:30 :: brief me`, `/schedule show|run|pause|resume|remove ID`, "
    "`/schedule edit ID WHEN :: WHAT` or `/schedule zone Europe/Berlin`."
)
NONE_YET = (
    "Nothing is done at times for you here. `/schedule add every weekday 7:30 :: brief me` lets a butler do something, "
    "`/remind in 20 minutes take out the bread` reminds you."
)
_THEN = {"add": " Nothing was kept.", "show": "", "run": ""}  # besides what is wrong
_MISSED = {
    CatchUp.LATEST: "If the house is off at such a time, it is made up for; of several, the last",
    CatchUp.ALL: "If the house is off at such times, each is made up for",
    CatchUp.SKIP: "If the house is off at such a time, it is left out",
}


@dataclass(frozen=True)
class ScheduleCommands:
    """/schedule /remind /agenda."""

    household: Callable[[], Household]
    switching: Switching
    firing: Firing

    def commands(self) -> tuple[Command, ...]:
        """Return them all."""
        usage = "[add|show|run|pause|resume|edit|remove|zone …]"
        return (
            Command("schedule", usage, "shows and changes what is done at times", self._schedule, Right.SCHEDULE),
            Command("remind", "WHEN WHAT", "says to you at a time what you wish", self._remind, Right.SCHEDULE),
            agenda_command(),
        )

    @property
    def answerers(self) -> Mapping[str, Answerer]:
        """What the buttons below a schedule do."""
        return {switching.KIND: Answerer(Right.SCHEDULE, self.switching.answer)}

    def _schedule(self, asking: Asking) -> str:
        verb, _, rest = asking.arguments.partition(" ")
        actions: dict[str, Callable[[Asking, str], str]] = {
            "": _list,
            "list": _list,
            "add": self._add,
            "show": self._show,
            "run": self._run,
            "pause": self._pause,
            "resume": self._resume,
            "edit": self._edit,
            "remove": self._remove,
            "delete": self._remove,
            "zone": _zone,
        }
        if is_number(verb) and not rest:
            verb, rest = "show", verb
        action = actions.get(verb.lower())
        if action is None:
            return f"`/schedule` knows no {verb}.{did_you_mean(verb, filter(None, actions))} {USAGE}"
        try:
            return action(asking, rest.strip())
        except ValueError as error:
            return f"{error}{_THEN.get(verb.lower(), ' Nothing was changed.')}"

    def _remind(self, asking: Asking) -> str:
        try:
            made = remind.add(asking, self.household, Purpose.REMINDER)
        except ValueError as error:
            return f"{error} Nothing was kept."
        return _echo(asking, made, f"I shall remind you: {made.title}.")

    def _add(self, asking: Asking, words: str) -> str:
        made = remind.add(replace(asking, arguments=words), self.household, Purpose.TASK)
        return _echo(asking, made, f"{made.butler} will do it: {made.title}.")

    def _show(self, asking: Asking, words: str) -> str:
        one = _found(asking, words, "show")
        runs_of = standing.last_runs(asking.tx, one.id, LAST_TIMES)
        times = [
            f"- {english.moment(row.due_at, asking.zone, asking.now)}: {standing.outcome(row, asking.zone, asking.now)}"
            for row in runs_of
        ]
        head = _echo(asking, one, f"{one.title}, {standing.kind(one)}.")
        became = "\n".join(["Last times:", *times]) if times else "Not due so far."
        quoted = "\n".join(f"> {line}" for line in self.firing.words(one).splitlines()) or "It has no words at present."
        return "\n\n".join([head, "\n".join(f"- {fact}" for fact in _facts(asking, one)), became, quoted])

    def _run(self, asking: Asking, words: str) -> str:
        one = _claimed(asking, _found(asking, words, "run"))
        if not self.firing.words(one):
            raise ValueError(f"{one.title} cannot be run: {one.prompt_file} of {one.butler} is gone or empty.")
        asking.rung.extend(self.firing.by_hand(asking.tx, one, asking.now))
        if one.purpose is Purpose.REMINDER:
            return f"{one.title} is said now."
        return f"{one.butler} begins with {one.title} now.{_elsewhere(asking, one)}"

    def _pause(self, asking: Asking, words: str) -> str:
        one = _found(asking, words, "pause")
        said = self.switching.pause(asking.tx, one, asking.now)
        switching.offer(asking, book.get(asking.tx, one.id) or one)
        return f"{said} {english.rhythm(one.when, asking.now)} ({one.when.zone})."

    def _resume(self, asking: Asking, words: str) -> str:
        one = self.switching.resume(asking.tx, _found(asking, words, "resume"), asking.now)
        return _echo(asking, one, f"{one.title} goes on.")

    def _edit(self, asking: Asking, words: str) -> str:
        number, _, change = words.partition(" ")
        one = _found(asking, number, "edit")
        if one.source is not Source.CHAT:
            where = "butler.toml" if one.source is Source.TOML else one.prompt_file or "a file"
            raise ValueError(f"{one.title} stands in {where} in the folder of {one.butler}; change it there.")
        changed = remind.edit(asking, one, change.strip())
        return _echo(asking, changed, f"Changed: {changed.title}.")

    def _remove(self, asking: Asking, words: str) -> str:
        return self.switching.remove(asking.tx, _found(asking, words, "remove"), asking.now)


def _list(asking: Asking, _: str) -> str:
    costs = asking.person.may(Right.SEE_COSTS)
    return "\n".join(standing.listed(asking.tx, asking.zone, asking.now, *mine(asking), costs=costs)) or NONE_YET


def _zone(asking: Asking, words: str) -> str:
    if not words:
        return f"Your zone is {asking.zone}. `/schedule zone Europe/Berlin` changes it, and moves your schedules with it."
    return own.change(asking, "zone", words)


def _found(asking: Asking, words: str, verb: str) -> Schedule:
    """Return the schedule that somebody names by its number or its name. Raises ValueError with a sentence."""
    if not words:
        raise ValueError(f"Say which one, such as `/schedule {verb} 3`; `/schedule` lists them.")
    if is_number(words):
        number: int | None = int(words)
    else:
        rows = asking.tx.execute(select(schedules.c.id, schedules.c.name).where(*mine(asking), LIVE))
        number = next((row.id for row in rows if naming.is_called(row.name, words)), None)
    found = book.find(asking.tx, *mine(asking), schedules.c.id == number, limit=1)
    if not found:
        raise ValueError(f"You have no schedule {words} here; `/schedule` lists what there is.")
    return found[0]


def _claimed(asking: Asking, one: Schedule) -> Schedule:
    """Let a schedule that was for the owner, whoever that is, be for the one who asks."""
    if one.person_id is not None:
        return one
    return book.change(asking.tx, one, replace(one, person_id=asking.person.id), asking.now)


def _echo(asking: Asking, one: Schedule, lead: str) -> str:
    """Say of a schedule when it is due, with buttons below."""
    switching.offer(asking, one)
    when = standing.when(one, asking.zone, asking.now)
    return f"{lead} {when}{_elsewhere(asking, one)}{remind.quiet_note(asking, one)}"


def _elsewhere(asking: Asking, one: Schedule) -> str:
    """Return where a schedule's answers are told, unless it is here."""
    if one.silent:
        return " Its answers are kept in the log."
    place = runs.answers_in(asking.tx, one)
    if place is None or place.id == asking.conversation.id:
        return ""
    is_other = place.address.channel != asking.conversation.address.channel
    return f" You hear of it {f'on {place.address.channel.capitalize()}' if is_other else 'in another chat'}."


def _facts(asking: Asking, one: Schedule) -> Iterator[str]:
    keeps = {Source.CHAT: "Made in a chat", Source.TOML: f"Stands in butler.toml of {one.butler}"}
    yield keeps.get(one.source, f"Kept by the house for {one.butler}")
    is_once = one.when.form is Form.ONCE and one.catch_up is not CatchUp.SKIP
    yield "If the house is off then, it is made up for" if is_once else _MISSED[one.catch_up]
    if not one.follows:
        yield "Keeps its zone when you change yours"
    if one.urgent:
        yield "Does not wait for the end of quiet hours"
    if asking.person.may(Right.SEE_COSTS) and one.purpose is not Purpose.REMINDER:
        most = [f"{money(most)} {of}" for most, of in ((one.max_cost, "a run"), (one.max_cost_month, "a month")) if most]
        limit = f", of {' and '.join(most)} at most" if most else ""
        yield f"Cost so far: {money(standing.costs_of(asking.tx, [one.id])[one.id])}{limit}"
