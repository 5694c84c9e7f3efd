"""Reserving before a request and settling after it, so that every cap holds whatever crashes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, insert, select

from bot.errors import AllDry, ModelError
from bot.ports import Route, Usage
from bot.store.treasury_tables import HELD, keys, reservations
from bot.treasury import alerts, budgets, rests, ring, sessions
from bot.treasury.alerts import Alert
from bot.treasury.booking import NOTHING, Booked, Used, book, whole
from bot.treasury.budgets import HOUSE, Cap, Limit
from bot.treasury.choice import Chosen, Wish, choose
from bot.treasury.fit import longest_answer
from bot.treasury.keys import Key
from bot.treasury.periods import day_of
from bot.treasury.prices import dollars
from bot.treasury.providers import Providers, Tier
from bot.treasury.reservation import Reservation

NOT_MINE = "this worker does not know it yet; start the house again"
_RESERVE = insert(reservations).returning(reservations.c.id)
_KEY = select(keys).where(keys.c.id == bindparam("key"))
_LEFT = select(reservations).where(reservations.c.turn_id == bindparam("turn"), HELD)


Tell = Callable[[Connection, Alert, datetime], object]  # how owners hear of an alert


@dataclass(frozen=True)
class Standing:
    """How the house's budget of a day stands, in dollars."""

    spent: Decimal
    held: Decimal
    cap: Decimal


