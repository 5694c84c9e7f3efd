"""Probes: asking a provider whether it accepts a key, because somebody wants to know."""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, select, update

from bot import outbox
from bot.errors import ModelError
from bot.messages import ReplyKind
from bot.ports import Route
from bot.redaction import Redactor
from bot.store.database import Database
from bot.store.treasury_tables import keys
from bot.treasury import ring
from bot.treasury.providers import Tier
from bot.treasury.rests import blamed, key_subject, lift, put_to_rest
from bot.turn import Clock
from workers.purse import Purse

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeyProbes:
    """Asks, in threads of a worker; what is asked for twice is only told twice."""

    database: Database
    purse: Purse
    redactor: Redactor
    clock: Clock
    _under_way: set[str] = field(default_factory=set)

    def asked(self) -> list[str]:
        """Return the keys about which somebody wants to know and nobody is asking yet."""
        with self.database.read() as tx:
            wanted = tx.execute(
                select(keys.c.id, keys.c.fingerprint).where(keys.c.is_set, keys.c.probe_asked).order_by(keys.c.position)
            ).all()
        # A worker that was not started again since the settings changed knows another key by that id, or none.
        mine = {(key.id, key.fingerprint) for key in self.purse.keys}
        return [row.id for row in wanted if (row.id, row.fingerprint) in mine and row.id not in self._under_way]

    def probe(self, key_id: str) -> None:
        """Ask about one key, keep what comes of it, and tell it where that was asked."""
        self._under_way.add(key_id)
        try:
            error = self._ask(key_id)
            with self.database.write() as tx:
                row = tx.execute(select(keys).where(keys.c.id == key_id, keys.c.probe_asked)).first()
                if row is not None:
                    self._keep(tx, row, error, self.clock())
        finally:
            self._under_way.discard(key_id)

    def _ask(self, key_id: str) -> ModelError | None:
        provider = next(key.provider for key in self.purse.keys if key.id == key_id)
        model = self.purse.providers.nearest_model(provider, Tier.SMART) or ""
        try:
            self.purse.model(provider).check(Route(provider=provider, key_id=key_id, model=model))
        except ModelError as error:
            error.reason = self.redactor.clean(error.reason)
            log.warning("the key %s does not work: %s", key_id, error.reason)
            return error
        return None

    def _keep(self, tx: Connection, row: Row[tuple[object, ...]], error: ModelError | None, now: datetime) -> None:
        tx.execute(update(keys).where(keys.c.id == row.id).values(probe_asked=False, probe_for=None))
        if error is None:
            rested = lift(tx, key_subject(row.id), "")  # a limit for one model is asked about by nobody here
            said = f"The provider of **{row.id}** accepts the key" + (", and it is used again." if rested else ".")
        else:
            blame = blamed(error, row.provider, row.id, row.organisation, "", now)
            if blame is not None and blame.subject == key_subject(row.id):
                put_to_rest(tx, blame, error.reason, now)
            said = f"**{row.id}** does not work. Its provider says: {error.reason}"
        ring.note(tx, "probed", row.id, "accepted" if error is None else error.reason, now, conversation_id=row.probe_for)
        if row.probe_for is not None:
            outbox.add(tx, row.probe_for, ReplyKind.NOTICE, said, now)
