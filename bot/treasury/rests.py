"""Rests: which key, organisation or provider is not to be asked, until when, and in whose words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, exists, insert, or_, select, text, update

from bot.errors import KeyRefused, ModelError, ModelMissing, NoCredit, Overloaded, RateLimited, Unavailable
from bot.pauses import growing_pause
from bot.store.treasury_tables import HELD, keys, reservations, rests

LONGEST = timedelta(days=1)  # a provider may ask for so much; nobody is kept away longer than it asked for
LONGEST_PAUSE = 60.0  # seconds, where the provider asked for nothing
NO_CREDIT_PAUSE = timedelta(hours=1)  # where it does not say when the account has money again
NO_MODEL_PAUSE = timedelta(hours=1)  # a catalogue changes, but not from one message to the next
OPENS_AT = 3  # failures in a row without an answer between them, of a provider that does not call itself overloaded


class Kind(StrEnum):
    """Why somebody rests."""

    REFUSED = "refused"
    NO_CREDIT = "no credit"
    RATE_LIMITED = "rate limited"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    MISSING = "model missing"
    OWNER = "owner"


CIRCUITS = (Kind.OVERLOADED, Kind.UNAVAILABLE)  # one request at a time tries whether the provider answers again


@dataclass(frozen=True)
class Blame:
    """Who is not to be asked: everything of a subject, or one model of it."""

    subject: str
    model: str
    kind: Kind
    until: datetime | None
    opens: bool = True  # false: this is only counted


_LASTS = or_(rests.c.until.is_(None), rests.c.until > bindparam("now"))
_GET = select(rests).where(rests.c.subject == bindparam("subject_"), rests.c.model == bindparam("model_"))
_PUT = text(
    "INSERT INTO rests (subject, model, kind, until, since, failures, reason) "
    "VALUES (:subject, :model, :kind, :until, :since, 0, '') ON CONFLICT DO NOTHING"
).bindparams(bindparam("until", type_=rests.c.until.type), bindparam("since", type_=rests.c.since.type))
_CHANGE = update(rests).where(rests.c.subject == bindparam("subject_"), rests.c.model == bindparam("model_"))
_OF = select(rests).where(rests.c.subject.in_(bindparam("subjects", expanding=True)), rests.c.model == "")
_MADE_AT = select(reservations.c.made_at).where(reservations.c.id == bindparam("reservation")).scalar_subquery()
_FORGET = delete(rests).where(
    or_(
        rests.c.subject.in_(bindparam("subjects", expanding=True)),
        rests.c.subject == select(keys.c.organisation).where(keys.c.id == bindparam("key")).scalar_subquery(),
    ),
    rests.c.model.in_(["", bindparam("model")]),
    rests.c.kind != Kind.OWNER.value,
    or_(
        rests.c.until <= bindparam("now"),
        and_(  # by the clock of its own time it was not early, and nobody has complained since
            rests.c.probe_id == bindparam("reservation"),
            rests.c.since <= _MADE_AT,
        ),
    ),
)
_IS_HELD = select(exists().where(HELD, reservations.c.id == bindparam("reservation")))
_PROBE = _CHANGE.values(probe_id=bindparam("reservation"))


def key_subject(key_id: str) -> str:
    """Return how a key is named among those that rest."""
    return f"key:{key_id}"


def provider_subject(provider: str) -> str:
    """Return how a provider is named among those that rest."""
    return f"provider:{provider}"


def organisation_subject(provider: str, organisation: str) -> str:
    """Return how an organisation is named among those that rest."""
    return f"organisation:{provider}:{organisation}"


def is_resting(subjects: Sequence[Any], model: Any = None) -> Any:  # noqa: ANN401 - of whatever tables these are columns
    """Return the condition that one of these subjects rests for a model, of the parameters `now` and, without one, `model`."""
    models = rests.c.model.in_(["", bindparam("model") if model is None else model])
    return exists().where(or_(*(rests.c.subject == subject for subject in subjects)), models, _LASTS)


def blamed(error: ModelError, provider: str, key_id: str, organisation: str | None, model: str, now: datetime) -> Blame | None:
    """Return who is not to be asked after an error, without the pauses that grow; None where the request itself is wrong."""
    key, everybody = key_subject(key_id), provider_subject(provider)
    blame = None
    match error:
        case KeyRefused():
            blame = Blame(key, "", Kind.REFUSED, None)
        case NoCredit():
            told = error.until if error.until is not None and error.until > now else asked_for(error.wait, now)
            blame = Blame(key, "", Kind.NO_CREDIT, told or now + NO_CREDIT_PAUSE)
        case RateLimited():
            blame = Blame(organisation or key, model, Kind.RATE_LIMITED, asked_for(error.wait, now))
        case Overloaded():
            blame = Blame(everybody, "", Kind.OVERLOADED, asked_for(error.wait, now))
        case ModelMissing():
            blame = Blame(key, model, Kind.MISSING, now + NO_MODEL_PAUSE)
        case Unavailable():
            blame = Blame(everybody, "", Kind.UNAVAILABLE, asked_for(error.wait, now), opens=error.wait is not None)
    return blame


def put_to_rest(tx: Connection, blame: Blame, reason: str, now: datetime) -> datetime | None:
    """Keep somebody from being asked, and return until when; None without an end."""
    row = tx.execute(_GET, {"subject_": blame.subject, "model_": blame.model}).first()
    failures = 1 if row is None else row.failures + 1
    until = blame.until
    if blame.kind not in (Kind.REFUSED, Kind.OWNER) and until is None:
        until = now + timedelta(seconds=growing_pause(failures - 1, LONGEST_PAUSE))
    if not blame.opens and failures < OPENS_AT:
        until = now
    values: dict[str, Any] = {"kind": blame.kind.value, "until": until, "since": now, "failures": failures, "reason": reason}
    if row is None:
        who = {"subject": blame.subject, "model": blame.model}
        tx.execute(_PUT, {**who, "kind": blame.kind.value, "until": until, "since": now})
    elif row.until is None and (row.kind == Kind.OWNER or until is not None):
        return now  # nobody asks it in any case
    elif row.until is not None and until is not None and row.until > until:  # another request heard of a later time
        values |= {"kind": row.kind, "until": row.until, "reason": row.reason}
    # The request that tries a provider stays noted: what an older one hears meanwhile lets no second one try.
    tx.execute(_CHANGE.values(values), {"subject_": blame.subject, "model_": blame.model})
    found: datetime | None = values["until"]
    return found


def forgive(tx: Connection, provider: str, key_id: str, model: str, reservation_id: int, now: datetime) -> None:
    """Forget the rests that an answer has proved over: those whose time has come, and the one that it was to try."""
    subjects = (key_subject(key_id), provider_subject(provider))
    mine = {"subjects": subjects, "key": key_id, "model": model}
    tx.execute(_FORGET, {**mine, "now": now, "reservation": reservation_id})


def lift(tx: Connection, subject: str, model: str | None = None) -> bool:
    """End every rest of a subject, or only that of a model, empty for what holds for all; tell whether there was one."""
    mine = (rests.c.subject == subject, *(() if model is None else (rests.c.model == model,)))
    return tx.execute(delete(rests).where(*mine)).rowcount > 0


def share(tx: Connection, subject: str, other: str) -> None:
    """Let what keeps a subject from being asked keep another from it too."""
    for row in tx.execute(select(rests).where(rests.c.subject == subject)).all():
        put_to_rest(tx, Blame(other, row.model, Kind(row.kind), row.until), row.reason, row.since)


def circuits(tx: Connection, providers: Sequence[str]) -> Mapping[str, Row[Any]]:
    """Return the rows of providers that failed, by provider."""
    rows = tx.execute(_OF, {"subjects": [provider_subject(one) for one in providers]})
    return {row.subject.partition(":")[2]: row for row in rows}


def needs_probe(row: Row[Any], now: datetime) -> bool:
    """Tell whether a provider's circuit is open and its time has come, so that one request may try it."""
    return row.kind in CIRCUITS and row.until is not None and row.until <= now and is_open(row)


