"""Commands by which people arrange the house for themselves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import update

from bot import quiet, unasked
from bot.commands.book import Asking, Command
from bot.linking import Linking
from bot.names import bold
from bot.nearest import did_you_mean
from bot.people import Mode, Person
from bot.roles import Right
from bot.schedules import allowance, book
from bot.store.tables import people
from bot.zones import read_zone

LONGEST_LANGUAGE = 40
OFF = "off"
_LANGUAGE = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")
_MODES = {
    Mode.STEER: "what you write while a butler works is read at its next step",
    Mode.QUEUE: "what you write while a butler works waits until it is done",
    Mode.INTERRUPT: "what you write while a butler works stops it, and it begins anew with all that you asked",
}
_Changes = tuple[dict[str, Any], str]


@dataclass(frozen=True)
class OwnCommands:
    """/settings /mode /verbose /quiet /link."""

    linking: Linking

    def commands(self) -> tuple[Command, ...]:
        """Return them all."""
        settings = "[zone|language|quiet|unasked|mode|verbose VALUE]"
        meanwhile = "shows and changes what becomes of what you write while a butler works"
        tools = "shows and changes whether answers say which tools were used"
        hours = "shows and changes the hours in which you hear only what you ask for"
        return (
            Command("settings", settings, "shows and changes your own settings", _settings, private=True),
            Command("mode", f"[{'|'.join(Mode)}]", meanwhile, _modes),
            Command("verbose", "[on|off]", tools, _verbosity),
            Command("quiet", "[22:00-07:00|off]", hours, _quiet_hours, private=True),
            Command("link", "[CODE]", "gives you the same place in a second chat", self._link, Right.LINK, private=True),
        )

    def _link(self, asking: Asking) -> str:
        if not asking.arguments:
            return self.linking.offer(asking)
        done = self.linking.enter(asking)
        asking.rung.extend(done.rung)
        return done.sentence


def change(asking: Asking, name: str, value: str) -> str:
    """Change a setting of who asks, and what follows from it; return what it is now. Raises ValueError with a sentence."""
    changes, sentence = _SETTERS[name](value.strip(), asking)
    asking.tx.execute(update(people).where(people.c.id == asking.person.id).values(changes))
    if changes.get("zone"):
        followers = book.move_zone(asking.tx, asking.person.id, ZoneInfo(changes["zone"]), asking.now)
        if name == "zone" and followers:
            sentence += f" {followers} schedule{'s follow' if followers > 1 else ' follows'} it."
    if not changes.keys().isdisjoint(("zone", "quiet")):
        asking.rung.extend(unasked.hold_anew(asking.tx, asking.person.id, asking.now))
    return sentence


def _settings(asking: Asking) -> str:
    name, _, value = asking.arguments.partition(" ")
    if not name:
        return _show(asking.person, asking.zone)
    if name.lower() not in _SETTERS:
        return f"There is no setting {name}.{did_you_mean(name, _SETTERS)} There are {', '.join(_SETTERS)}."
    if not value.strip():
        return f"Say what it shall be: `/settings {name.lower()} VALUE`. `/settings` shows how it stands."
    try:
        return change(asking, name.lower(), value)
    except ValueError as error:
        return str(error)


def _quiet_hours(asking: Asking) -> str:
    if not asking.arguments:
        how = "`/quiet off` takes them away." if asking.person.quiet else "For example `/quiet 22:00-07:00`."
        return f"Quiet hours ({asking.zone}): {_quiet_in_words(asking.person)}. {how}"
    return _changed(asking, "quiet")


def _quiet_in_words(person: Person) -> str:
    return f"{person.quiet}: what you did not ask for waits until they are over" if person.quiet else OFF


def _show(person: Person, zone: ZoneInfo) -> str:
    lines = (
        f"zone: {zone}" + ("" if person.zone else " (the house’s)"),
        f"language: {person.language or 'the one that you write in'}",
        f"quiet: {_quiet_in_words(person)}",
        f"unasked: {_unasked_in_words(allowance.of(person))}",
        f"mode: {person.mode}: {_MODES[person.mode]}",
        f"verbose: {_verbose_in_words(is_on=person.verbose)}",
    )
    return "\n".join(f"- {line}" for line in lines) + (
        "\n\nFor example `/settings zone Europe/Berlin`, `/settings language German`, `/settings quiet 22:00-07:00` (or "
        "`off`), `/settings unasked 1` (or `0`, `3`, `5`), `/settings mode queue` (or `steer`, `interrupt`), `/settings "
        "verbose on` (or `off`)."
    )


def _zone(value: str, asking: Asking) -> _Changes:
    zone = read_zone(value)
    return {"zone": zone.key}, f"Your zone is {zone}; it is {asking.now.astimezone(zone):%H:%M} there."


def _language(value: str, asking: Asking) -> _Changes:
    del asking
    if value.casefold() == OFF:
        return {"language": None}, "The butlers answer in the language that you write in."
    if not _LANGUAGE.fullmatch(value) or len(value) > LONGEST_LANGUAGE:
        raise ValueError("Name a language in letters, such as German; `off` means the one that you write in.")
    return {"language": value}, f"The butlers answer you in {value}."


def _quiet(value: str, asking: Asking) -> _Changes:
    if value.casefold() == OFF:
        return {"quiet": None}, "You have no quiet hours any more."
    hours = quiet.in_words(quiet.read_hours(value))
    # Quiet hours are hours of a zone: who has none of their own takes the house's, and keeps it.
    sentence = f"Between {hours.replace('-', ' and ')} ({asking.zone}) you hear nothing that you did not ask for."
    return {"quiet": hours, "zone": str(asking.zone)}, sentence


def _unasked(value: str, asking: Asking) -> _Changes:
    del asking
    if value not in map(str, allowance.CHOICES):
        *some, last = map(str, allowance.CHOICES)
        raise ValueError(
            f"{value} is none of {', '.join(some)} and {last}: so often a day butlers may write of their own accord."
        )
    return {"allowance": int(value)}, f"From here on: {_unasked_in_words(int(value))}."


def _unasked_in_words(most: int) -> str:
    if not most:
        return "butlers never write to you of their own accord"
    return f"butlers may write to you {'once' if most == 1 else f'{most} times'} a day of their own accord"


def _mode(value: str, asking: Asking) -> _Changes:
    del asking
    if value.lower() not in list(Mode):
        raise ValueError(f"There is no mode {value}.{did_you_mean(value, Mode)} There are {', '.join(Mode)}.")
    return {"mode": value.lower()}, f"From here on, {_MODES[Mode(value.lower())]}."


def _modes(asking: Asking) -> str:
    if asking.arguments:
        return _changed(asking, "mode")
    lines = [f"- {bold(one) if one is asking.person.mode else one}: {words}" for one, words in _MODES.items()]
    return "\n".join((f"Your mode is {bold(asking.person.mode)}.", "", *lines, "", "For example `/mode queue`."))


def _verbose(value: str, asking: Asking) -> _Changes:
    del asking
    if value.casefold() not in ("on", OFF):
        raise ValueError(f"{value} is neither on nor off.")
    is_on = value.casefold() == "on"
    return {"verbose": is_on}, f"From here on {_verbose_in_words(is_on=is_on)}."


def _verbose_in_words(*, is_on: bool) -> str:
    return "a line under each answer says which tools were used" if is_on else "answers come without a word about tools"


def _verbosity(asking: Asking) -> str:
    if asking.arguments:
        return _changed(asking, "verbose")
    is_on = asking.person.verbose
    how = "`/verbose off` takes it away." if is_on else "`/verbose on` adds a line about them."
    return f"As it stands, {_verbose_in_words(is_on=is_on)}. {how}"


def _changed(asking: Asking, name: str) -> str:
    try:
        return change(asking, name, asking.arguments)
    except ValueError as error:
        return str(error)


_SETTERS: Mapping[str, Callable[[str, Asking], _Changes]] = {
    "zone": _zone,
    "language": _language,
    "quiet": _quiet,
    "unasked": _unasked,
    "mode": _mode,
    "verbose": _verbose,
}