class Treasury:
    """The house's purse. Every method works inside the caller's transaction."""

    def __init__(
        self,
        providers: Providers,
        ring_of_keys: Sequence[Key],
        caps: Iterable[Cap],
        zone: ZoneInfo,
        tell: Tell | None = None,
    ) -> None:
        self._tell = tell
        self.providers = providers
        self.keys = tuple(ring_of_keys)
        self.caps = tuple(caps)
        self.zone = zone
        self._marks = {key.id: key.fingerprint for key in self.keys}
        self._names = tuple(dict.fromkeys(key.provider for key in self.keys))
        self._day = ""
        self._organisations: dict[str, str] = {}  # by the scopes of keys: what the books know already

    def enter_keys(self, tx: Connection, now: datetime) -> None:
        """Let the books know the keys of this house."""
        ring.enter(tx, self.keys, self.providers, now)
        ring.begin_day(tx, self.providers, day_of(now))

    def reserve(self, tx: Connection, wish: Wish, now: datetime, zone: ZoneInfo | None = None) -> Reservation:
        """Set aside the most that a request can take, of a key and of every budget above it.

        Raises BudgetSpent when that is more than is left, and AllDry when no key can be used.
        """
        day = day_of(now)
        if day != self._day:
            ring.begin_day(tx, self.providers, day)
        while True:
            chosen = self._choose(tx, wish, now, day)
            if self._marks.get(chosen.row.id) != chosen.row.fingerprint:
                # The settings were changed, and this process has not been started again since.
                wish = replace(wish, avoid={**wish.avoid, chosen.row.id: NOT_MINE})
                continue
            provider, asked = self.providers[chosen.route.provider], wish.asked_of(chosen.route.provider, chosen.route.model)
            scopes = (*wish.spender.scopes, ring.scope_of(chosen.row.id, chosen.row.fingerprint))
            opened = budgets.open_rows(tx, scopes, day)
            mine = self._key_limits(chosen, scopes[-1], day, opened.rows)
            if all(limit.left >= asked.least for limit in mine):
                caps = budgets.joined(self.caps, opened.caps, scopes, day)
                found = [*budgets.in_force(caps, day, opened.rows), *mine]
                output = longest_answer(tx, provider, chosen.route, asked, found, zone or self.zone)
                return self._hold(tx, asked, chosen, scopes, day, output, now)
            ring.count_free(tx, chosen.row.id, chosen.row.fingerprint, provider, day)

    def _choose(self, tx: Connection, wish: Wish, now: datetime, day: str) -> Chosen:
        """Choose a key, by what is free of it today; its row may speak of another day, or be wrong."""
        try:
            chosen = choose(tx, self.providers, self._names, wish, now)
        except AllDry:
            if not ring.recount(tx, self.providers, wish.least, day):
                raise
        else:
            if chosen.row.day == day:
                return chosen
            ring.begin_day(tx, self.providers, day)
        return choose(tx, self.providers, self._names, wish, now)

    def _key_limits(self, chosen: Chosen, scope: str, day: str, rows: Mapping[tuple[str, str], Row[Any]]) -> list[Limit]:
        provider = self.providers[chosen.route.provider]
        most = {"day": provider.tokens_per_day, "month": provider.tokens_per_month}
        caps = [Cap(scope, period, "tokens", limit) for period, limit in most.items() if limit is not None]
        return budgets.in_force(caps, day, rows)

    def _hold(
        self, tx: Connection, wish: Wish, chosen: Chosen, scopes: tuple[str, ...], day: str, output: int, now: datetime
    ) -> Reservation:
        route, spender = chosen.route, wish.spender
        provider = self.providers[route.provider]
        upper = 0 if provider.free else provider.models[route.model].upper_bound(wish.prompt, output)
        tokens = wish.prompt + output
        budgets.hold(tx, scopes, day, upper, tokens)
        ring.take(tx, route.key_id, day, tokens)
        if not wish.aside:
            sessions.keep(tx, self.providers, chosen, spender.conversation_id, spender.turn_id, wish.avoid, now)
        row = {
            "turn_id": spender.turn_id,
            "key_id": route.key_id,
            "provider": route.provider,
            "model": route.model,
            "period": day,
            "scopes": budgets.written(scopes),
            "upper": upper,
            "tokens": tokens,
            "size": wish.size,
            **wish.weight._asdict(),
            "state": "held",
            "made_at": now,
        }
        made = Reservation(
            id=tx.execute(_RESERVE, row).scalar_one(),
            turn_id=spender.turn_id,
            route=route,
            period=day,
            scopes=scopes,
            upper=upper,
            tokens=tokens,
            size=wish.size,
            max_output=output,
        )
        if chosen.is_probe:
            rests.note_probe(tx, route.provider, made.id)
        self._day = day  # only now: what is refused takes back what was begun for it
        return made

    def settle(
        self, tx: Connection, reservation: Reservation, usage: Usage, now: datetime, organisation: str | None = None
    ) -> list[Alert]:
        """Give back what a request did not use, by the usage that the provider reported; return what owners are to hear."""
        provider = self.providers[reservation.route.provider]
        used = Used(usage, provider.charge(reservation.model, usage), provider.counted(usage))
        booked = book(tx, self.providers, reservation, used, now)
        told = [] if booked is None else self._alerts(tx, reservation, booked, used, now)
        told += [] if booked is None else alerts.of_surplus(reservation, used.cost)
        if organisation is not None and self._organisations.get(reservation.scopes[-1]) != organisation:
            self._learn(tx, reservation, organisation)
        if booked is None or booked.has_rests:
            rests.forgive(tx, reservation.route.provider, reservation.key_id, reservation.model, reservation.id, now)
        return told

    def _learn(self, tx: Connection, reservation: Reservation, organisation: str) -> Row[Any] | None:
        """Note whose limits a key shares, and return the key; None if another has taken its place meanwhile."""
        row = tx.execute(_KEY, {"key": reservation.key_id}).first()
        if row is None or row.fingerprint != reservation.fingerprint:
            return None
        ring.learn_organisation(tx, row, organisation, self.providers)
        self._organisations[reservation.scopes[-1]] = organisation
        return tx.execute(_KEY, {"key": reservation.key_id}).one()

    def release(self, tx: Connection, reservation: Reservation, now: datetime) -> None:
        """Give all back: the provider surely bills nothing for this request."""
        book(tx, self.providers, reservation, NOTHING, now)

    def charge(self, tx: Connection, reservation: Reservation, now: datetime) -> list[Alert]:
        """Count the whole reservation as spent: nobody reported what the request used."""
        used = whole(reservation)
        booked = book(tx, self.providers, reservation, used, now)
        return [] if booked is None else self._alerts(tx, reservation, booked, used, now)

    def charge_left(self, tx: Connection, turn_id: int, now: datetime) -> None:
        """Count what a crash or a stop left reserved in a turn as spent, and tell owners what that brought near."""
        for row in tx.execute(_LEFT, {"turn": turn_id}).all():
            route = Route(provider=row.provider, key_id=row.key_id, model=row.model)
            figures = {"upper": row.upper, "tokens": row.tokens, "size": row.size}
            left = Reservation(row.id, turn_id, route, row.period, budgets.read(row.scopes), **figures)
            if self._tell is None:  # then the next request tells of the caps
                booked = book(tx, self.providers, left, whole(left), now)
                if booked is not None:
                    self._near(tx, left, booked, left.tokens, now)
            else:
                for alert in self.charge(tx, left, now):
                    self._tell(tx, alert, now)

    def blame(self, tx: Connection, reservation: Reservation, error: ModelError, now: datetime) -> Alert | None:
        """Keep whoever is to blame for an error from being asked, and nobody else; return what owners are to hear of it."""
        row = tx.execute(_KEY, {"key": reservation.key_id}).first()
        is_set = row is not None and row.fingerprint == reservation.fingerprint
        if error.organisation and is_set:
            row = self._learn(tx, reservation, error.organisation)
        route, whose = reservation.route, row.organisation if row is not None and is_set else None
        blame = rests.blamed(error, route.provider, route.key_id, whose, route.model, now)
        if blame is None or not (is_set or blame.subject == rests.provider_subject(route.provider)):
            return None  # where another key has taken its place meanwhile, that one is not to blame
        until = rests.put_to_rest(tx, blame, error.reason, now)
        if until is not None and until <= now:
            return None  # it is only counted
        where = reservation.conversation_id
        ring.note(tx, blame.kind.value, route.key_id, error.reason, now, conversation_id=where, turn_id=reservation.turn_id)
        if blame.kind is rests.Kind.MISSING:
            words = f"{route.key_id} cannot use {route.model}: {error.reason}\n\nName another model in providers.toml."
            return Alert(f"missing:{route.key_id}:{route.model}", words)
        if blame.kind not in (rests.Kind.REFUSED, rests.Kind.NO_CREDIT):
            return None
        how = "is no longer used" if until is None else f"rests until {until.astimezone(self.zone):%Y-%m-%d %H:%M}"
        words = f"The key {route.key_id} {how}. Its provider says: {error.reason}"
        ask = f"`/keys probe {route.key_id}` asks it again."
        return Alert(f"key:{route.key_id}:{reservation.fingerprint}:{blame.kind}", f"{words}\n\n{ask}")

    def standing(self, tx: Connection, now: datetime) -> Standing:
        """Return how today's budget of the house stands."""
        day = day_of(now)
        limits = budgets.limits(tx, self.caps, [HOUSE], day)
        mine = next(limit for limit in limits if (limit.period, limit.unit) == (day, "usd"))
        return Standing(dollars(mine.spent), dollars(mine.held), dollars(mine.amount))

    def expected_model(self, tier: Tier) -> str:
        """Return the model that answers for a tier, as long as all keys can be used."""
        return self.providers.best_model(self._names, tier)

    def _alerts(self, tx: Connection, reservation: Reservation, booked: Booked, used: Used, now: datetime) -> list[Alert]:
        """Return what has come near: caps, a key's day, and a conversation's allocation."""
        scopes, day = reservation.scopes, reservation.period
        caps = budgets.joined(self.caps, budgets.caps_set(tx, scopes) if booked.has_caps else (), scopes, day)
        near = alerts.of_caps(tx, budgets.in_force(caps, day, booked.rows), self.zone)
        return [*near, *self._near(tx, reservation, booked, used.tokens, now)]

    def _near(self, tx: Connection, reservation: Reservation, booked: Booked, tokens: int, now: datetime) -> list[Alert]:
        """Note what a conversation used of its key, and return what has come near of that key."""
        key_id, where = reservation.key_id, reservation.conversation_id
        used = None if where is None else sessions.use(tx, where, key_id, tokens, now)
        provider = self.providers.table.get(reservation.route.provider)  # the settings may have lost it since
        most = provider.tokens_per_day if provider is not None else None
        is_key = reservation.scopes[-1].startswith("key:")  # else it is from before keys had budgets
        row = booked.rows.get((reservation.scopes[-1], reservation.period)) if is_key else None
        of_key = alerts.key_is_near(key_id, most, row.spent_tokens if row is not None else 0, tokens)
        near = of_key or used
        if near is None:
            return []
        ring.note(tx, "alert", key_id, near, now, conversation_id=where, turn_id=reservation.turn_id)
        which = reservation.period if of_key else f"conversation:{where}"
        then = "; the next request goes by the next key" if len(self.keys) > 1 else ""
        return [Alert(f"near:{key_id}:{which}", f"{near}{then}.")]
