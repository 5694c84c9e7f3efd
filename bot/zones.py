"""Zones of time as people name them."""

import re
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from bot.nearest import did_you_mean

EXAMPLE = "Europe/Berlin"
_LOOKS_LIKE_ONE = re.compile(r"[a-z_]{2,}/[a-z_]{2,}[a-z0-9_/+-]*|utc", re.IGNORECASE)


def read_zone(text: str) -> ZoneInfo:
    """Return the zone of a name, in whatever letters. Raises ValueError with a sentence."""
    name = names().get(text.strip().replace(" ", "_").casefold())
    if name is None:
        meant = did_you_mean(text.replace(" ", "_"), names().values())
        raise ValueError(f"{text} is no zone such as {EXAMPLE}.{meant}")
    return ZoneInfo(name)


def find_zone(word: str) -> ZoneInfo | None:
    """Return the zone that a word among others names as an area and a city, or as UTC; None for any other word."""
    name = names().get(word.casefold()) if looks_like_zone(word) else None
    return None if name is None else ZoneInfo(name)


def looks_like_zone(word: str) -> bool:
    """Tell whether a word is written as zones are; Turkey and Japan are zones, too, and mean something else in a sentence."""
    return _LOOKS_LIKE_ONE.fullmatch(word) is not None


@cache
def names() -> dict[str, str]:
    """Return every zone by its name in small letters."""
    return {name.casefold(): name for name in available_timezones()}
