"""A butler's schedules as its butler.toml says them, checked as far as a file alone can be."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from bot.checks import fault_of
from bot.schedules import when as times
from bot.schedules.clock_words import LENGTH, read_length
from bot.schedules.looks import FORMS
from bot.schedules.when import When
from bot.zones import read_zone

_INTERVAL = re.compile(rf"(?:every\s+)?(?:{LENGTH})", re.IGNORECASE)
_PLACE = re.compile(r"[a-z][a-z0-9_-]*:\S+")
WHENS, PROMPTS = ("cron", "every", "at"), ("prompt", "prompt_file")


def read_interval(text: str) -> timedelta:
    """Read an interval such as 2h. Raises ValueError with what is wrong."""
    words = text.strip().lower()
    if not _INTERVAL.fullmatch(words):
        raise ValueError(f"“{text}” is no interval; write it like 30m, 2h or 1d")
    return sum(read_length(words.removeprefix("every").strip()), timedelta())


def _cron(text: str) -> str:
    times.cron(text, ZoneInfo("UTC"), datetime.now(UTC))
    return text


def _interval(text: str) -> str:
    times.every(read_interval(text), ZoneInfo("UTC"), datetime.now(UTC))
    return text


def _moment(value: object) -> object:
    """Read a point in time in ISO form, also one that TOML itself knows."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"“{value}” is no date and time; write it like 2026-12-24T18:00") from None
    if isinstance(value, datetime):
        return value
    raise ValueError("is no date and time; write it like 2026-12-24T18:00")


def _end(value: object) -> object:
    """Read the last day or moment."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"“{value}” is no date; write it like 2026-12-24") from None
    return value if isinstance(value, date) and not isinstance(value, datetime) else _moment(value)


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; say what the butler is to do, such as “Brief me on the day.”")
    return text


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not path.strip() or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError(f"“{path}” must be a file in the butler's own folder, such as practice/briefing.md")
    return path


def _zone(name: str) -> str:
    return read_zone(name).key


def _place(text: str) -> str:
    if not _PLACE.fullmatch(text):
        raise ValueError(f"“{text}” must be a chat and an id in it, such as telegram:7 or slack:C123")
    return text


Dollars = Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=4)]


class ScheduleTable(BaseModel):
    """A `[[butler.schedule]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    every: Annotated[str, AfterValidator(_interval)] | None = None
    at: Annotated[datetime, BeforeValidator(_moment)] | None = None
    prompt: Annotated[str, AfterValidator(_words)] | None = None
    prompt_file: Annotated[str, AfterValidator(_inside)] | None = None
    zone: Annotated[str, AfterValidator(_zone)] | None = None  # none: the person's, and it follows them
    silent: bool = False
    urgent: bool = False
    exact: bool = False
    catch_up: Literal["latest", "all", "skip"] = "latest"
    until: Annotated[datetime | date, BeforeValidator(_end)] | None = None
    max_cost: Dollars | None = None
    max_cost_month: Dollars | None = None
    person: Annotated[str, AfterValidator(_place)] | None = None  # none: the first owner
    to: Annotated[str, AfterValidator(_place)] | None = None  # none: the person's main chat
    check: Mapping[str, Any] | None = None

    @field_validator("check")
    @classmethod
    def _is_a_check(cls, check: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Refuse a look that the house does not know; what a module looks at is for the module to say."""
        name = check.get("name") if check is not None else None
        if check is not None and not isinstance(name, str):
            raise ValueError('must name what is looked at, such as { name = "changed_file", path = "notes.md" }')
        if check is not None and isinstance(name, str) and "." not in name and (fault := fault_of(check, FORMS)):
            raise ValueError(fault)
        return check

    @model_validator(mode="after")
    def _says_one_of_each(self) -> Self:
        _one_of(self, WHENS, 'say when it is due, such as cron = "30 7 * * 1-5", every = "2h" or at = "2026-12-24T18:00"')
        _one_of(self, PROMPTS, 'say what is to be done, such as prompt = "Brief me." or prompt_file = "practice/briefing.md"')
        return self

    def when(self, zone: ZoneInfo, now: datetime) -> When:
        """Return when it is due, in the zone that counts for it."""
        if self.cron is not None:
            return times.cron(self.cron, zone, now)
        if self.every is not None:
            return times.every(read_interval(self.every), zone, now)
        at = self.at or now
        return times.once(at if at.tzinfo else at.replace(tzinfo=zone), zone)

    def ends(self, zone: ZoneInfo) -> datetime | None:
        """Return its last moment; a day counts whole."""
        if self.until is None:
            return None
        last = self.until if isinstance(self.until, datetime) else datetime.combine(self.until, time(23, 59, 59))
        return (last if last.tzinfo else last.replace(tzinfo=zone)).astimezone(UTC)


def _one_of(table: ScheduleTable, names: Sequence[str], how: str) -> None:
    given = [name for name in names if getattr(table, name) is not None]
    if not given:
        raise ValueError(f"lacks {' or '.join(names)}: {how}")
    if len(given) > 1:
        raise ValueError(f"has {' and '.join(given)}, of which there can be one: {how}")


def faults_between(tables: Sequence[ScheduleTable], modules: Mapping[str, object]) -> list[tuple[int, str, str]]:
    """Return what only shows when all schedules are read: which one, its key, and what is wrong."""
    found, seen = [], set()
    for position, table in enumerate(tables):
        if table.name in seen:
            found.append((position, "name", f"“{table.name}” names another schedule already; give each its own name"))
        seen.add(table.name)
        module, dot, _ = str((table.check or {}).get("name", "")).rpartition(".")
        if dot and module not in modules:
            found.append(
                (position, "check", f"looks into the module {module}, which this file does not have: [modules.{module}]")
            )
    return found
