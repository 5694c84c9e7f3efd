"""/keys and /usage as people use them: how keys fare, in whose words, and that no key is ever shown."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from bot.errors import KeyRefused, NoCredit, Overloaded, RateLimited
from bot.messages import Address
from bot.ports import Usage
from bot.store.tables import people
from bot.store.treasury_tables import keys
from tests.dumps import dump_of
from tests.key_rings import PARTS, Ring, opened
from tests.room import ADA, BEN
from tests.spenders import wish
from workers.key_probes import KeyProbes


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Ring]:
    """A ring of three keys; whatever a test does with it, no part of a key is left anywhere."""
    with opened(tmp_path, monkeypatch) as made:
        yield made
        with made.room.database.read() as tx:
            kept = dump_of(tx)
    left = [part for part in PARTS for place in (kept, caplog.text) if part in place]
    left += [path.name for path in tmp_path.rglob("*") if path.is_file() and b"canary" in path.read_bytes()]
    assert left == []


def test_keys_that_nobody_used(ring: Ring) -> None:
    """Each key has its model, its day, and can be used."""
    assert ring.says().splitlines() == [
        "- **anthropic-1** (claude-sonnet-5-5): usable; 0 of 1,000,000 tokens today",
        "- **anthropic-2** (claude-sonnet-5-5): usable; 0 of 1,000,000 tokens today",
        "- **openai-1** (gpt-6-sol): usable; 0 of 500,000 tokens today",
    ]


def test_what_a_key_used(ring: Ring) -> None:
    """Tokens of today, and the share of its prompts that came from the cache."""
    ring.claude.says("Good day.")
    ring.claude.says("Still here.")
    ring.room.asks("Hello " * 2000)
    ring.room.asks("And now?")
    used = ring.line("anthropic-1")
    assert ": usable; " in used
    share = int(used.rpartition(", ")[2].partition(" %")[0])
    assert used.endswith(f", {share} % of its prompts from the cache")
    assert 30 <= share <= 60
    assert " 0 of 1,000,000 tokens today" not in used


def test_why_keys_rest(ring: Ring) -> None:
    """Retired, without credit, or asked to wait: each with its end in the owner's zone and in the provider's words."""
    ring.blames("anthropic-1", KeyRefused("this key\nwas disabled"))
    ring.blames("anthropic-2", RateLimited("slow   down", wait=90))
    ring.blames("openai-1", NoCredit("x" * 500))
    assert ": not used any more (refused): “this key was disabled”; 0 of" in ring.line("anthropic-1")
    assert ": rests for claude-sonnet-5-5 until 2026-11-21 13:01:30 (rate limited): “slow down”; " in ring.line("anthropic-2")
    assert f": rests until 2026-11-21 14:00:00 (no credit): “{'x' * 160}…”; " in ring.line("openai-1")
    with ring.room.database.write() as tx:
        tx.execute(update(people).values(zone="Asia/Tokyo"))
    assert "until 2026-11-21 21:01:30" in ring.line("anthropic-2")
    ring.room.now += timedelta(seconds=91)
    assert ": usable; " in ring.line("anthropic-2")


def test_a_provider_that_is_overloaded(ring: Ring) -> None:
    """What keeps all keys of a provider from being asked is said once."""
    ring.blames("openai-1", Overloaded("Overloaded", wait=30))
    assert "- All keys of openai: rests until 2026-11-21 13:00:30 (overloaded): “Overloaded”" in ring.says().splitlines()


@pytest.mark.parametrize(("used", "until"), [(1_000_000, "2026-11-22 01:00"), (30_000_000, "2026-12-01 01:00")])
def test_a_key_that_is_used_up(ring: Ring, used: int, until: str) -> None:
    """A key without tokens left says when it begins anew: the next day, or the next month."""
    ring.room.asks("Hello")
    with ring.room.database.write() as tx:
        held = ring.room.treasury.reserve(tx, wish(), ring.room.now)
        ring.room.treasury.settle(tx, held, Usage(input=used), ring.room.now)
    found = ring.line(held.key_id)
    assert f": its limit is used up until {until} (00:00 UTC); {used // 10**6}," in found


def test_the_history_is_shown(ring: Ring) -> None:
    """What became of keys lately stands below, the newest first, six lines at most."""
    for number in range(4):
        ring.says("rest anthropic-1")
        ring.says(f"rest anthropic-{number % 2 + 1}")
    lately = ring.says().partition("**Lately**\n")[2].splitlines()
    assert len(lately) == 6
    assert lately[0] == "- 11-21 13:00, anthropic-2, rests: an owner let it rest"


def test_a_key_that_an_owner_lets_rest(ring: Ring) -> None:
    """A resting key is not asked, whatever comes, until an owner has it asked about and its provider accepts it."""
    assert ring.says("rest ANTHROPIC-1") == "**anthropic-1** rests until you say `/keys probe anthropic-1`."
    assert ": rests, because an owner said so; " in ring.line("anthropic-1")
    ring.room.asks("Hello")
    assert {record.key for record in ring.claude.message_requests} == {"key-2"}
    ring.says("probe anthropic-1")
    assert ring.probed() == "The provider of **anthropic-1** accepts the key, and it is used again."
    assert ": usable; " in ring.line("anthropic-1")


@pytest.mark.parametrize("key_id", ["anthropic-2", "openai-1"])
def test_a_probe_that_is_accepted(ring: Ring, key_id: str) -> None:
    """The answer comes into the chat that asked, spends nothing, and lifts the rest."""
    ring.blames(key_id, KeyRefused("disabled"))
    assert ring.says(f"probe {key_id}") == (
        f"I am asking the provider of **{key_id}** whether it accepts the key; what it says follows. That spends nothing."
    )
    assert ring.line(key_id).count("; its provider is being asked; ") == 1
    assert ring.probed() == f"The provider of **{key_id}** accepts the key, and it is used again."
    assert ": usable; " in ring.line(key_id)
    assert ring.says().splitlines()[-1] == f"- 11-21 13:00, {key_id}, probed: accepted"
    ring.says(f"probe {key_id}")
    assert ring.probed() == f"The provider of **{key_id}** accepts the key."
    assert [*ring.claude.message_requests, *ring.openai.requests[2:]] == []
    assert ring.room.reads(BEN) == ring.room.reads(BEN)[:1]


def test_a_probe_that_is_refused(ring: Ring) -> None:
    """The provider's words are told, without the ends of the key that some show in them, and the key retires."""
    for server in (ring.claude, ring.openai):
        server.keys.clear()
    ring.says("probe openai-1")
    assert ring.probed() == (
        "**openai-1** does not work. Its provider says: Incorrect API key provided: [secret]. "
        "You can find your API key at https://platform.openai.com/."
    )
    assert ": not used any more (refused): “Incorrect API key provided: [secret]." in ring.line("openai-1")
    ring.says("probe anthropic-1")
    assert ring.probed() == "**anthropic-1** does not work. Its provider says: Invalid bearer token"
    assert ring.room.asks("Hello").startswith("No model can be asked, and an owner has to look after that.")