def is_open(row: Row[Any]) -> bool:
    """Tell whether a provider has failed often enough to be left alone."""
    return bool(row.kind != Kind.UNAVAILABLE or row.failures >= OPENS_AT or row.until > row.since)


def is_tried(tx: Connection, row: Row[Any]) -> bool:
    """Tell whether a request that tries a provider is still under way."""
    return row.probe_id is not None and bool(tx.scalar(_IS_HELD, {"reservation": row.probe_id}))


def note_probe(tx: Connection, provider: str, reservation_id: int) -> None:
    """Note the request that tries whether a provider answers again."""
    tx.execute(_PROBE, {"subject_": provider_subject(provider), "model_": "", "reservation": reservation_id})


def rest_by_owner(tx: Connection, key_id: str, now: datetime) -> None:
    """Keep a key from being asked until an owner says otherwise."""
    lift(tx, key_subject(key_id), "")
    values = {"kind": Kind.OWNER.value, "since": now, "failures": 0, "reason": "an owner let it rest"}
    tx.execute(insert(rests).values(subject=key_subject(key_id), model="", **values))


def asked_for(wait: float | None, now: datetime) -> datetime | None:
    """Return until when a provider asked to wait, a day at most; None where it did not."""
    return None if wait is None else now + min(timedelta(seconds=wait), LONGEST)
