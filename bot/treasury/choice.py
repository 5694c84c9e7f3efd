"""The choice of a key: what costs the same however many keys there are."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, not_, or_, select

from bot.errors import AllDry
from bot.ports import Route
from bot.store.treasury_tables import keys, rests, sessions
from bot.treasury import budgets
from bot.treasury.budgets import Spender
from bot.treasury.estimate import NOTHING, Weight
from bot.treasury.periods import day_of, end_of, month_of
from bot.treasury.prices import FRAME
from bot.treasury.providers import UNLIMITED, Provider, Providers, Tier
from bot.treasury.rests import (
    CIRCUITS,
    Kind,
    circuits,
    is_open,
    is_resting,
    is_tried,
    key_subject,
    needs_probe,
    provider_subject,
)
from bot.treasury.ring import scope_of

NEARLY = Decimal("0.75")  # of a key's day, or of a conversation's allocation: then the next key
LEAST_OUTPUT = 1_024  # tokens: an answer with less room would be cut off in the middle of its first thought
MOST_WORDS = 3  # keys of which a sentence says why they cannot be used
_BYTES_PER_TOKEN = 4  # of usual text: only to leave out models whose context is far too small

_USABLE = (
    keys.c.provider == bindparam("provider"),
    keys.c.is_set,
    keys.c.free >= bindparam("tokens"),
    keys.c.id.not_in(bindparam("avoid", expanding=True)),
    not_(is_resting(["key:" + keys.c.id, keys.c.organisation])),
)
_FREEST = select(keys).where(*_USABLE).order_by(keys.c.free.desc(), keys.c.position).limit(1)
_THIS = select(keys).where(*_USABLE, keys.c.id == bindparam("key"))
_TROUBLED = or_(
    is_resting(["key:" + keys.c.id, keys.c.organisation], sessions.c.model),
    exists().where(rests.c.subject == "provider:" + keys.c.provider),
)
# A conversation's session and its key in one row, and whether that key or its provider rests, or has failed.
_SESSION = (
    select(sessions, keys, _TROUBLED.label("is_troubled"))
    .outerjoin(keys, keys.c.id == sessions.c.key_id)
    .where(sessions.c.conversation_id == bindparam("conversation"))
)


@dataclass(frozen=True)
class Wish:
    """What is asked for: a model of a tier, for a prompt of so many bytes and an answer of so many tokens.

    `counted` is a provider's own count of the prompt, where one was asked: that of `counted_by`. `near`: a cap is near, so
    that a shorter answer than wanted will do. `weight` is for estimates. `avoid` are keys that have just failed, and why.
    `aside`: it is asked beside the conversation, which stays with the key that holds its cache.
    """

    spender: Spender
    tier: Tier
    size: int
    output: int
    weight: Weight = NOTHING
    counted: int | None = None
    counted_by: Route | None = None
    near: bool = False
    avoid: Mapping[str, str] = field(default_factory=dict)
    aside: bool = False

    @property
    def prompt(self) -> int:
        """The most tokens that the prompt can have."""
        return self.size + FRAME if self.counted is None else self.counted

    @property
    def least(self) -> int:
        """The fewest tokens with which the request can be made."""
        return self.prompt + (min(LEAST_OUTPUT, self.output) if self.near else self.output)

    def asked_of(self, provider: str, model: str) -> "Wish":
        """Return what is asked for of one model: another one's count of the prompt says nothing about it."""
        by = self.counted_by
        return self if by is None or (by.provider, by.model) == (provider, model) else replace(self, counted=None)


@dataclass(frozen=True)
class Chosen:
    """A key, and the model to ask with it."""

    row: Row[Any]
    route: Route
    session: Row[Any] | None
    is_probe: bool


def choose(tx: Connection, providers: Providers, names: Sequence[str], wish: Wish, now: datetime) -> Chosen:
    """Choose the key of one of these providers for a request. Raises AllDry when none can be used now."""
    session = _session(tx, wish, now)
    found = _staying(providers, _doors(providers, names, wish), wish, session)
    if found is not None:
        return found
    broken = circuits(tx, names)
    able = [name for name in names if name not in broken or _may_pass(tx, broken[name], now)]
    probes = {name for name in able if name in broken and needs_probe(broken[name], now)}
    doors = _doors(providers, able, wish, probes)
    ranked = [
        (_rank(providers, door, row, session), Chosen(row, door.route(providers, row.id), session, door.is_probe))
        for door in doors
        for row in _rows(tx, door, wish, session, now)
    ]
    if not ranked:
        raise _all_dry(tx, providers, wish, now)
    return min(ranked, key=lambda one: one[0])[1]