def test_a_provider_that_cannot_be_asked(ring: Ring) -> None:
    """A provider that stumbles says nothing of the key: it is told, and the key is as it was."""
    ring.openai.fail(1, status=500, message="oh dear")
    ring.says("probe openai-1")
    assert ring.probed().startswith("**openai-1** does not work. Its provider says: ")
    assert ": usable; " in ring.line("openai-1")


def test_a_probe_is_asked_again_after_a_crash(ring: Ring) -> None:
    """What was asked for stays so until it is answered, so that another worker asks; it is told once."""
    ring.says("probe openai-1")
    assert ring.probes.asked() == ["openai-1"]
    ring.probes._under_way.add("openai-1")  # noqa: SLF001 - as in a worker that asks just now, and dies over it
    assert ring.probes.asked() == []
    other = KeyProbes(ring.room.database, ring.purse, ring.room.redactor, ring.room.clock)
    assert other.asked() == ["openai-1"]
    other.probe("openai-1")
    ring.probes.probe("openai-1")
    told = [text for text in ring.room.reads(ADA) if "accepts the key" in text and "whether" not in text]
    assert told == ["The provider of **openai-1** accepts the key."]
    assert (ring.probes.asked(), other.asked()) == ([], [])


def test_a_key_that_is_taken_away_is_not_asked_about(ring: Ring) -> None:
    """A key that the settings no longer name is neither shown nor asked about."""
    ring.says("probe openai-1")
    with ring.room.database.write() as tx:
        tx.execute(update(keys).where(keys.c.id == "openai-1").values(is_set=False))
    assert ring.probes.asked() == []
    assert "openai" not in ring.says()


