"""Chaos: people write on Telegram and on Slack while everything fails that can."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from bot.progress import SIGN
from tests.anthropic_server import AnthropicServer
from tests.counting import CountingServer
from tests.houses import OWNER, SLACK_OWNER, House, wait_until
from tests.slack_server import SlackServer
from tests.storms import (
    KINDS,
    LONG,
    Storm,
    Talk,
    counting_house,
    do_and_tell_at_length,
    is_settled,
    slack_talk,
    slack_thread,
    telegram_talk,
)
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.crash
MANY, SECONDS, OF_A_KIND = (2000, 200.0, 50) if LONG else (200, 14.0, 10)  # half the talks on Telegram, a quarter in threads
CALMS_DOWN_IN = 400.0 if LONG else 240.0
# What a bot meets that was killed, or that never heard what became of its request.
EXPECTED = {"streaming_state_conflict", "message_not_in_streaming_state", "already_reacted", "no_reaction"}
GONE = {
    ("chat.delete", "message_not_found"),
    ("chat.stopStream", "message_not_found"),  # what cannot be deleted may be a stream
    ("deleteMessage", "Bad Request: message to delete not found"),
}


@pytest.fixture
def counter() -> Iterator[CountingServer]:
    """A server that counts effects."""
    with CountingServer() as server:
        yield server


@pytest.fixture
def storm(tmp_path: Path, counter: CountingServer) -> Iterator[Storm]:
    """A house on both chats, in which nothing has happened yet."""
    with TelegramServer() as telegram, SlackServer() as slack, AnthropicServer() as claude:
        allowed = {
            "TELEGRAM_ALLOWED_USERS": ",".join(map(str, (OWNER, *range(100, 100 + 2 * OF_A_KIND)))),
            "SLACK_ALLOWED_USERS": ",".join((SLACK_OWNER, *(f"U{number}" for number in range(100, 100 + 2 * OF_A_KIND)))),
        }
        slack.person(SLACK_OWNER)
        owner = telegram.person(OWNER)
        owner.writes("/start")  # a bot may write only to those who wrote to it
        with counting_house(tmp_path, counter.url, claude, telegram, slack, **allowed) as house:
            claude.script = do_and_tell_at_length
            owner.reads(20)
            slack.wait_until(lambda: slack.connections() > 0, 20, "the socket")
            yield Storm(house, telegram, slack, Random(7))  # noqa: S311 - the same storm each time
        assert {(call.method, call.description) for call in telegram.refusals} <= GONE
        assert {(call.method, call.error) for call in slack.refusals if call.error not in EXPECTED} <= GONE
        assert slack.protocol_errors == []


def talks_of(storm: Storm) -> list[Talk]:
    """Return the conversations: private chats on Telegram, and on Slack direct messages and threads."""
    telegram, slack = storm.telegram, storm.slack
    numbers = range(100, 100 + OF_A_KIND)
    channels = [slack.channel(f"C{number}", f"room{number}") for number in range(5)]
    return [
        *(telegram_talk(telegram.person(number)) for number in range(100, 100 + 2 * OF_A_KIND)),
        *(slack_talk(slack.person(f"U{number}")) for number in numbers),
        *(slack_thread(slack.person(f"U{number + OF_A_KIND}"), channels[number % 5]) for number in numbers),
    ]


def sockets_break(slack: SlackServer, times: int) -> list[Callable[[], None]]:
    """Return so many ways in which a socket ends."""

    def is_refreshed() -> None:
        slack.close_sockets("refresh_requested", 0.5)

    def is_warned() -> None:
        slack.close_sockets("warning", 2.0)

    ways = [slack.drop_sockets, is_refreshed, slack.drop_sockets, is_warned, slack.freeze_sockets]
    return [ways[number % len(ways)] for number in range(times)]


def test_chaos(storm: Storm, counter: CountingServer) -> None:
    """Messages pour in on both chats while processes die, sockets break and answers are lost: all is well in the end."""
    house, telegram, slack, talks = storm.house, storm.telegram, storm.slack, talks_of(storm)
    telegram.lose_answers("sendMessage", 0.02, 1)
    for seed, method in enumerate(("chat.postMessage", "chat.update", "chat.stopStream")):
        slack.lose_answers(method, 0.02, seed)
    slack.ack_within, slack.retry_delays = 1.0, (0.0, 30.0)
    storm.rain(talks, MANY, SECONDS)
    storm.thunder(2.0, SECONDS)
    storm.spread([storm.kill_valkey] * (5 if LONG else 1), SECONDS)
    storm.spread(sockets_break(slack, 20 if LONG else 3), SECONDS)
    storm.break_out()
    wait_until(lambda: len(kept(house)) == MANY and is_settled(house), "all are answered", CALMS_DOWN_IN)
    left = nothing_is_lost_or_out_of_order(house, talks)
    nothing_is_done_twice(house, counter, talks)
    lost = telegram.faults["lose_answers"] + slack.faults["lose_answers"]
    assert left + int(str(house.value("SELECT sum(doubts) FROM parts"))) <= storm.in_flight + lost


def kept(house: House) -> list[tuple[object, ...]]:
    """Return the messages of the storm that the house knows of."""
    return house.rows("SELECT text, conversation_id, state, reply_id FROM inbox WHERE text GLOB 'm[0-9]*' ORDER BY id")


def nothing_is_lost_or_out_of_order(house: House, talks: list[Talk]) -> int:
    """Assert that each message was kept once, in its place, has its reply, and that replies stand in the order of messages.

    Return how many lines that were to pass still stand, as nobody knows where they are.
    """
    rows = kept(house)
    places = {str(text): place for text, place, _, _ in rows}
    replies = {str(text): int(str(reply)) for text, _, state, reply in rows if state in ("answered", "parked") and reply}
    assert len(places) == len(replies) == len(rows) == MANY
    assert len(set_aside(house)) <= MANY // 200  # over whose turns workers were killed again and again: a stated failure
    assert house.rows("SELECT 1 FROM outbox WHERE state != 'sent'") == []
    words = {reply: str(text) for reply, text in house.rows("SELECT id, substr(text, 1, instr(text, ':')) FROM outbox")}
    doubted = house.rows("SELECT conversation_id, sum(doubts) FROM outbox JOIN parts ON reply_id = outbox.id GROUP BY 1")
    doubts = {place: int(str(times)) for place, times in doubted}
    left = 0
    for talk in talks:
        (place,) = {places[word] for word in talk.written}
        assert [str(text) for text, where, _, _ in rows if where == place] == talk.written
        answers = [replies[word] for word in talk.written]
        assert answers == sorted(answers)
        stands = talk.sees()
        first = [next(at for at, text in enumerate(stands) if words[reply] in text) for reply in dict.fromkeys(answers)]
        assert first == sorted(first)
        more = [text for at, text in enumerate(stands) if at not in first]
        doubled = [text for text in more if not text.startswith(("(noted; ", SIGN))]
        assert len(doubled) <= doubts[place], doubled
        left += len(more) - len(doubled)
    return left


def set_aside(house: House) -> set[str]:
    """Return the messages that were set aside with a word about it."""
    return {str(text) for text, _, state, _ in kept(house) if state == "parked"}


def nothing_is_done_twice(house: House, counter: CountingServer, talks: list[Talk]) -> None:
    """Assert that each effect came about once, or that its person was told that nobody knows."""
    for kind in KINDS:
        assert [word for word, times in counter.done.items() if word[0] == kind and times > 1] == []
    doubted = {str(row[0]) for row in house.rows("SELECT json_extract(arguments, '$.word') FROM calls WHERE state = 'unknown'")}
    done = Counter(word for kind, word in counter.done if kind == "blind")
    said = "\n".join(text for talk in talks for text in talk.sees())
    assert {word for talk in talks for word in talk.written} - done.keys() - set_aside(house) <= doubted
    assert [word for word in doubted if f"blind(word: {word})" not in said] == []
