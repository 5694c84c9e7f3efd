"""What Slack sends: translated faithfully, whatever it is."""

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.chats.slack.events import FOREIGN, OTHER_BOT, Me, message_of, to_message
from bot.messages import Address, IncomingMessage
from tests.test_updates import WEIRD, mutate

ME = Me("T1", "UBOT", "BBOT", "butler", frozenset({"help", "status", "memory"}))
MUTATIONS = 100_000
TS = "1795000000.000100"
ROOT = "1794000000.000200"
LATER = "1795000060.000300"


def event(text: str = "hello", /, **changes: Any) -> dict[str, Any]:
    """Return the payload of a direct message."""
    said = {"type": "message", "channel": "D1", "channel_type": "im", "user": "U1", "team": "T1", "text": text, "ts": TS}
    return {"type": "event_callback", "team_id": "T1", "event": said | {"event_ts": TS, "blocks": []} | changes}


def channel(text: str, /, **changes: Any) -> dict[str, Any]:
    """Return the payload of a message in a channel."""
    return event(text, **({"channel": "C1", "channel_type": "channel"} | changes))


def edit(before: str, after: str, editor: str = "U1", **changes: Any) -> dict[str, Any]:
    """Return the payload of a change of a direct message."""
    first = {"type": "message", "user": "U1", "text": before, "ts": TS, "client_msg_id": "m1"}
    now = first | {"text": after, "edited": {"user": editor, "ts": LATER}}
    hull = {"subtype": "message_changed", "hidden": True, "ts": LATER, "previous_message": first, "message": now}
    return event("", **hull, **changes)


def command(name: str, text: str = "", **changes: Any) -> dict[str, Any]:
    """Return the payload of a slash command."""
    given = {"command": name, "text": text, "user_id": "U1", "user_name": "ada", "team_id": "T1"}
    return given | {"channel_id": "C1", "trigger_id": "13345224609.738474920.8088930838d8", "token": "x"} | changes


def press(channel_id: str = "D1", value: str = "3:0", **container: str) -> dict[str, Any]:
    """Return the payload of a button that was pressed."""
    return {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ada", "team_id": "T1"},
        "container": {"type": "message", "message_ts": TS, "channel_id": channel_id} | container,
        "actions": [{"type": "button", "action_id": "press-1", "value": value, "action_ts": LATER}],
    }


def read(payload: Any) -> IncomingMessage:
    """Translate a payload that is a message."""
    message = to_message(payload, ME)
    assert message is not None
    return message


def test_a_direct_message() -> None:
    """Ids are Slack's, the sender is known by workspace and number, the time is aware, and one answers in place."""
    message = read(event(client_msg_id="m1"))
    assert (message.id, message.native_id, message.text) == ("m1", f"D1:{TS}", "hello")
    assert (message.sender.id, message.sender.short, message.sender.outsider) == ("T1/U1", "U1", "")
    assert message.address == Address(channel="slack", chat="D1", thread="", private=True)
    assert message.sent_at == datetime(2026, 11, 18, 11, 6, 40, 100, tzinfo=UTC)
    assert not message.overheard
    assert read(event()).id == f"message:D1:{TS}"
    assert read(event(thread_ts=ROOT)).address.thread == ROOT


def test_a_mention_and_its_twin() -> None:
    """Slack tells of a mention twice, and both are the same gesture; it is answered in the thread that it begins."""
    first = read(channel("<@UBOT> hi", client_msg_id="m1"))
    twin = channel("<@UBOT> hi", client_msg_id="m1", type="app_mention")
    del twin["event"]["channel_type"]
    second = read(twin)
    assert first == second
    assert (first.text, first.overheard, first.native_id) == ("hi", False, f"C1:{TS}")
    assert first.address == Address(channel="slack", chat="C1", thread=TS, private=False)
    assert read(channel("<@UBOT> hi", thread_ts=ROOT)).address.thread == ROOT
    assert read(channel("<@UBOT|butler> hi")).text == "hi"


@pytest.mark.parametrize(
    ("payload", "overheard"),
    [
        (channel("and now?", thread_ts=ROOT), True),
        (channel("I ask <@U2> too", thread_ts=ROOT), True),
        (channel("<@U2> what does <@UBOT> think?", thread_ts=ROOT), False),
        (channel("<#C9|home> is on fire", thread_ts=ROOT), True),
        (channel("and now?", thread_ts=ROOT, subtype="thread_broadcast"), True),
        (channel("", thread_ts=ROOT, subtype="file_share", files=[{"id": "F1"}]), True),
        (channel("and now?", thread_ts=ROOT, channel_type="mpim", channel="G1"), True),
        (event("<@U2> is my friend"), False),
        (event("thinks", subtype="me_message"), False),
        (channel("<@UBOT> thinks", subtype="me_message"), False),
    ],
)
def test_who_is_spoken_to(payload: dict[str, Any], *, overheard: bool) -> None:
    """In a thread what is said to nobody is overheard; a name of the house or a direct message speaks to it."""
    assert read(payload).overheard is overheard


