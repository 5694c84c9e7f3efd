"""Slack's side of a reply: what a workspace shows of it, as it is sent, edited, streamed and delivered."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from bot.errors import BadFormat, MessageGone
from bot.messages import Address, Button
from tests.room import Room
from tests.slack_chats import SlackMessage
from tests.slack_client import ask
from tests.slack_posts import remove
from tests.slack_server import SlackServer
from tests.slack_side import ADA, BEN, Side, deliver, drive, thread, workspace
from tests.test_delivery import state, writes

LONG = " ".join(f"word{number}" for number in range(80))
YES, NO = Button(label="Yes", token="3:0"), Button(label="No", token="3:1")


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both."""
    with workspace() as running:
        yield running


def count(server: SlackServer, method: str) -> int:
    """Count the calls of a method."""
    return sum(call.method == method for call in server.calls)


def test_a_message_is_sent_and_edited(server: SlackServer) -> None:
    """A message keeps its formatting, unfolds nothing, stands in its thread, and an edit replaces all of it."""
    ts = server.person("U1").writes("hello", server.channel("C1"))

    async def script(side: Side) -> None:
        native_id = await side.chat.send(ADA, side.chat.pieces("**Yes**, _no_")[0], None)
        assert native_id == f"DU1:{server.messages('DU1')[0].ts}"
        await side.chat.edit(ADA, native_id, side.chat.pieces("> quoted")[0])
        await side.chat.send(thread(ts), side.chat.pieces("there")[0], None)

    drive(server, script)
    (message,) = server.messages("DU1")
    assert (message.first_text, message.text) == ("**Yes**, _no_", "> quoted")
    assert (message.unfurl_links, message.unfurl_media) == (False, False)
    assert [there.thread_ts for there in server.messages("C1")] == [ts]
    assert server.refusals == []


def test_buttons_stand_under_the_last_piece(server: SlackServer) -> None:
    """Buttons come with the last piece, carry their tokens, and go with an edit that has none."""

    async def script(side: Side) -> None:
        pieces = side.chat.pieces("word " * 3000, (YES, NO))
        assert len(pieces) == 2
        sent = [await side.chat.send(ADA, piece, None) for piece in pieces]
        first, last = server.messages("DU1")
        assert first.buttons == ()
        assert [(button.label, button.value) for button in last.buttons] == [("Yes", "3:0"), ("No", "3:1")]
        await side.chat.edit(ADA, sent[1], side.chat.pieces("Done.", (YES,))[0])
        assert len(server.messages("DU1")[1].buttons) == 1
        await side.chat.edit(ADA, sent[1], side.chat.pieces("Done.")[0])

    drive(server, script)
    assert server.messages("DU1")[1].buttons == ()
    assert server.messages("DU1")[1].text == "Done."
    assert server.refusals == []


def test_a_very_long_answer_is_a_file(server: SlackServer) -> None:
    """Of what would be a dozen messages the beginning is one, and all of it is a file in the same place."""
    text = "\n\n".join(f"Paragraph {number}: " + "wörd " * 100 for number in range(300))
    ts = server.person("U1").writes("hello", server.channel("C1"))

    async def script(side: Side) -> None:
        for piece in side.chat.pieces(text):
            await side.chat.send(thread(ts), side.chat.plain(piece) if "file" in piece else piece, None)

    drive(server, script)
    first, last = server.messages("C1")
    assert first.text.startswith("Paragraph 0:")
    (file,) = server.files.known.values()
    assert (last.thread_ts, file.name, file.content) == (ts, "answer.md", text.encode())
    assert server.refusals == []


def test_a_message_that_is_gone(server: SlackServer) -> None:
    """An edit of what was deleted, or of what is somebody else's, says so."""
    foreign = server.person("U1").writes("mine")

    async def script(side: Side) -> None:
        native_id = await side.chat.send(ADA, side.chat.pieces("soon gone")[0], None)
        ask(server, "chat.delete", channel="DU1", ts=native_id.partition(":")[2])
        for gone in (native_id, f"DU1:{foreign}"):
            with pytest.raises(MessageGone):
                await side.chat.edit(ADA, gone, side.chat.pieces("too late")[0])

    drive(server, script)
    assert server.person("U1").sees() == []


