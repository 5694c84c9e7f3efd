"""The seed's interface for programs: its fields in Python names, its errors word for word, and keys that really change."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from bot.ports import Usage
from bot.store.tables import turns
from bot.store.treasury_tables import keys
from bot.treasury.budgets import Spender
from bot.treasury.desk import NO_KEYS, AllocationResult, AvailableKey, Desk, KeyLimits, KeyUsage
from bot.treasury.keys import Key
from bot.treasury.periods import day_of
from bot.treasury.rests import rest_by_owner
from tests.anthropic_server import AnthropicServer
from tests.room import Room
from tests.spenders import wish
from workers.treasury import Butler

CLAUDES = ("sk-ant-canary-1", "sk-ant-canary-2")
RING = (
    *(Key(f"anthropic-{n}", "anthropic", secret) for n, secret in enumerate(CLAUDES, 1)),
    Key("nvidia-1", "nvidia", "nvapi-canary"),
    Key("openai-1", "openai", "sk-canary"),
    Key("sokosumi-1", "sokosumi", "soko-canary"),
)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room with five keys, of which a free one comes last."""
    with AnthropicServer(CLAUDES) as claude, Room(tmp_path, claude, keys=RING) as made:
        yield made


@pytest.fixture
def desk(room: Room) -> Desk:
    """The desk of the room's house."""
    return Desk(room.database, room.treasury, room.clock)


@pytest.fixture
def prd(tmp_path: Path) -> Path:
    """A task of 100 tokens by the formula."""
    file = tmp_path / "PRD.md"
    file.write_text(" ".join(["word"] * 75), encoding="utf-8")
    return file


def has_left(room: Room, **left: int) -> None:
    """Leave keys only so many tokens of their day."""
    with room.database.write() as tx:
        for name, free in left.items():
            values = {"free": free, "day": day_of(room.now)}
            tx.execute(update(keys).where(keys.c.id == name.replace("_", "-")).values(values))


def rests(room: Room, *key_ids: str) -> None:
    """Let keys rest."""
    with room.database.write() as tx:
        for key_id in key_ids:
            rest_by_owner(tx, key_id, room.now)


def spent(room: Room, key_id: str, usage: Usage) -> None:
    """Let a key have answered once, by leaving only it."""
    here = room.takes_in("/whoami")
    with room.database.write() as tx:
        values = {"butler": "x", "trigger": "message", "model": "x", "state": "failed", "steps": 1, "attempts": 0}
        made = insert(turns).values(conversation_id=here, person_id=1, started_at=room.now, **values).returning(turns.c.id)
        spender = Spender(tx.execute(made).scalar_one(), here, 1, "assistant")
        avoid = {one.id: "busy" for one in RING if one.id != key_id}
        held = room.treasury.reserve(tx, wish(spender=spender, avoid=avoid), room.now)
        room.treasury.settle(tx, held, usage, room.now)


def test_the_seeds_fields() -> None:
    """The fields of the seed in Python names stand in the results, and nothing that could hold a key."""
    seeds = "success key_id provider model allocated rotation_threshold available_capacity cost_estimate".split()  # noqa: SIM905
    assert set(seeds) <= {field.name for field in fields(AllocationResult)}
    for made in (AllocationResult, AvailableKey, KeyLimits, KeyUsage):
        assert {"key", "secret", "fingerprint"}.isdisjoint(field.name for field in fields(made))


def test_an_allocation(desk: Desk, prd: Path) -> None:
    """A free key comes before paid ones; a quarter of the tokens is expected to be written, which costs nothing there."""
    found = desk.allocate_tokens(prd)
    assert asdict(found) == {
        "success": True,
        "key_id": "nvidia-1",
        "provider": "nvidia",
        "model": "nvidia/nemotron-3-super-120b-a12b",
        "allocated": 100,
        "allocated_low": 25,
        "allocated_high": 20_400,
        "rotation_threshold": 75,
        "available_capacity": 5_000_000,
        "cost_estimate": Decimal(0),
        "confidence": 0.6,
        "like_tasks": 0,
        "error": None,
    }


