"""Budgets: who spends, under which caps, and what is held and spent of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, func, select, text, update

from bot.store.treasury_tables import budgets, caps, choices, reservations
from bot.treasury.periods import ALL, end_of, month_of
from bot.treasury.prices import NANO, dollars

HOUSE = "house"
MODE = "budget mode"
BLOCK, WARN = "block", "warn"
CENT, MIL = NANO // 100, NANO // 1000
_FIGURES = ("held", "spent", "held_tokens", "spent_tokens", "unreported")
Unit = Literal["usd", "tokens"]

_MINE: tuple[ColumnElement[bool], ...] = (
    budgets.c.scope.in_(bindparam("scopes", expanding=True)),
    budgets.c.period.in_(bindparam("periods", expanding=True)),
)
_SEEN = select(budgets).where(*_MINE)
_ROWS = (  # with the caps on them that were set in a chat, each in a row of its own
    select(budgets, caps.c.period.label("cap_of"), caps.c.unit, caps.c.amount)
    .outerjoin(caps, and_(caps.c.scope == budgets.c.scope, budgets.c.period.startswith(caps.c.period)))
    .where(*_MINE)
)
_OPEN = text("INSERT INTO budgets (scope, period, held, spent) VALUES (:scope, :period, 0, 0) ON CONFLICT DO NOTHING")
_HOLD = (
    update(budgets)
    .where(*_MINE)
    .values(held=budgets.c.held + bindparam("amount"), held_tokens=budgets.c.held_tokens + bindparam("tokens"))
)
_SPEND = (
    update(budgets)
    .where(*_MINE)
    .values(
        held=budgets.c.held - bindparam("upper"),
        spent=budgets.c.spent + bindparam("cost"),
        held_tokens=budgets.c.held_tokens - bindparam("upper_tokens"),
        spent_tokens=budgets.c.spent_tokens + bindparam("tokens"),
        unreported=budgets.c.unreported + bindparam("unreported"),
    )
    .returning(budgets)
)
_CAPS = select(caps.c.scope, caps.c.period.label("cap_of"), caps.c.unit, caps.c.amount).where(
    caps.c.scope.in_(bindparam("scopes", expanding=True))
)
_WHO = {
    "person": "You",
    "root": "One request",
    "turn": "One step of a request",
    "job": "This schedule",
    "house": "The house",
}
_MODE = select(choices.c.value).where(choices.c.name == MODE)


@dataclass(frozen=True)
class Spender:
    """Whose money a request costs: every budget above it."""

    turn_id: int
    conversation_id: int
    person_id: int
    butler: str
    root_id: int | None = None  # the turn that began it all
    job: str | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        """Its budgets, without that of a key."""
        more = (f"turn:{self.turn_id}",) if self.root_id not in (None, self.turn_id) else ()
        return (
            HOUSE,
            f"butler:{self.butler}",
            f"person:{self.person_id}",
            f"conversation:{self.conversation_id}",
            f"root:{self.root_id or self.turn_id}",
            *more,
            *((f"job:{self.job}",) if self.job else ()),
        )


@dataclass(frozen=True)
class Cap:
    """What may be spent of a budget in a period; `amount` in nano-dollars or tokens."""

    scope: str
    period: str  # day, month, all
    unit: Unit
    amount: int


@dataclass(frozen=True)
class Opened:
    """The rows in which a request counts, by scope and period, and the caps that were set in a chat on them."""

    rows: Mapping[tuple[str, str], Row[Any]]
    caps: Sequence[Cap]


@dataclass(frozen=True)
class Limit:
    """A cap in force, and how much of it is spent and held."""

    scope: str
    period: str  # day:2026-11-21, month:2026-11, all
    unit: Unit
    amount: int
    spent: int
    held: int
    told: int

    @property
    def left(self) -> int:
        """What may still be reserved."""
        return self.amount - self.spent - self.held


def written(scopes: Sequence[str]) -> str:
    """Return budgets as a reservation keeps them: a line each, each between two ends of lines."""
    return "\n".join(("", *scopes, ""))


def read(lines: str) -> tuple[str, ...]:
    """Return the budgets that a reservation keeps."""
    return tuple(lines.strip("\n").split("\n"))


def join_people(tx: Connection, second: int, first: int) -> None:
    """Let what one person spent be another's, as they are the same."""
    theirs, ours = f"person:{second}", f"person:{first}"
    for row in tx.execute(select(budgets).where(budgets.c.scope == theirs)).all():
        tx.execute(_OPEN, {"scope": ours, "period": row.period})
        added = {name: budgets.c[name] + getattr(row, name) for name in _FIGURES}
        tx.execute(update(budgets).where(budgets.c.scope == ours, budgets.c.period == row.period).values(added))
    tx.execute(delete(budgets).where(budgets.c.scope == theirs))
    _join_caps(tx, theirs, ours)
    moved = func.replace(reservations.c.scopes, f"\n{theirs}\n", f"\n{ours}\n")
    tx.execute(update(reservations).where(reservations.c.scopes.contains(f"\n{theirs}\n")).values(scopes=moved))


