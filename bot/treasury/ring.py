"""The ring of keys in the house's books: which are set, how much of each is free, and what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from bot.store.treasury_tables import budgets, key_history, keys
from bot.treasury.keys import Key
from bot.treasury.moved_keys import follow
from bot.treasury.periods import day_of, month_of
from bot.treasury.providers import UNLIMITED, Provider, Providers
from bot.treasury.reservation import Reservation
from bot.treasury.rests import key_subject, lift, organisation_subject, share

_TAKE = (
    update(keys)
    .where(keys.c.id == bindparam("key"), keys.c.day == bindparam("of"))
    .values(free=keys.c.free - bindparam("tokens"))
)
_GIVE_BACK = (
    update(keys)
    .where(keys.c.id == bindparam("key"), keys.c.day == bindparam("of"), keys.c.fingerprint == bindparam("mark"))
    .values(free=keys.c.free + bindparam("tokens"))
)
_STALE = select(keys).where(keys.c.day != bindparam("today"))
_DOUBTFUL = select(keys).where(keys.c.is_set, or_(keys.c.day != bindparam("today"), keys.c.free < bindparam("least")))
_THIS = select(keys).where(keys.c.id == bindparam("key"))
_SET = update(keys).where(keys.c.id == bindparam("key"))
_FREE = _SET.values(day=bindparam("today"), free=bindparam("left"))
_ROWS = select(budgets).where(budgets.c.scope == bindparam("whose"), budgets.c.period.in_(bindparam("periods", expanding=True)))
_NOTE = insert(key_history)


def scope_of(key_id: str, fingerprint: str) -> str:
    """Return the budget of a key; a key that replaces another begins with an empty one."""
    return f"key:{key_id}:{fingerprint}"


def enter(tx: Connection, found: Sequence[Key], providers: Providers, now: datetime) -> None:
    """Let the books know just these keys; one that replaces another starts clean, one that only moved keeps what was its."""
    known = {row.id: row for row in tx.execute(select(keys)).all()}
    marked = {(row.provider, row.fingerprint): row for row in known.values()}
    before = {key.id: marked.get((key.provider, key.fingerprint)) for key in found}
    moved = {row.id: key_id for key_id, row in before.items() if row is not None and row.id != key_id}
    if moved:
        follow(tx, moved, {row.id: row.fingerprint for row in known.values()})
    for position, key in enumerate(found):
        row, mine = known.pop(key.id, None), before[key.id]
        provider = providers[key.provider]
        told = provider.organisations.get(key.id)
        values: dict[str, Any] = {"provider": key.provider, "position": position, "is_set": True}
        if told is not None:
            values["organisation"] = organisation_subject(key.provider, told)
        if row is None or row.fingerprint != key.fingerprint:
            learned = mine.organisation if mine is not None else None
            fresh = {"fingerprint": key.fingerprint, "day": "", "free": 0, "probe_asked": False, "organisation": learned}
            values = fresh | values
        if row is None:
            tx.execute(insert(keys).values(id=key.id, **values))
        elif row.fingerprint != key.fingerprint:
            if mine is None:
                lift(tx, key_subject(key.id))
            tx.execute(_SET.values(values), {"key": key.id})
            how = "another key stands in its place" if mine is None else f"it was {mine.id} before"
            note(tx, "replaced", key.id, how, now)
        elif any(getattr(row, name) != value for name, value in values.items()):
            tx.execute(_SET.values(values), {"key": key.id})
        count_free(tx, key.id, key.fingerprint, provider, day_of(now))
    for key_id, row in known.items():
        mark = "" if key_id in moved else row.fingerprint  # a key is known under one id only
        tx.execute(_SET.values(is_set=False, fingerprint=mark), {"key": key_id})


def begin_day(tx: Connection, providers: Providers, day: str) -> bool:
    """Let every key have what its limits give it on a new day; tell whether there was one that did not know of it."""
    stale = [row for row in tx.execute(_STALE, {"today": day}).all() if row.provider in providers]
    for row in stale:
        count_free(tx, row.id, row.fingerprint, providers[row.provider], day)
    return bool(stale)


def count_free(tx: Connection, key_id: str, fingerprint: str, provider: Provider, day: str) -> int:
    """Count anew what a key's limits leave of it, by the books; return the tokens."""
    periods = {day: provider.tokens_per_day, month_of(day): provider.tokens_per_month}
    free = UNLIMITED
    rows = {row.period: row for row in tx.execute(_ROWS, {"whose": scope_of(key_id, fingerprint), "periods": list(periods)})}
    for period, most in periods.items():
        if most is not None:
            row = rows.get(period)
            free = min(free, most - (row.spent_tokens + row.held_tokens if row is not None else 0))
    tx.execute(_FREE, {"key": key_id, "today": day, "left": free})
    return free


def recount(tx: Connection, providers: Providers, least: int, day: str) -> bool:
    """Count the keys anew that seem to have too little left; tell whether one has enough after all.

    Clocks that disagree on the day can leave a key with another day's count.
    """
    rows = tx.execute(_DOUBTFUL, {"today": day, "least": least}).all()
    counted = [
        count_free(tx, row.id, row.fingerprint, providers[row.provider], day) for row in rows if row.provider in providers
    ]
    return any(free >= least for free in counted)


def take(tx: Connection, key_id: str, day: str, tokens: int) -> None:
    """Take tokens from what is free of a key, if that is counted for their day."""
    tx.execute(_TAKE, {"key": key_id, "of": day, "tokens": tokens})


def give_back(tx: Connection, providers: Providers, reservation: Reservation, tokens: int) -> None:
    """Let tokens be free again; where their day is over, count what the month has left."""
    key_id, mark = reservation.key_id, reservation.fingerprint
    if not tokens or tx.execute(_GIVE_BACK, {"key": key_id, "mark": mark, "of": reservation.period, "tokens": tokens}).rowcount:
        return
    row = tx.execute(_THIS, {"key": key_id}).first()
    provider = providers.table.get(reservation.route.provider)  # the settings may have lost it since
    if provider is not None and row is not None and (row.fingerprint, row.provider) == (mark, reservation.route.provider):
        count_free(tx, key_id, mark, provider, row.day)


def learn_organisation(tx: Connection, row: Row[Any], organisation: str, providers: Providers) -> None:
    """Note whose limits a key shares, as its provider said; what the owner's table says goes before it."""
    subject = organisation_subject(row.provider, organisation)
    if row.organisation != subject and row.id not in providers[row.provider].organisations:
        if row.organisation is not None:  # what was asked of the key in the other name still holds for it
            share(tx, row.organisation, key_subject(row.id))
        tx.execute(_SET.values(organisation=subject), {"key": row.id})


def note(  # noqa: PLR0913 - the columns of a row
    tx: Connection,
    event: str,
    key_id: str,
    reason: str,
    now: datetime,
    *,
    to_key: str | None = None,
    conversation_id: int | None = None,
    turn_id: int | None = None,
) -> None:
    """Add a line to the history of keys."""
    places = {"conversation_id": conversation_id, "turn_id": turn_id}
    tx.execute(_NOTE, {"at": now, "event": event, "key_id": key_id, "to_key": to_key, "reason": reason, **places})