def test_a_preferred_provider(desk: Desk, room: Room, prd: Path) -> None:
    """Its key is taken, also where a free one is there; one without keys, or that nobody knows, is no hindrance."""
    found = desk.allocate_tokens(str(prd), "anthropic")
    assert (found.key_id, found.model) == ("anthropic-1", "claude-sonnet-5-5")
    assert found.cost_estimate == Decimal("0.0004375")  # 75 tokens at the dearest way in, 25 out
    assert desk.allocate_tokens(prd, "groq").key_id == "nvidia-1"
    assert desk.allocate_tokens(prd, preferred_provider="nobody").key_id == "nvidia-1"
    has_left(room, anthropic_1=500_000)
    assert desk.allocate_tokens(prd, "anthropic").key_id == "anthropic-2"
    rests(room, "anthropic-1", "anthropic-2")
    assert desk.allocate_tokens(prd, "anthropic").key_id == "nvidia-1"


def test_the_order_of_keys(desk: Desk, room: Room, prd: Path) -> None:
    """Free before paid, then what has more left, then what costs less."""
    has_left(room, nvidia_1=20_000)
    order = []
    for _ in RING:
        found = desk.allocate_tokens(prd)
        assert found.key_id is not None
        order.append(found.key_id)
        rests(room, found.key_id)
    assert order == ["nvidia-1", "anthropic-1", "anthropic-2", "openai-1", "sokosumi-1"]
    assert desk.allocate_tokens(prd) == AllocationResult(success=False, error="No keys available with sufficient capacity")


def test_the_seeds_errors(desk: Desk, room: Room, prd: Path) -> None:
    """Word for word: a task that no key has the tokens for, and keys of which none has more than ten thousand."""
    prd.write_text(" ".join(["API"] + ["word"] * 214_284), encoding="utf-8")
    found = desk.allocate_tokens(prd, "sokosumi")
    assert found == AllocationResult(success=False, error="No single key has 999999 tokens available")
    assert desk.allocate_tokens(prd).allocated == 999_999
    prd.write_text("word", encoding="utf-8")
    left = {key.id.replace("-", "_"): 10_000 for key in RING}
    has_left(room, **left)
    assert desk.allocate_tokens(prd).error == "No keys available with sufficient capacity" == NO_KEYS
    has_left(room, openai_1=10_001)
    assert desk.allocate_tokens(prd).key_id == "openai-1"


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), ("a folder", "Is a directory"), (b"\xff\xfe", "it is not UTF-8 text")],
)
def test_a_file_that_cannot_be_read(desk: Desk, tmp_path: Path, content: object, why: str) -> None:
    """A missing file, a folder and what is no text are an error, not an estimate of nothing."""
    file = tmp_path / "task.md"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content:
        file.mkdir()
    assert desk.allocate_tokens(file) == AllocationResult(success=False, error=f"{file} cannot be read: {why}")


def test_the_available_keys(desk: Desk, room: Room) -> None:
    """Keys that can be used now, with their limits, what they used and when their day begins anew; never themselves."""
    spent(room, "openai-1", Usage(input=1000, output=500, cache_read=250))
    rests(room, "anthropic-1")
    has_left(room, sokosumi_1=0)
    found = {key.id: key for key in desk.get_available_keys()}
    assert list(found) == ["anthropic-2", "nvidia-1", "openai-1"]
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    assert found["openai-1"] == AvailableKey(
        id="openai-1",
        provider="openai",
        model="gpt-6-sol",
        limits=KeyLimits(500_000, 15_000_000),
        usage=KeyUsage(today=1750, this_month=1750, next_reset=midnight),
        available_capacity=498_250,
        status="active",
    )
    assert "canary" not in str([asdict(key) for key in found.values()])
    room.now = midnight + timedelta(hours=1)
    later = {key.id: key for key in desk.get_available_keys()}
    assert (later["openai-1"].usage.today, later["openai-1"].usage.this_month) == (0, 1750)
    assert later["openai-1"].available_capacity == 500_000
    assert "sokosumi-1" in later


def test_the_usage_by_provider(desk: Desk, room: Room) -> None:
    """Keys, capacity, use, what is left and the cost of each provider; a key that replaced another counts its own."""
    spent(room, "anthropic-1", Usage(input=1000, output=500))
    spent(room, "anthropic-2", Usage(output=100))
    found = desk.monitor_usage()["keys_by_provider"]
    assert set(found) == {"anthropic", "nvidia", "openai", "sokosumi"}
    assert found["anthropic"] == {
        "count": 2,
        "total_capacity": 2_000_000,
        "used_today": 1600,
        "remaining": 1_998_400,
        "cost_today": Decimal("0.008"),
    }
    room.treasury.keys = (Key("anthropic-1", "anthropic", "sk-ant-canary-new"), *RING[1:])
    with room.database.write() as tx:
        room.treasury.enter_keys(tx, room.now)
    again = desk.monitor_usage()["keys_by_provider"]["anthropic"]
    assert (again["used_today"], again["remaining"], again["cost_today"]) == (100, 1_999_900, Decimal("0.001"))


