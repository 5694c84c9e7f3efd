"""The time tool of a butler."""

from functools import cache
from zoneinfo import ZoneInfo

from bot import zones
from bot.nearest import did_you_mean
from bot.tools import Context, Effect, ToolError, tool


class Time:
    """The clock, read in other zones."""

    @tool(Effect.READ, doing="looking at the clock")
    def current_time(self, context: Context, place: str = "") -> str:
        """Return the present time in an IANA zone or a city that names one; without a place, the house's."""
        zone = ZoneInfo(_zone(place)) if place.strip() else context.zone
        return f"{context.now.astimezone(zone):%A %Y-%m-%d %H:%M:%S %Z (UTC%z)} in {zone}"


def _zone(place: str) -> str:
    wanted = place.strip().replace(" ", "_").casefold()
    try:
        return _zones()[wanted]
    except KeyError:
        raise ToolError(f"{place} names no IANA zone.{did_you_mean(wanted, _zones())}") from None


@cache
def _zones() -> dict[str, str]:
    """Return every zone by its full name and, where that is not ambiguous, by its city."""
    cities: dict[str, list[str]] = {}
    for zone in zones.names().values():
        cities.setdefault(zone.rpartition("/")[2].casefold(), []).append(zone)
    by_city = {city: min(found, key=lambda zone: ("/" not in zone, zone)) for city, found in cities.items()}
    return by_city | zones.names()
