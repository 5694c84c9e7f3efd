"""The health of keys in words: what each may still do, why it rests, until when, and in whose words."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from bot.store.treasury_tables import key_history, keys, rests
from bot.treasury import figures
from bot.treasury.accounts import Viewer
from bot.treasury.figures import Spending
from bot.treasury.periods import day_of, end_of, month_of
from bot.treasury.providers import Provider, Tier
from bot.treasury.rests import Kind, key_subject, provider_subject
from bot.treasury.ring import scope_of
from bot.treasury.treasury import Treasury

LAST_EVENTS = 6
WORDS = 160  # of a provider's sentence; the whole of it stands in the log


def in_words(treasury: Treasury, viewer: Viewer) -> str:
    """Return each key's health, and what became of keys lately."""
    rows = set_keys(viewer.tx)
    lines = [f"- {_key(treasury, viewer, row)}" for row in rows]
    lines += [f"- {words}" for words in _broken_providers(viewer)]
    events = history(viewer.tx, viewer.zone, LAST_EVENTS)
    if events:
        lines += ["", "**Lately**", *(f"- {event}" for event in events)]
    return "\n".join(lines) or "No key is set."


def set_keys(tx: Connection) -> Sequence[Row[Any]]:
    """Return the keys that the settings name."""
    return tx.execute(select(keys).where(keys.c.is_set).order_by(keys.c.position)).all()


def why_resting(tx: Connection, row: Row[Any], now: datetime) -> list[Row[Any]]:
    """Return what keeps a key from being asked now."""
    subjects = [one for one in (key_subject(row.id), row.organisation) if one]
    found = tx.execute(select(rests).where(rests.c.subject.in_(subjects)).order_by(rests.c.subject, rests.c.model)).all()
    return [rest for rest in found if rest.until is None or rest.until > now]


def history(tx: Connection, zone: ZoneInfo, most: int, conversation_id: int | None = None) -> list[str]:
    """Return the last lines of the keys' history, the newest first; of one conversation, or of all."""
    wanted = select(key_history).order_by(key_history.c.id.desc()).limit(most)
    if conversation_id is not None:
        wanted = wanted.where(key_history.c.conversation_id == conversation_id)
    return [_event(row, zone) for row in tx.execute(wanted)]


def _key(treasury: Treasury, viewer: Viewer, row: Row[Any]) -> str:
    tx, now = viewer.tx, viewer.now
    provider = treasury.providers.table.get(row.provider)
    model = None if provider is None else treasury.providers.nearest_model(row.provider, Tier.SMART)
    spent = figures.of(tx, scope_of(row.id, row.fingerprint), now)
    most = None if provider is None else provider.tokens_per_day
    used = f"{spent.tokens_today:,} of {most:,} tokens today" if most else f"{spent.tokens_today:,} tokens today"
    cached = figures.of_key(tx, row.id).cached
    share = "" if cached is None else f", {cached} % of its prompts from the cache"
    resting = why_resting(tx, row, now)
    state = "; ".join(_rest(rest, viewer.zone) for rest in resting)
    if not state and row.day == day_of(now) and row.free <= 0:
        state = (
            f"its limit is used up until {_more_at(provider, spent, now).astimezone(viewer.zone):%Y-%m-%d %H:%M} (00:00 UTC)"
        )
    asked = "; its provider is being asked" if row.probe_asked else ""
    return f"**{row.id}** ({model or 'no model'}): {state or 'usable'}{asked}; {used}{share}"


def _more_at(provider: Provider | None, spent: Spending, now: datetime) -> datetime:
    """Return when a key that is used up begins anew: with the next day, unless its month is used up as well."""
    most = None if provider is None else provider.tokens_per_month
    day = day_of(now)
    return end_of(day if most is None or spent.tokens_month < most else month_of(day))


def _rest(rest: Row[Any], zone: ZoneInfo) -> str:
    which = f" for {rest.model}" if rest.model else ""
    if rest.kind == Kind.OWNER:
        return "rests, because an owner said so"
    if rest.until is None:
        return f"not used any more ({rest.kind}): “{_short(rest.reason)}”"
    return f"rests{which} until {rest.until.astimezone(zone):%Y-%m-%d %H:%M:%S} ({rest.kind}): “{_short(rest.reason)}”"


def broken(tx: Connection, names: Iterable[str], now: datetime) -> list[Row[Any]]:
    """Return what keeps every key of these providers from being asked now."""
    wanted = (
        select(rests).where(rests.c.subject.in_([provider_subject(name) for name in sorted(names)])).order_by(rests.c.subject)
    )
    return [rest for rest in tx.execute(wanted).all() if rest.until is not None and rest.until > now]


def _broken_providers(viewer: Viewer) -> Iterator[str]:
    for rest in broken(viewer.tx, {row.provider for row in set_keys(viewer.tx)}, viewer.now):
        yield f"All keys of {rest.subject.partition(':')[2]}: {_rest(rest, viewer.zone)}"


def _event(row: Row[Any], zone: ZoneInfo) -> str:
    when = f"{row.at.astimezone(zone):%m-%d %H:%M}"
    which = f"{row.key_id} → {row.to_key}" if row.to_key else row.key_id
    return f"{when}, {which}, {row.event}: {_short(row.reason)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WORDS else f"{line[:WORDS]}…"