def test_a_conversation_goes_by_another_key(ring: Ring) -> None:
    """/keys rotate takes the next key, with an id that one, and the history says who wanted it."""
    assert ring.says("rotate") == "Nothing has been asked in this conversation yet, so it holds no key. Nothing was changed."
    ring.room.asks("Hello")
    assert ring.says("rotate") == "The next request here leaves **anthropic-1** for the next key, if another one can be used."
    ring.room.asks("Again")
    assert [record.key for record in ring.claude.message_requests] == ["key-1", "key-2"]
    assert ring.says("rotate anthropic-1") == "The next request here goes by **anthropic-1**, if it can be used then."
    ring.room.asks("And again")
    ring.room.asks("And once more")
    assert [record.key for record in ring.claude.message_requests][2:] == ["key-1", "key-1"]
    assert ring.says().partition("**Lately**\n")[2].splitlines() == [
        "- 11-21 13:00, anthropic-2 → anthropic-1, rotated: chosen by hand",
        "- 11-21 13:00, anthropic-1 → anthropic-2, rotated: an owner rotated it",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("probe", "Which key? The keys are anthropic-1, anthropic-2, openai-1."),
        (
            "probe antropic-1",
            "There is no key antropic-1. Did you mean anthropic-1? The keys are anthropic-1, anthropic-2, openai-1.",
        ),
        ("rest groq-1", "There is no key groq-1."),
        ("rest anthropic-1 anthropic-2", "There is no key anthropic-1 anthropic-2."),
        ("rotate 7", "Nothing has been asked in this conversation yet"),
        ("porbe anthropic-1", "`/keys` knows no porbe. Did you mean probe? Write `/keys`, `/keys probe ID`"),
    ],
)
def test_what_is_no_key(ring: Ring, words: str, said: str) -> None:
    """A wrong word or id is answered with those that there are, and nothing changes."""
    answer = ring.says(words)
    assert answer.startswith(said)
    assert answer.endswith("Nothing was changed.")
    assert ring.probes.asked() == []


def test_keys_are_for_owners(ring: Ring) -> None:
    """Members and guests read who may, and change nothing."""
    for role in ("member", "guest"):
        with ring.room.database.write() as tx:
            tx.execute(update(people).where(people.c.id == 2).values(role=role))
        for words in ("", " rest anthropic-1", " probe anthropic-1", " rotate"):
            assert ring.room.writes(BEN, f"/keys{words}") == "Only owners may set budgets and look after keys."
    assert ": usable; " in ring.line("anthropic-1")


def test_a_refused_turn_shows_no_key(ring: Ring) -> None:
    """A provider that shows both ends of a key in its refusal is quoted without them, in every chat and in the books."""
    ring.says("rest anthropic-1")
    ring.says("rest anthropic-2")
    ring.openai.keys.clear()
    said = ring.room.asks("Hello")
    assert "openai-1: “Incorrect API key provided: [secret]." in said
    assert any(text.startswith("The key openai-1 is no longer used.") for text in ring.room.reads(ADA))
    assert all(part not in text for text in ring.room.reads(ADA) for part in PARTS)


def test_usage_of_a_conversation(ring: Ring) -> None:
    """What this conversation cost, by which key, its last turn and its last ones, and what became of its key."""
    assert ring.room.writes(ADA, "/usage") == "No model has been asked in this conversation yet."
    ring.claude.says("Good day.")
    ring.claude.says("Still here.")
    ring.room.asks("Hello " * 2000)
    ring.says("rotate")
    ring.room.asks("And now?")
    here, key, last, both, expected, history = ring.room.writes(ADA, "/usage").splitlines()
    assert here.startswith("- Here: $0.0")
    assert here.endswith(" this month")
    assert key.startswith("- Key: **anthropic-2** (claude-sonnet-5-5), ")
    assert key.endswith(" tokens since this conversation came to it")
    assert last.startswith("- Last turn: 1 request, ")
    assert both.startswith("- Last 2 turns: 2 requests, ")
    assert expected.startswith("- Next request: about $0.0")
    assert history == "- Key history: 11-21 13:00, anthropic-1 → anthropic-2, rotated: an owner rotated it"
    assert ring.room.writes(BEN, "/usage") == "No model has been asked in this conversation yet."


def test_usage_that_nobody_reported(ring: Ring) -> None:
    """A request whose cost nobody told is counted as such."""
    ring.says("rest openai-1")
    ring.claude.cut(3)
    ring.claude.says("Good day.")
    here = ring.room.takes_in("Hello")
    for _ in range(2):
        ring.room.runner().run_turn(here, None)
        ring.room.now += timedelta(minutes=5)
    last = ring.room.writes(ADA, "/usage").splitlines()[2]
    assert "1 of them reported by nobody" in last


def test_not_where_others_read(ring: Ring) -> None:
    """In a group neither is answered."""
    group = Address(channel="telegram", chat="-5", private=False)
    here = ring.room.takes_in("/keys", address=group)
    assert ring.room.replies(here)[-1] == "I answer `/keys` only in a private chat with me."
    with ring.room.database.read() as tx:
        assert tx.scalar(select(keys.c.id).where(keys.c.probe_asked)) is None