def _join_caps(tx: Connection, theirs: str, ours: str) -> None:
    """Let nobody leave a cap by becoming somebody else; where both have one, that of the person who stays holds."""
    kept = {(row.period, row.unit) for row in tx.execute(select(caps).where(caps.c.scope == ours))}
    for row in tx.execute(select(caps).where(caps.c.scope == theirs)).all():
        mine = (caps.c.scope == theirs, caps.c.period == row.period, caps.c.unit == row.unit)
        is_double = (row.period, row.unit) in kept
        tx.execute(delete(caps).where(*mine) if is_double else update(caps).where(*mine).values(scope=ours))


def is_blocking(tx: Connection) -> bool:
    """Tell whether a cap refuses what would pass it; otherwise owners are only told."""
    return tx.scalar(_MODE) != WARN


def pairs(scopes: Sequence[str], day: str) -> list[tuple[str, str]]:
    """Return the rows in which a request counts."""
    return [(scope, period) for scope in scopes for period in _periods(scope, day)]


def open_rows(tx: Connection, scopes: Sequence[str], day: str) -> Opened:
    """Return the rows in which a request counts, made where they are missing."""
    opened = _opened(tx, scopes, day)
    missing = [{"scope": scope, "period": period} for scope, period in pairs(scopes, day) if (scope, period) not in opened.rows]
    if missing:
        tx.execute(_OPEN, missing)
        opened = _opened(tx, scopes, day)
    return opened


def _opened(tx: Connection, scopes: Sequence[str], day: str) -> Opened:
    found = tx.execute(_ROWS, {"scopes": scopes, "periods": (day, month_of(day), ALL)}).all()
    return Opened({(row.scope, row.period): row for row in found}, _caps(row for row in found if row.cap_of is not None))


def _caps(rows: Iterable[Row[Any]]) -> list[Cap]:
    return [Cap(row.scope, row.cap_of, row.unit, row.amount) for row in rows]


def seen(tx: Connection, scopes: Sequence[str], day: str) -> dict[tuple[str, str], Row[Any]]:
    """Return the rows that there are, for who only looks."""
    mine = {"scopes": scopes, "periods": (day, month_of(day), ALL)}
    return {(row.scope, row.period): row for row in tx.execute(_SEEN, mine)}


def caps_set(tx: Connection, scopes: Sequence[str]) -> list[Cap]:
    """Return the caps that were set in a chat on these budgets; the period of what a day was raised by is that day."""
    return _caps(tx.execute(_CAPS, {"scopes": scopes}))


def hold(tx: Connection, scopes: Sequence[str], day: str, amount: int, tokens: int) -> None:
    """Set an amount aside in every budget of a request."""
    tx.execute(_HOLD, {"scopes": scopes, "periods": (day, month_of(day), ALL), "amount": amount, "tokens": tokens})


def spend(  # noqa: PLR0913 - the figures of one booking
    tx: Connection, scopes: Sequence[str], day: str, *, upper: int, cost: int, upper_tokens: int, tokens: int, reported: bool
) -> Mapping[tuple[str, str], Row[Any]]:
    """Turn what was set aside into what was spent; return the rows as they are then."""
    figures = {"upper": upper, "cost": cost, "upper_tokens": upper_tokens, "tokens": tokens}
    mine = {"scopes": scopes, "periods": (day, month_of(day), ALL), "unreported": 0 if reported else cost}
    return {(row.scope, row.period): row for row in tx.execute(_SPEND, {**mine, **figures})}