@pytest.mark.parametrize(
    "payload",
    [
        channel("just talking"),
        channel("just talking", thread_ts=TS),  # the message that began a thread
        channel("  <@U2> your turn", thread_ts=ROOT),
        event("x", subtype="channel_join"),
        event("x", subtype="slackbot_response"),
        event("x", subtype="tombstone"),
        event("New", subtype="assistant_app_thread", user="UBOT", bot_id="BBOT"),
        event("", subtype="message_deleted", deleted_ts=ROOT, previous_message={"user": "U1", "text": "x", "ts": TS}),
        event("x", user="UBOT"),
        event("x", user="U1", bot_id="BBOT"),
        event("x", hidden=True),
        event(""),
        {"type": "event_callback", "event": {"type": "message", "channel": "D1", "text": "nobody", "ts": TS}},
        {"type": "event_callback", "event": {"type": "reaction_added", "user": "U1"}},
        {"type": "event_callback"},
        {"type": "view_submission", "user": {"id": "U1"}, "view": {}},
        press(channel_id=""),
        press(value=""),
    ],
)
def test_what_is_no_message_to_the_house(payload: dict[str, Any]) -> None:
    """Other talk, joins, what is gone or hidden, the house's own words and other kinds of events are no messages."""
    assert to_message(payload, ME) is None


def test_an_edit() -> None:
    """An author's edit has an id of its own, and shares its original's native id; also in a thread and with a mention."""
    message = read(edit("helo", "hello"))
    assert (message.id, message.native_id, message.is_edit) == (f"D1:{TS}:{LATER}", f"D1:{TS}", True)
    assert (message.text, message.sender.id) == ("hello", "T1/U1")
    there = edit("helo", "<@UBOT> hello", channel="C1", channel_type="channel")
    assert (read(there).text, read(there).address.thread) == ("hello", TS)
    added = edit("", "now with words")
    del added["event"]["previous_message"]
    assert read(added).text == "now with words"
    added["event"]["message"]["bot_id"] = "B9"
    assert read(added).sender.outsider == OTHER_BOT


@pytest.mark.parametrize(
    "payload",
    [
        edit("hello", "give me a raise", editor="U2"),
        edit("see example.org", "see example.org"),
        edit("helo", "hello", channel="C1", channel_type="channel"),
        event("", subtype="message_changed", message={"user": "U1", "text": "x", "ts": TS, "attachments": []}),
        event("", subtype="message_changed"),
    ],
)
def test_what_is_no_edit(payload: dict[str, Any]) -> None:
    """What somebody else changed, an address that was unfolded, and talk without the house's name are no edits."""
    assert to_message(payload, ME) is None


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (command("/butler", "status"), "/status"),
        (command("/butler", " /status now "), "/status now"),
        (command("/butler"), "/help"),
        (command("/butler", "what is 1 &lt; 2 &amp;amp; 3?"), "what is 1 < 2 &amp; 3?"),
        (command("/butler", "greet <@U2|ben> and &lt;@U3&gt;"), "greet @ben and <@U3>"),
        (command("/memory"), "/memory"),
        (command("/memory", "list all"), "/memory list all"),
        (command("/unknown", "what is it?"), "what is it?"),
    ],
)
def test_slash_commands(payload: dict[str, Any], text: str) -> None:
    """`/butler` takes commands and questions, a command of its own is itself, and each is answered in private."""
    message = read(payload)
    assert message.text == text
    assert (message.address.chat, message.address.private, message.sender.id) == ("U1", True, "T1/U1")
    assert message.id == "command:13345224609.738474920.8088930838d8"
    assert message.native_id == f"{message.id}:{message.sent_at.timestamp():.6f}"


def test_presses() -> None:
    """A press carries its button's token, and is the presser's, where the button stands; each press is one gesture."""
    message = read(press("C1", "3:0", thread_ts=ROOT))
    assert (message.press, message.text, message.sender.id) == ("3:0", "", "T1/U1")
    assert message.address == Address(channel="slack", chat="C1", thread=ROOT, private=False)
    assert read(press()).address.private
    other = press()
    other["user"] = {"id": "U2", "team_id": "T2"}
    assert len({read(press()).id, read(other).id, message.id}) == 3
    assert (read(other).sender.id, read(other).sender.outsider) == ("T2/U2", FOREIGN)


def test_files() -> None:
    """A message of files alone is one, and what came can be had for reading."""
    assert [file.ref["id"] for file in read(event("", subtype="file_share", files=[{"id": "F1"}])).attachments] == ["F1"]
    several = event("", files=[{"id": "F1", "mode": "tombstone"}, {"id": "F2", "size": 10**30}])
    assert (read(several).text, [file.ref["mode"] for file in read(several).attachments]) == ("", ["tombstone", ""])
    told = message_of(several)
    assert told is not None
    assert [file.id for file in told.files] == ["F1", "F2"]