def _session(tx: Connection, wish: Wish, now: datetime) -> Row[Any] | None:
    if wish.aside:
        return None
    return tx.execute(_SESSION, {"conversation": wish.spender.conversation_id, "now": now}).first()


@dataclass(frozen=True)
class _Door:
    """A provider that may be asked, with the model that it would be, and how well that suits: less is better."""

    provider: str
    model: str
    standing: tuple[int, bool]
    is_probe: bool

    def route(self, providers: Providers, key_id: str) -> Route:
        """Return the way by one of its keys."""
        effort = providers[self.provider].models[self.model].effort
        return Route(provider=self.provider, key_id=key_id, model=self.model, effort=effort)


def _doors(providers: Providers, names: Iterable[str], wish: Wish, probes: Collection[str] = ()) -> list[_Door]:
    """Return what can be asked of these providers."""
    models = {name: providers.nearest_model(name, wish.tier) for name in names}
    doors = [
        _Door(name, model, providers.standing(name, model, wish.tier), name in probes)
        for name, model in models.items()
        if model is not None
    ]
    # What is too long for every model is for its provider to refuse: then the conversation is shortened.
    return [door for door in doors if not _is_too_small(providers[door.provider], door.model, wish)] or doors


def _staying(providers: Providers, doors: Sequence[_Door], wish: Wish, session: Row[Any] | None) -> Chosen | None:
    """Return the key that holds a conversation's cache, if nothing can be better, so that no other has to be looked at."""
    if session is None or session.leave or session.wanted_key is not None:
        return None
    if not session.is_set or session.is_troubled or session.key_id in wish.avoid:
        return None
    best = min((door.standing for door in doors), default=None)
    for door in doors:
        if (door.standing, door.provider, door.model) == (best, session.provider, session.model):
            is_enough = session.free >= wish.asked_of(door.provider, door.model).least
            if is_enough and not is_nearly_spent(providers[door.provider], session):
                return Chosen(session, door.route(providers, session.id), session, is_probe=False)
    return None


def _mine(door: _Door, wish: Wish, now: datetime) -> dict[str, Any]:
    avoid = tuple(wish.avoid) or ("",)
    return {
        "provider": door.provider,
        "model": door.model,
        "tokens": wish.asked_of(door.provider, door.model).least,
        "now": now,
        "avoid": avoid,
    }


def _rows(tx: Connection, door: _Door, wish: Wish, session: Row[Any] | None, now: datetime) -> Iterator[Row[Any]]:
    """Give the key of a provider that has the most tokens left, and those that the conversation has a reason to prefer."""
    mine = _mine(door, wish, now)
    leaves = session is not None and session.leave
    besides = (*mine["avoid"], session.key_id) if session is not None and leaves else mine["avoid"]
    yield from tx.execute(_FREEST, {**mine, "avoid": besides})
    if session is not None:
        for key_id in {session.key_id, session.wanted_key} - {None}:
            yield from tx.execute(_THIS, {**mine, "key": key_id})


def _rank(providers: Providers, door: _Door, row: Row[Any], session: Row[Any] | None) -> tuple[Any, ...]:
    provider = providers[door.provider]
    is_left = session is not None and session.leave and session.key_id == row.id
    holds = session is not None and session.key_id == row.id and session.model == door.model
    nearly = is_nearly_spent(provider, row)
    stays = holds and not is_left and not nearly
    wanted = session is not None and session.wanted_key == row.id
    fits, is_paid = door.standing
    return (not wanted, fits, is_left, is_paid, not stays, nearly, -row.free, provider.rate(door.model), row.position, row.id)


def is_nearly_spent(provider: Provider, row: Row[Any]) -> bool:
    """Tell whether three quarters of a key's day are used."""
    most = provider.tokens_per_day
    return most is not None and row.free <= most - int(most * NEARLY)


def _is_too_small(provider: Provider, model: str, wish: Wish) -> bool:
    tokens = wish.counted if wish.counted is not None else wish.size // _BYTES_PER_TOKEN
    return tokens > provider.models[model].context


def _may_pass(tx: Connection, circuit: Row[Any], now: datetime) -> bool:
    """Tell whether a request may go to a provider that failed before."""
    if circuit.until is not None and circuit.until > now:
        return False
    return not is_open(circuit) or not is_tried(tx, circuit)


