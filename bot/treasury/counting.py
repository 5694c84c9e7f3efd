"""Asking a provider to count a prompt: what it said when it would not is kept like any other rest."""

from datetime import datetime

from sqlalchemy import Connection, or_, select

from bot.errors import ModelError, Overloaded, RateLimited, Unavailable
from bot.ports import Route
from bot.store.treasury_tables import rests
from bot.treasury.rests import Blame, Kind, asked_for, put_to_rest


def may_count(tx: Connection, route: Route, now: datetime) -> bool:
    """Tell whether a key's provider may be asked to count."""
    resting = (rests.c.subject == _subject(route), or_(rests.c.until.is_(None), rests.c.until > now))
    return tx.execute(select(rests.c.subject).where(*resting)).first() is None


def note_refusal(tx: Connection, route: Route, error: ModelError, now: datetime) -> None:
    """Keep a provider from being asked to count before the time that it gave, or for a pause that grows."""
    wait = error.wait if isinstance(error, RateLimited | Overloaded | Unavailable) else None
    put_to_rest(tx, Blame(_subject(route), "", Kind.RATE_LIMITED, asked_for(wait, now)), error.reason, now)


def _subject(route: Route) -> str:
    return f"count:{route.key_id}"