def test_the_status(desk: Desk, room: Room) -> None:
    """Keys, sessions, alerts of today and turns, as the seed counts them; days later the session is no longer active."""
    rests(room, "sokosumi-1", "nvidia-1", "openai-1")
    room.asks("Hello")
    here = room.takes_in("And now?")
    found = desk.get_status()
    assert found["tokens"]["keys_by_provider"] == desk.monitor_usage()["keys_by_provider"]
    counted = {name: found["tokens"][name] for name in ("total_keys", "active_keys", "active_sessions", "pending_alerts")}
    assert counted == {"total_keys": 5, "active_keys": 2, "active_sessions": 1, "pending_alerts": 0}
    assert found["agents"] == {"active_sessions": 0, "sessions": [], "completed_tasks": 1}
    room.claude.fail(2, status=429, type="rate_limit_error", message="Slow down", headers={"retry-after": "90"})
    room.runner().run_turn(here, None)
    assert desk.get_status()["agents"] == {"active_sessions": 1, "sessions": [f"conversation-{here}"], "completed_tasks": 1}
    room.now += timedelta(seconds=91)
    spent(room, "anthropic-2", Usage(input=750_000))
    assert desk.get_status()["tokens"]["pending_alerts"] == 1
    room.now += timedelta(days=2)
    later = desk.get_status()
    assert (later["tokens"]["active_sessions"], later["tokens"]["pending_alerts"]) == (0, 0)
    assert later["timestamp"].date() == room.now.date()
    assert later["version"].count(".") == 2


def test_a_rotation_changes_the_key(desk: Desk, room: Room) -> None:
    """The next request of the session goes by the new key, the named one or the best of the others, and stays there."""
    rests(room, "sokosumi-1", "nvidia-1", "openai-1")
    here = room.takes_in("Hello")
    room.runner().run_turn(here, None)
    found = desk.rotate_key(f"conversation-{here}")
    assert asdict(found) == {
        "success": True,
        "session_id": f"conversation-{here}",
        "old_key_id": "anthropic-1",
        "new_key_id": "anthropic-2",
        "error": None,
    }
    room.asks("Again")
    room.asks("And again")
    assert desk.rotate_key(str(here), "anthropic-1").new_key_id == "anthropic-1"
    room.asks("Once more")
    assert [record.key for record in room.claude.message_requests] == ["key-1", "key-2", "key-2", "key-1"]


def test_a_rotation_that_cannot_be(desk: Desk, room: Room) -> None:
    """No session of that name, no such key, the same key, a resting one, no other one at all: each says so."""
    rests(room, "sokosumi-1", "nvidia-1", "openai-1")
    for number in ("conversation-1", "conversation-", "x", "٣", "9" * 30, "9" * 5000, "-1"):
        found = desk.rotate_key(number)
        assert (found.success, found.error) == (False, f"There is no session {number}")
    here = str(room.takes_in("Hello"))
    room.runner().run_turn(int(here), None)
    for key_id in ("groq-1", "anthropic-1", "openai-1"):
        found = desk.rotate_key(here, key_id)
        assert found.error == f"The key {key_id} cannot be used now, or is the session's already"
        assert (found.success, found.old_key_id, found.new_key_id) == (False, "anthropic-1", None)
    rests(room, "anthropic-2")
    assert desk.rotate_key(here).error == NO_KEYS
    with room.database.read() as tx:
        assert tx.exec_driver_sql("SELECT wanted_key FROM sessions").scalar() is None


def test_the_butler_of_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prd: Path) -> None:
    """`Butler(keys_path, home)` answers by that file of keys and that home, made where it is missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    file = tmp_path / "keys.json"
    file.write_text('{"groq": ["gsk-canary-1", "gsk-canary-2"], "anthropic": "sk-ant-canary"}')
    with Butler(file, tmp_path / "home") as butler:
        assert [key.id for key in butler.get_available_keys()] == ["groq-1", "groq-2", "anthropic-1"]
        found = butler.allocate_tokens(prd)
        assert (found.key_id, found.available_capacity) == ("groq-1", 10_000_000)
        assert butler.get_status()["tokens"]["total_keys"] == 3
    kept = [path.name for path in (tmp_path / "home").rglob("*") if path.is_file() and b"canary" in path.read_bytes()]
    assert kept == []