def limits(tx: Connection, defaults: Sequence[Cap], scopes: Sequence[str], day: str) -> list[Limit]:
    """Return the caps in force on these budgets, for who only looks."""
    return in_force(joined(defaults, caps_set(tx, scopes), scopes, day), day, seen(tx, scopes, day))


def in_force(found: Iterable[Cap], day: str, rows: Mapping[tuple[str, str], Row[Any]]) -> list[Limit]:
    """Return caps with what is spent and held of them."""
    made = []
    for cap in found:
        period = _period(cap.period, day)
        row = rows.get((cap.scope, period))
        figures = (0, 0, 0) if row is None else _dollars(row) if cap.unit == "usd" else _tokens(row)
        made.append(Limit(cap.scope, period, cap.unit, cap.amount, *figures))
    return made


def _dollars(row: Row[Any]) -> tuple[int, int, int]:
    return row.spent, row.held, row.told_usd


def _tokens(row: Row[Any]) -> tuple[int, int, int]:
    return row.spent_tokens, row.held_tokens, row.told_tokens


def joined(defaults: Sequence[Cap], set_here: Sequence[Cap], scopes: Sequence[str], day: str) -> list[Cap]:
    """Return the caps of these scopes: those of the settings, those set in a chat instead, and today's raises."""
    each = {scope.partition(":")[0]: scope for scope in scopes if scope.startswith(("root:", "turn:"))}
    found: dict[tuple[str, str, Unit], int] = {}
    for cap in defaults:
        scope = each.get(cap.scope, cap.scope)
        if scope in scopes:
            found[scope, cap.period, cap.unit] = cap.amount
    for cap in set_here:
        if ":" not in cap.period:
            found[cap.scope, cap.period, cap.unit] = cap.amount
    for cap in set_here:
        if cap.period == day and (cap.scope, "day", cap.unit) in found:
            found[cap.scope, "day", cap.unit] += cap.amount
    return [Cap(*who, amount) for who, amount in found.items()]


def refusal(limit: Limit, wanted: int, zone: ZoneInfo) -> str:
    """Return the sentence for somebody whose request does not fit under a cap."""
    whose = limit.scope.partition(":")
    who = _WHO.get(whose[0], whose[2])
    left = amount(limit.unit, max(limit.left, 0))
    sentence = (
        f"{who} may spend {amount(limit.unit, limit.amount)}{_each(limit.period)}, and this could cost up to "
        f"{amount(limit.unit, wanted)} while {left} are left."
    )
    if limit.period == ALL:
        return f"{sentence} Please ask for less at a time; BUTLER_REQUEST_CAP_USD sets this, and for a schedule its max_cost."
    kind = limit.period.partition(":")[0]
    ends = f"{end_of(limit.period).astimezone(zone):%Y-%m-%d %H:%M}"
    how = "For an owner, `/budget set` changes it."
    if whose[0] == "job":
        how = "Its max_cost_month says so."
    elif kind == "day" and limit.scope == HOUSE:
        how = "For an owner, `/budget raise AMOUNT` lets more be spent today."
    return f"{sentence} The {kind} ends at {ends} ({zone}; 00:00 UTC). {how}"


def amount(unit: Unit, number: int) -> str:
    """Return an amount as a person reads it."""
    if unit == "tokens":
        return f"{number:,} tokens"
    if number % CENT and not number % MIL:  # somebody wrote it so
        return f"${dollars(number):,.3f}"
    return money(number)


def money(nano: int) -> str:
    """Return what was spent as people read it; what is something is never shown as nothing."""
    return "under $0.01" if 0 < nano < CENT else f"${dollars(nano):,.2f}"


def _each(period: str) -> str:
    return {"day": " a day", "month": " a month"}.get(period.partition(":")[0], "")


def _periods(scope: str, day: str) -> tuple[str, ...]:
    return (ALL,) if scope.startswith(("root:", "turn:")) else (day, month_of(day))


def _period(kind: str, day: str) -> str:
    return {"day": day, "month": month_of(day)}.get(kind, ALL)
