"""Commands by which people arrange the house for themselves."""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import update

from bot import quiet
from bot.commands.book import Asking, Command
from bot.linking import Linking
from bot.nearest import did_you_mean
from bot.people import Mode, Person
from bot.roles import Right
from bot.store.tables import people

LONGEST_LANGUAGE = 40
OFF = "off"
_LANGUAGE = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")
_MODES = {
    Mode.STEER: "what you write while a butler works is read at its next step",
    Mode.QUEUE: "what you write while a butler works waits until it is done",
}


@dataclass(frozen=True)
class OwnCommands:
    """/settings /link."""

    linking: Linking

    def commands(self) -> tuple[Command, ...]:
        """Return them both."""
        settings = "[zone|language|quiet|mode VALUE]"
        return (
            Command("settings", settings, "shows and changes your own settings", _settings, private=True),
            Command("link", "[CODE]", "gives you the same place in a second chat", self._link, Right.LINK, private=True),
        )

    def _link(self, asking: Asking) -> str:
        if not asking.arguments:
            return self.linking.offer(asking)
        done = self.linking.enter(asking)
        asking.rung.extend(done.rung)
        return done.sentence


def _settings(asking: Asking) -> str:
    name, _, value = asking.arguments.partition(" ")
    if not name:
        return _show(asking.person, asking.zone)
    setters = {"zone": _zone, "language": _language, "quiet": _quiet, "mode": _mode}
    setter = setters.get(name.lower())
    if setter is None:
        return f"There is no setting {name}.{did_you_mean(name, setters)} There are {', '.join(setters)}."
    if not value.strip():
        return f"Say what it shall be: `/settings {name.lower()} VALUE`. /settings shows how it stands."
    try:
        changes, sentence = setter(value.strip(), asking)
    except ValueError as error:
        return str(error)
    asking.tx.execute(update(people).where(people.c.id == asking.person.id).values(changes))
    return sentence


def _show(person: Person, zone: ZoneInfo) -> str:
    quiet_hours = f"{person.quiet}: what you did not ask for waits until they are over" if person.quiet else OFF
    lines = (
        f"zone: {zone}" + ("" if person.zone else " (the house’s)"),
        f"language: {person.language or 'the one that you write in'}",
        f"quiet: {quiet_hours}",
        f"mode: {person.mode}: {_MODES[person.mode]}",
    )
    return "\n".join(f"- {line}" for line in lines) + (
        "\n\nFor example `/settings zone Europe/Berlin`, `/settings language German`, `/settings quiet 22:00-07:00` (or "
        "`off`), `/settings mode queue` (or `steer`)."
    )


def _zone(value: str, asking: Asking) -> tuple[dict[str, str | None], str]:
    zones = {name.casefold(): name for name in available_timezones()}
    name = zones.get(value.casefold())
    if name is None:
        raise ValueError(f"{value} is no zone such as Europe/Berlin.{did_you_mean(value.replace(' ', '_'), zones.values())}")
    local = asking.now.astimezone(ZoneInfo(name))
    return {"zone": name}, f"Your zone is {name}; it is {local:%H:%M} there."


def _language(value: str, asking: Asking) -> tuple[dict[str, str | None], str]:
    del asking
    if value.casefold() == OFF:
        return {"language": None}, "The butlers answer in the language that you write in."
    if not _LANGUAGE.fullmatch(value) or len(value) > LONGEST_LANGUAGE:
        raise ValueError("Name a language in letters, such as German; `off` means the one that you write in.")
    return {"language": value}, f"The butlers answer you in {value}."


def _quiet(value: str, asking: Asking) -> tuple[dict[str, str | None], str]:
    if value.casefold() == OFF:
        return {"quiet": None}, "You have no quiet hours any more."
    hours = quiet.in_words(quiet.read_hours(value))
    # Quiet hours are hours of a zone: who has none of their own takes the house's, and keeps it.
    sentence = f"Between {hours.replace('-', ' and ')} ({asking.zone}) you hear nothing that you did not ask for."
    return {"quiet": hours, "zone": str(asking.zone)}, sentence


def _mode(value: str, asking: Asking) -> tuple[dict[str, str | None], str]:
    del asking
    if value.lower() not in list(Mode):
        raise ValueError(f"There is no mode {value}.{did_you_mean(value, Mode)} There are {' and '.join(Mode)}.")
    return {"mode": value.lower()}, f"From here on, {_MODES[Mode(value.lower())]}."