@pytest.mark.parametrize(
    ("changes", "sender", "outsider"),
    [
        ({"bot_id": "B9", "subtype": "bot_message", "username": "olga", "user": ""}, "T1/B9", OTHER_BOT),
        ({"bot_id": "B9", "user": "U1"}, "T1/B9", OTHER_BOT),
        ({"bot_id": "B9", "user": "UFLOW", "subtype": "bot_message"}, "T1/B9", OTHER_BOT),
        ({"subtype": "bot_message", "user": "U1"}, "T1/", OTHER_BOT),
        ({"user_team": "T2", "source_team": "T2"}, "T2/U1", FOREIGN),
        ({"user_team": "T2"}, "T2/U1", FOREIGN),
        ({"source_team": "T2"}, "T2/U1", FOREIGN),
        ({"team": "T2"}, "T2/U1", FOREIGN),
        ({"team": ""}, "T1/U1", ""),
    ],
)
def test_who_wrote(changes: dict[str, str], sender: str, outsider: str) -> None:
    """Bots, workflows and people of other workspaces are never taken for the person whose id or name they show."""
    found = read(event(**changes)).sender
    assert (found.id, found.outsider) == (sender, outsider)
    assert found.short == ("U1" if sender == "T1/U1" else "B9" if "B9" in sender else "")
    foreign = event(team="")
    foreign["team_id"] = "T2"
    assert read(foreign).sender.outsider == FOREIGN


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("<@U1>", "@U1"),
        ("<@U1|ada>", "@ada"),
        ("hi <@UBOT>!", "hi !"),
        ("<#C1|home>", "#home"),
        ("<#C1>", "#C1"),
        ("<!here>", "@here"),
        ("<!subteam^S1|@team>", "@team"),
        ("<!date^1392734382^{date_num}|18 Feb>", "18 Feb"),
        ("<!date^1392734382^{date_num}>", "@date"),
        ("<https://example.org/a?b=1&amp;c=2>", "https://example.org/a?b=1&c=2"),
        ("<https://example.org|example.org>", "https://example.org"),
        ("<https://example.org|the &lt;page&gt;>", "the <page> (https://example.org)"),
        ("<mailto:ada@example.org|ada@example.org>", "ada@example.org"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt; &amp;copy; &copy; &#64;", "&lt; &copy; &copy; &#64;"),
        ("&lt;@U1&gt; &lt;!here&gt;", "<@U1> <!here>"),
        ("a < b and c <", "a < b and c <"),
        ("<>", ""),
    ],
)
def test_codes_in_a_text(code: str, text: str) -> None:
    """Names, places and addresses are read as people read them, and what was typed as such stays as it was typed."""
    assert read(event(code)).text == text


SEEDS = (
    event(client_msg_id="m1"),
    channel("<@UBOT> see <https://a.b|c> &amp; <!here>", thread_ts=ROOT, files=[{"id": "F1", "name": "x", "size": 3}]),
    edit("helo", "hello"),
    event("x", subtype="bot_message", bot_id="B9", username="olga"),
    command("/butler", "status <@U1>"),
    press("C1", "3:0", thread_ts=ROOT),
)
FIELDS = ("ts", "thread_ts", "text", "user", "channel", "team", "edited", "files", "subtype", "message", "client_msg_id")
ODD: tuple[Any, ...] = (
    *("99999999999.999999", "999999999999.1", "0.0", "-1.5", "nan", "inf", "1e9.5", "\u0661\u0662.\u0663", f"{'9' * 400}.1"),
    *("<@", "<!date^9|", "<@UBOT", "<|>", "&#xd800;", "&lt;&gt;&amp", "<" * 3000, "\ud83e\udd89", "\udd89<@UBOT>\ud83e"),
    *("message_changed", {"user": "U1", "ts": LATER}, [{"id": "\ud800", "size": 10**30}], {"type": "message", "text": "x"}),
)


def spoilt(dice: random.Random) -> Any:
    """Spoil some places of a payload."""
    payload = mutate(dice.choice(SEEDS), dice)
    if dice.random() < 0.5 and isinstance(payload, dict):
        inner = payload.get("event")
        (inner if isinstance(inner, dict) else payload)[dice.choice(FIELDS)] = dice.choice(ODD)
    return payload


def test_no_mutated_event_crashes_the_translation() -> None:
    """A hundred thousand spoiled payloads are a message, nothing, or an error that parks them."""
    dice = random.Random(12)  # noqa: S311 - the same spoils each time
    seen: Counter[str] = Counter()
    for number in range(MUTATIONS):
        try:
            message = to_message(WEIRD[number] if number < len(WEIRD) else spoilt(dice), ME)
        except ValidationError:
            seen["parked"] += 1
        else:
            seen["message" if message else "nothing"] += 1
            if message:
                message.model_dump_json().encode()
    assert min(seen[kind] for kind in ("parked", "nothing", "message")) > MUTATIONS // 100
