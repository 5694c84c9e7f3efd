"""What the shell can ask of a house: its butlers, its schedules, and what is set aside."""

import re
from pathlib import Path

from adapters.chats.slack.manifest import manifest
from bot.commands.look import failed_in_words, shortcomings
from bot.errors import ConfigurationError
from bot.household import NAME, Household, read_household
from bot.schedules import book
from bot.schedules.naming import LIVE
from bot.schedules.standing import in_a_line
from bot.settings import Settings
from workers import modules
from workers.foundation import utc_now
from workers.house import House

_BUTLER = """\
[butler]
name = "{name}"
description = "{title}: what this butler is for, in one line"
"""
_CHARACTER = """\
You are {name}, a butler of this house.

You are friendly, exact and brief. You say what you do not know, and you never claim to have done what you have not done.
"""


def list_butlers(settings: Settings) -> int:
    """Print the household; return 1 when some of it cannot be used."""
    household = read_household(settings.household, settings.default_butler)
    print(in_words(household))  # noqa: T201 - its purpose
    return 1 if household.faults else 0


def in_words(household: Household) -> str:
    """Return the household as lines."""
    lines = []
    for butler in household.butlers.values():
        default = " (default)" if butler.name == household.default else ""
        lines.append(f"{butler.name}{default}: {butler.description}")
        lines += [f"  {problem}" for problem in shortcomings(butler, modules.missing(butler))]
    return "\n".join([*lines, *(f"⚠ {fault}" for fault in household.faults)])


def make_butler(settings: Settings, name: str) -> int:
    """Write a new butler's folder, ready to start. Raises ConfigurationError for a name that cannot be used."""
    if not re.fullmatch(NAME, name):
        raise ConfigurationError(
            f"{name} cannot be a butler's name. Take lower-case letters, digits and hyphens, a letter first, 32 at most."
        )
    folder = settings.household / name
    if folder.exists():
        raise ConfigurationError(f"{folder} is there already, and nothing in it was changed.")
    try:
        (folder / "skills").mkdir(parents=True)
        _write(folder / "butler.toml", _BUTLER.format(name=name, title=name.replace("-", " ").capitalize()))
        _write(folder / "CLAUDE.md", _CHARACTER.format(name=name))
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written: {error.strerror}. BUTLER_HOUSEHOLD names its place.") from None
    print(f"{folder} is ready. CLAUDE.md holds the butler's character; @{name} in a chat asks for it.")  # noqa: T201
    return 0


def list_schedules(settings: Settings) -> int:
    """Print what is done at times for everybody."""
    house = _open(settings)
    now = utc_now()
    with house.stores.house.read() as tx:
        found = book.find(tx, LIVE)
        for one in found:
            print(in_a_line(tx, one, settings.zone, now))  # noqa: T201
    if not found:
        print("Nothing is done at times.")  # noqa: T201
    return 0


def list_failed(settings: Settings) -> int:
    """Print what is set aside; /retry in a chat tries it again."""
    house = _open(settings)
    with house.stores.house.read() as tx:
        print("\n".join(failed_in_words(tx, None)) or "Nothing is set aside.")  # noqa: T201
    return 0


def print_manifest(settings: Settings) -> int:
    """Print the manifest of the Slack app."""
    print(manifest(House(settings).commands().alone))  # noqa: T201
    return 0


def _open(settings: Settings) -> House:
    house = House(settings)
    house.look_in()
    return house


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