def test_a_format_that_is_refused(server: SlackServer) -> None:
    """Where Slack takes no Markdown it is said, and the same words in the older language are taken, buttons and all."""
    server.refuse_markdown = True

    async def script(side: Side) -> None:
        for piece in (side.chat.pieces("**hi** [you](https://a.b)")[0], side.chat.pieces("# hi", (YES,))[0]):
            with pytest.raises(BadFormat):
                await side.chat.send(ADA, piece, None)
            native_id = await side.chat.send(ADA, side.chat.plain(piece), None)
            await side.chat.edit(ADA, native_id, side.chat.plain(piece))

    drive(server, script)
    first, second = server.messages("DU1")
    assert first.text == "*hi* <https://a.b|you>"
    assert "hi" in second.text
    assert [button.value for button in second.buttons] == ["3:0"]


def asked(server: SlackServer) -> tuple[Address, str]:
    """Let Ada ask in the channel; return where the answer belongs, and the message."""
    ts = server.person("U1").mentions("hello", server.channel("C1"))
    return thread(ts), f"C1:{ts}"


async def begins(side: Side, address: Address, message: str, text: str = LONG[:200]) -> str:
    """Show how an answer begins."""
    side.chat.note_writer(message, "U1", "T1")
    return await side.chat.begin(address, side.chat.preview(text), message)


def only(server: SlackServer) -> SlackMessage:
    """Return the one message that stands in the channel."""
    (message,) = [message for message in server.messages("C1") if not message.deleted]
    return message


def test_a_stream_grows_into_the_answer(server: SlackServer) -> None:
    """What is streamed is only added to, and its end is the answer, which nobody sees edited."""
    address, message = asked(server)

    async def script(side: Side) -> None:
        native_id = await begins(side, address, message)
        assert only(server).is_streaming
        for length in range(200, len(LONG), 20):
            before = only(server).text
            await side.chat.grow(address, native_id, side.chat.preview(LONG[:length]))
            assert only(server).text.startswith(before)
        await side.chat.edit(address, native_id, side.chat.pieces(f"{LONG}\n\n**The end.**")[0])

    drive(server, script)
    assert only(server).text == f"{LONG}\n\n**The end.**"
    assert (only(server).is_streaming, only(server).is_edited, only(server).thread_ts) == (False, False, address.thread)
    assert (count(server, "chat.update"), server.refusals) == (0, [])


def test_what_ends_otherwise_than_it_began_replaces_it(server: SlackServer) -> None:
    """An answer that does not go on with what was streamed, or that asks something, stands there instead of it."""
    for text, buttons, beginning in (("Sorry.", (), LONG), ("May I?", (YES,), LONG), ("May I?", (YES,), "May")):
        address, message = asked(server)

        async def script(side: Side) -> None:
            native_id = await begins(side, address, message, beginning)  # noqa: B023 - run at once
            await side.chat.edit(address, native_id, side.chat.pieces(text, buttons)[0])  # noqa: B023

        drive(server, script)
        shown = server.messages("C1")[-1]
        assert (shown.text.partition("\n")[0], shown.is_streaming, len(shown.buttons)) == (text, False, len(buttons))


@pytest.mark.parametrize("beginning", [LONG, "word"])
def test_a_stream_outlives_a_restart(server: SlackServer, beginning: str) -> None:
    """A process that did not begin a stream ends it and writes the whole answer, and may also let it grow before."""
    address, message = asked(server)
    native_id = drive(server, lambda side: begins(side, address, message, beginning))
    assert only(server).is_streaming
    drive(server, lambda side: side.chat.grow(address, native_id, side.chat.preview(f"{LONG} more")))
    drive(server, lambda side: side.chat.edit(address, native_id, side.chat.pieces(f"{LONG} more. **Done.**")[0]))
    assert (only(server).text, only(server).is_streaming) == (f"{LONG} more. **Done.**", False)