def _all_dry(tx: Connection, providers: Providers, wish: Wish, now: datetime) -> AllDry:
    """Say why no key can be used, and when the first one can be."""
    resting = {(row.subject, row.model): row for row in tx.execute(select(rests)).all()}
    every = tx.execute(select(keys).where(keys.c.is_set).order_by(keys.c.provider, keys.c.position)).all()
    found = [_why_not(tx, providers, row, wish, resting, now) for row in every if row.provider in providers]
    timed = sorted((one for one in found if one.until is not None), key=lambda one: one.until or now)
    failed = [one for one in found if one.may_try_again]
    words = [one.words for one in (*failed[-1:], *timed[:1])][:1] or list(dict.fromkeys(one.words for one in found))
    more = [f"and {len(words) - MOST_WORDS} more keys"] if len(words) > MOST_WORDS else []
    count_by = next(filter(None, (one.count_by for one in found)), None)
    return AllDry("; ".join((*words[:MOST_WORDS], *more)), timed[0].until if timed else None, bool(failed), count_by)


@dataclass(frozen=True)
class _WhyNot:
    """Why a key cannot be used, and until when: no time where somebody has to mend it, or it may be used at any moment.

    What stands in quotation marks came back for the key that is named before it.
    """

    words: str
    until: datetime | None = None
    may_try_again: bool = False
    count_by: Route | None = None  # which model could say that the prompt is shorter than its bound, so that it fits


def _why_not(
    tx: Connection,
    providers: Providers,
    row: Row[Any],
    wish: Wish,
    resting: Mapping[tuple[str, str], Row[Any]],
    now: datetime,
) -> _WhyNot:
    provider = providers[row.provider]
    model = providers.nearest_model(row.provider, wish.tier) or ""
    if not model:
        return _WhyNot(f"{row.id} is of a provider that has no such model")
    subjects = (key_subject(row.id), row.organisation, provider_subject(row.provider))
    found = [resting[subject, one] for subject in subjects for one in {"", model} if (subject, one) in resting]
    ended = [rest for rest in found if rest.until is not None and rest.until <= now]
    lasting = [rest for rest in found if rest not in ended]
    if lasting:
        last = max(lasting, key=lambda rest: rest.until or datetime.max.replace(tzinfo=UTC))
        by_owner = last.kind == Kind.OWNER
        if last.kind == Kind.MISSING:  # waiting would help nobody
            return _WhyNot(f"{row.id}: “{last.reason}”")
        return _WhyNot(f"{row.id} rests, because an owner said so" if by_owner else f"{row.id}: “{last.reason}”", last.until)
    if row.id in wish.avoid:
        return _WhyNot(f"{row.id}: “{wish.avoid[row.id]}”", may_try_again=True)
    tried = [rest for rest in ended if rest.kind in CIRCUITS and is_open(rest)]
    if tried:  # another request is trying it just now
        return _WhyNot(f"{row.id}: “{tried[0].reason}”", may_try_again=True)
    return _too_little(tx, row, provider, model, wish.asked_of(row.provider, model), day_of(now))


def _too_little(tx: Connection, row: Row[Any], provider: Provider, model: str, wish: Wish, day: str) -> _WhyNot:
    """Return what of a request a key has not enough for."""
    if _is_too_small(provider, model, wish):
        return _WhyNot(f"this conversation is too long for {model}")
    may_fit = wish.counted is None and row.free > LEAST_OUTPUT
    count_by = Route(provider=row.provider, key_id=row.id, model=model) if may_fit else None
    for most, which in ((provider.tokens_per_day, "day"), (provider.tokens_per_month, "month")):
        if wish.least > (most or UNLIMITED):
            return _WhyNot(f"{row.id} may use {most:,} tokens a {which}, and this can take {wish.least:,}", count_by=count_by)
    month = month_of(day)
    used = budgets.seen(tx, [scope_of(row.id, row.fingerprint)], day)
    whole = next((one for (_, period), one in used.items() if period == month), None)
    most = provider.tokens_per_month or UNLIMITED
    is_spent = whole is not None and wish.least > most - whole.spent_tokens - whole.held_tokens
    caps = {"day": provider.tokens_per_day, "month": provider.tokens_per_month}
    unspent = [(caps.get(period.partition(":")[0]) or UNLIMITED) - one.spent_tokens for (_, period), one in used.items()]
    if unspent and wish.least <= min(unspent):  # other requests hold it, and give back within the minute what they do not use
        words = f"other requests have set aside what {row.id} has left, and this can take {wish.least:,} tokens"
        return _WhyNot(words, may_try_again=True, count_by=count_by)
    left = f"{row.id} has only {max(row.free, 0):,} of its tokens left, and this can take {wish.least:,}"
    return _WhyNot(left, end_of(month if is_spent else day), count_by=count_by)
