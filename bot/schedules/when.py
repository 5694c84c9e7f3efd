"""When a schedule is due: once, by a cron expression in a zone, or every so often."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=366)
_LOOK_BACK = tuple(timedelta(days=days) for days in (1 / 24, 2, 40, 400, 366 * 9))
_FIELDS = 5  # cronsim would also take seconds


class Form(StrEnum):
    """How a schedule says when it is due."""

    ONCE = "once"
    CRON = "cron"
    EVERY = "every"


@dataclass(frozen=True)
class When:
    """When a schedule is due.

    `spec` is a point in time in ISO form, a cron expression of five fields, or a number of seconds. A cron expression is
    read in the zone; intervals are counted from the anchor, so that a restart moves none of them.
    """

    form: Form
    spec: str
    zone: ZoneInfo
    anchor: datetime

    def check(self) -> None:
        """Raise what reading its times would raise, where somebody damaged what is kept."""
        match self.form:
            case Form.ONCE:
                datetime.fromisoformat(self.spec)
            case Form.CRON:
                CronSim(self.spec, self.anchor)
            case Form.EVERY:
                int(self.spec)

    def is_like(self, other: "When") -> bool:
        """Tell whether two say the same; from where an interval is counted, a file and a chat do not say."""
        return (self.form, self.spec, self.zone) == (other.form, other.spec, other.zone)

    def going_on_from(self, known: "When | None") -> "When":
        """Return the same times, an interval counted on from where it was before."""
        is_same = known is not None and (self.form, self.spec) == (known.form, known.spec)
        return replace(self, anchor=known.anchor) if known is not None and is_same else self

    def after(self, moment: datetime) -> datetime | None:
        """Return the first due time after a moment; None when there is none any more."""
        return next(self.times(moment), None)

    def times(self, moment: datetime) -> Iterator[datetime]:
        """Give the due times after a moment, in UTC."""
        match self.form:
            case Form.ONCE:
                at = datetime.fromisoformat(self.spec)
                yield from [at.astimezone(UTC)] if at > moment else []
            case Form.CRON:
                yield from self._cron(moment)
            case Form.EVERY:
                step = timedelta(seconds=int(self.spec))
                at = self.anchor + step * max((moment - self.anchor) // step + 1, 1)
                while True:
                    yield at.astimezone(UTC)
                    at += step

    def last_before(self, moment: datetime, first: datetime) -> datetime:
        """Return the last due time up to a moment, and not before `first`, which is one."""
        if self.form is Form.EVERY:
            step = timedelta(seconds=int(self.spec))
            return first + step * max((moment - first) // step, 0)
        # Backwards, cronsim differs around the change of the clocks; so it goes forwards, from a little before.
        for width in _LOOK_BACK if self.form is Form.CRON else ():
            found = list(takewhile(lambda at: at <= moment, self.times(max(moment - width, first))))
            if found or moment - width <= first:
                return found[-1] if found else first
        return first

    def _cron(self, moment: datetime) -> Iterator[datetime]:
        last = moment
        for at in CronSim(self.spec, moment.astimezone(self.zone)):
            due = at.astimezone(UTC)
            # In the hour that comes twice cronsim begins anew with the first of both: what is not later is not due again.
            if due > last:
                last = due
                yield due


def once(at: datetime, zone: ZoneInfo) -> When:
    """Return a single point in time."""
    return When(Form.ONCE, at.astimezone(UTC).isoformat(), zone, at)


def cron(expression: str, zone: ZoneInfo, now: datetime) -> When:
    """Return the times of a cron expression. Raises ValueError with what is wrong."""
    fields = " ".join(expression.split())
    if len(fields.split()) != _FIELDS:
        raise ValueError(
            f"“{expression}” is no cron expression: it has five fields (minute, hour, day of the month, month, day of the "
            "week), such as 30 7 * * 1-5 for half past seven on weekdays"
        )
    try:
        CronSim(fields, now.astimezone(zone))
    except CronSimError as error:
        reason = str(error).removeprefix("Bad ")
        raise ValueError(
            f"the {reason} of the cron expression “{expression}” is impossible; 30 7 * * 1-5 is half past seven on weekdays"
        ) from None
    when = When(Form.CRON, fields, zone, now)
    if when.after(now) is None:
        raise ValueError(f"the cron expression “{expression}” is never due")
    return when


def every(interval: timedelta, zone: ZoneInfo, anchor: datetime) -> When:
    """Return the times at an interval from an anchor on. Raises ValueError when it is too short or too long."""
    if not SHORTEST <= interval <= LONGEST:
        raise ValueError("an interval takes a minute at least, and a year at most, such as every 2h")
    return When(Form.EVERY, str(int(interval.total_seconds())), zone, anchor)