@pytest.mark.parametrize("ended", ["while it grows", "before its end", "by the user", "by the user, at its end"])
def test_a_stream_that_somebody_else_ends(server: SlackServer, ended: str) -> None:
    """When Slack or a person has ended a stream, the answer goes on by edits and is whole in the end."""
    address, message = asked(server)

    async def script(side: Side) -> None:
        native_id = await begins(side, address, message)
        if ended == "by the user":
            server.fail("chat.appendStream", error="stopped_by_user")
        if ended == "by the user, at its end":
            server.fail("chat.stopStream", error="stopped_by_user")
        if "user" not in ended:
            server.workspace.stream_life = 0
        if "end" not in ended:
            for length in (300, 400):
                await side.chat.grow(address, native_id, side.chat.preview(LONG[:length]))
            assert only(server).text == LONG[:400]
        await side.chat.edit(address, native_id, side.chat.pieces(f"{LONG} **Done.**")[0])

    drive(server, script)
    assert only(server).text == f"{LONG} **Done.**"


@pytest.mark.parametrize("error", ["unknown_method", "not_allowed_token_type", "feature_not_enabled"])
def test_without_streams_an_answer_grows_by_edits(server: SlackServer, error: str) -> None:
    """A workspace that has no streams is asked for one once; there a message is sent early and edited, at its pace."""
    server.refuse_streams = error
    address, message = asked(server)

    async def script(side: Side) -> None:
        streaming = side.chat.pace(address)
        for _ in range(2):
            native_id = await begins(side, address, message)
            await side.chat.grow(address, native_id, side.chat.preview(LONG[:300]))
            await side.chat.edit(address, native_id, side.chat.pieces(LONG)[0])
        assert side.chat.pace(address) > streaming
        assert side.told == []

    drive(server, script)
    assert [message.text for message in server.messages("C1")] == [LONG, LONG]
    assert count(server, "chat.startStream") == 1


def test_a_stream_needs_somebody_who_asked(server: SlackServer) -> None:
    """In a channel, where nobody is known to have asked, as after a restart, a message is sent and edited."""
    address, message = asked(server)

    async def script(side: Side) -> None:
        native_id = await side.chat.begin(address, side.chat.preview(LONG[:200]), message)
        await side.chat.edit(address, native_id, side.chat.pieces(LONG)[0])

    drive(server, script)
    assert (only(server).text, count(server, "chat.startStream"), server.refusals) == (LONG, 0, [])


def test_a_stream_that_was_deleted(server: SlackServer) -> None:
    """An answer that grew in a message which is gone is told so, and sends nothing by itself."""
    address, message = asked(server)

    async def script(side: Side) -> None:
        native_id = await begins(side, address, message)
        server.call(remove, server.workspace, server.channel("C1").place, native_id.partition(":")[2])
        with pytest.raises(MessageGone):
            await side.chat.grow(address, native_id, side.chat.preview(LONG))
        with pytest.raises(MessageGone):
            await side.chat.edit(address, native_id, side.chat.pieces(LONG)[0])

    drive(server, script)
    assert len(server.messages("C1")) == 1


@pytest.fixture
def outbox(room: Room) -> Callable[[str, Address], int]:
    """What puts something into a room's outbox now."""
    room.now = datetime.now(UTC)
    return lambda text, address: writes(room, text, address)


def test_delivery_in_every_form(server: SlackServer, room: Room, outbox: Callable[[str, Address], int]) -> None:
    """What Slack takes in no Markdown it gets without, and where nobody can be reached the rest goes on."""
    server.refuse_markdown = True
    server.channel("C5").kicks_bot()
    gone = outbox("to nobody", Address(channel="slack", chat="C5", thread="1795000000.000100", private=False))
    numbers = [outbox(f"**{number}** _times_", ADA) for number in range(3)]
    deliver(room, server, lambda: {state(room, number) for number in (gone, *numbers)} == {"gone", "sent"})
    assert server.person("U1").sees() == [f"*{number}* _times_" for number in range(3)]
    assert state(room, gone) == "gone"


def test_delivery_at_slacks_pace(server: SlackServer, room: Room, outbox: Callable[[str, Address], int]) -> None:
    """More than Slack takes at once comes in its order, each once, with no call before its time; others do not wait."""
    server.limits = True
    numbers = [outbox(f"reply {number}", ADA) for number in range(8)]
    other = outbox("hello", BEN)
    deliver(room, server, lambda: all(state(room, number) == "sent" for number in (*numbers, other)))
    assert server.person("U1").sees() == [f"reply {number}" for number in range(8)]
    assert server.person("U2").sees() == ["hello"]
    assert server.early_calls == 0
    assert server.messages("DU2")[0].sent_at < server.messages("DU1")[-1].sent_at
