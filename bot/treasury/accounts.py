"""The books in words: what is spent against the caps, by whoever spent it, and when a cap will be reached."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot import names
from bot.people import Person
from bot.roles import Right
from bot.store.schedule_tables import schedules
from bot.store.tables import people
from bot.store.treasury_tables import keys
from bot.treasury import budgets, figures
from bot.treasury.budgets import BLOCK, HOUSE, WARN, Limit, amount, money
from bot.treasury.figures import Spending
from bot.treasury.periods import day_of, end_of
from bot.treasury.ring import scope_of
from bot.treasury.treasury import Treasury

MOST = 8  # lines of a kind: a phone shows no more


@dataclass(frozen=True)
class Viewer:
    """Who looks at the books: a person, or the shell, which sees all."""

    tx: Connection
    now: datetime
    zone: ZoneInfo
    person: Person | None = None

    @property
    def sees_all(self) -> bool:
        """Whether the house's books are shown, and not only their own."""
        return self.person is None or self.person.may(Right.KEEP_MONEY)


def in_words(treasury: Treasury, viewer: Viewer) -> str:
    """Return what is spent against the caps: all of it for owners, and for others their own."""
    spent = figures.by_spender(viewer.tx, viewer.now)
    if viewer.sees_all:
        return "\n\n".join(_all(treasury, viewer, spent))
    scope = f"person:{viewer.person.id if viewer.person else 0}"
    return "\n\n".join(_standing(treasury, viewer, scope, "You have", spent))


def _all(treasury: Treasury, viewer: Viewer, spent: Mapping[str, Spending]) -> Iterator[str]:
    yield from _standing(treasury, viewer, HOUSE, "The house has", spent)
    how = f"{BLOCK} (nothing is spent beyond a cap)" if budgets.is_blocking(viewer.tx) else f"**{WARN}** (spending goes on)"
    yield f"When a cap is reached: {how}."
    for title, called in (
        ("Butlers", _named(spent, "butler:")),
        ("People", _people(viewer, spent)),
        ("Keys", _keys(viewer)),
        ("Jobs", _jobs(viewer, spent)),
    ):
        found = [(scope, name) for scope, name in called.items() if scope in spent and spent[scope].is_something]
        lines = [_line(treasury, viewer, scope, name, spent[scope]) for scope, name in found[:MOST]]
        shown = lines if len(found) <= MOST else [*lines, f"and {len(found) - MOST} more"]
        if lines:
            yield f"**{title}**\n" + "\n".join(f"- {line}" for line in shown)


def _standing(treasury: Treasury, viewer: Viewer, scope: str, who: str, spent: Mapping[str, Spending]) -> Iterator[str]:
    """Give the paragraphs about one budget: what is spent of each cap, and when that will be reached."""
    mine = spent.get(scope, Spending())
    limits = _limits(treasury, viewer, scope)
    for period, figure in (("today", mine.today), (f"in {viewer.now:%B}", mine.month)):
        caps = [one for one in limits if one.period.startswith("day:") == (period == "today")]
        usd = next((one for one in caps if one.unit == "usd"), None)
        held = f", {money(mine.held)} more reserved" if mine.held and period == "today" else ""
        cap = f" of {amount('usd', usd.amount)}" if usd else "" if caps else ", without a cap"
        lines = [f"- {_forecast(viewer, one)}" for one in caps]
        yield "\n".join([f"{who} spent **{money(figure)}** {period}{cap}{held}.", *lines])
    if mine.unreported:
        yield f"For {money(mine.unreported)} of this month no provider said what was used; the most it can be is counted."


def _forecast(viewer: Viewer, limit: Limit) -> str:
    """Return how a cap stands, and when it will be reached at the present pace."""
    ends = end_of(limit.period).astimezone(viewer.zone)
    is_day = limit.period.startswith("day:")
    begins = f"begins anew at {ends:%H:%M} (00:00 UTC)" if is_day else f"begins anew on {ends:%Y-%m-%d}"
    tokens = "" if limit.unit == "usd" else f"{amount('tokens', limit.spent)} of {limit.amount:,}; "
    at = figures.reaches(viewer.tx, limit, viewer.now)
    if at is None:
        return f"{tokens}{max(limit.left, 0) * 100 // limit.amount if limit.amount else 0} % are left; {begins}"
    if at <= viewer.now:
        return f"{tokens}the cap is reached; it {begins}"
    when = f"{at.astimezone(viewer.zone):%H:%M}" if is_day else f"{at.astimezone(viewer.zone):%Y-%m-%d}"
    pace = "today's pace" if is_day else "the pace of the last 7 days"
    return f"{tokens}at {pace} it is reached about {when}; it {begins}"


def _line(treasury: Treasury, viewer: Viewer, scope: str, name: str, spent: Spending) -> str:
    limits = _limits(treasury, viewer, scope)
    caps = "".join(f", cap {amount(one.unit, one.amount)} a {one.period.partition(':')[0]}" for one in limits)
    tokens = f", {spent.tokens_today:,} tokens today" if scope.startswith("key:") else ""
    return f"{name}: {money(spent.today)} today, {money(spent.month)} this month{tokens}{caps}"


def _limits(treasury: Treasury, viewer: Viewer, scope: str) -> Sequence[Limit]:
    day = day_of(viewer.now)
    return budgets.limits(viewer.tx, treasury.caps, [scope], day)


def _named(spent: Mapping[str, Spending], kind: str) -> dict[str, str]:
    """Return the spenders of a kind, who spent most this month first."""
    scopes = sorted((scope for scope in spent if scope.startswith(kind)), key=lambda scope: -spent[scope].month)
    return {scope: scope.removeprefix(kind) for scope in scopes}


def _people(viewer: Viewer, spent: Mapping[str, Spending]) -> dict[str, str]:
    every = viewer.tx.execute(select(people.c.id, people.c.name))
    called = {f"person:{row.id}": names.escaped(row.name) for row in every}
    return {scope: called.get(scope, f"person {number}") for scope, number in _named(spent, "person:").items()}


def _jobs(viewer: Viewer, spent: Mapping[str, Spending]) -> dict[str, str]:
    """Return the jobs that spent something; those of schedules by the schedules' names."""
    numbers = [int(number) for number in _named(spent, "job:").values() if number.isascii() and number.isdecimal()]
    rows = viewer.tx.execute(select(schedules.c.id, schedules.c.name).where(schedules.c.id.in_(numbers)))
    called = {f"job:{row.id}": f"{names.escaped(row.name)} (schedule {row.id})" for row in rows}
    return {scope: called.get(scope, name) for scope, name in _named(spent, "job:").items()}


def _keys(viewer: Viewer) -> dict[str, str]:
    rows = viewer.tx.execute(select(keys).where(keys.c.is_set).order_by(keys.c.position))
    return {scope_of(row.id, row.fingerprint): row.id for row in rows}
