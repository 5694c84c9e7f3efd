"""Money for tests: a house with one turn in its books, a treasury, and what a request asks for."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from bot import conversations
from bot.messages import Address
from bot.store import migrate
from bot.store.database import Database
from bot.store.tables import people, turns
from bot.treasury.alerts import Alert
from bot.treasury.budgets import HOUSE, Cap, Spender
from bot.treasury.choice import Wish
from bot.treasury.keys import Key
from bot.treasury.prices import nano
from bot.treasury.providers import Provider, Providers, Tier, read_providers
from bot.treasury.treasury import Treasury
from tests import stores

CAP = Decimal(2)
SONNET = "claude-sonnet-5-5"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ADA = Spender(turn_id=1, conversation_id=1, person_id=1, butler="assistant")
KEYS = (Key("anthropic-1", "anthropic", "sk-1"),)


def treasury(cap: Decimal = CAP, keys: Sequence[Key] = KEYS, caps: Sequence[Cap] = (), **limits: object) -> Treasury:
    """Return a treasury with a daily cap of the house; `limits` change what its keys may use."""
    table = dict(read_providers().table)
    table["anthropic"] = Provider.model_validate(table["anthropic"].model_dump() | limits)
    return Treasury(Providers(table), keys, [Cap(HOUSE, "day", "usd", nano(cap)), *caps], BERLIN)


def wish(size: int = 2000, output: int = 1000, spender: Spender = ADA, **more: object) -> Wish:
    """Return what a request asks for."""
    return Wish(spender, Tier.SMART, size, output, **more)  # type: ignore[arg-type] # the fields of a wish


def books(path: Path, purse: Treasury | None = None) -> Database:
    """Return a new house's database with one turn in it, which knows the keys."""
    made = stores.migrated(path, migrate.HOUSE)
    with made.write() as tx:
        tx.execute(insert(people).values(name="Ada", role="owner", created_at=NOW))
        conversation = conversations.find_or_open(tx, Address(channel="telegram", chat="7"))
        values = {"butler": "assistant", "trigger": "message", "model": SONNET, "state": "running", "steps": 0, "attempts": 0}
        tx.execute(insert(turns).values(conversation_id=conversation.id, person_id=1, started_at=NOW, **values))
        (purse or treasury()).enter_keys(tx, NOW)
    return made


def but_for_surplus(alerts: Sequence[Alert]) -> list[Alert]:
    """Leave out that more was reported than was reserved, which tests do to spend much by small requests."""
    return [alert for alert in alerts if not alert.key.startswith("surplus:")]
