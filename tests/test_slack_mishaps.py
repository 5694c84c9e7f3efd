"""What may go wrong between Slack and the house: odd answers, slow files, refusals, and what is shown before an answer."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import select

from adapters.chats.slack.chat import EDITS_A_SECOND
from adapters.chats.slack.manifest import SCOPES
from adapters.chats.slack.service import SlackService
from bot import outbox
from bot.delivery import MOST_REFUSALS, Delivery
from bot.errors import ChatGone, DeliveryError, Doubtful, RetryLater
from bot.messages import Address, ReplyKind
from bot.presence import Presences
from bot.settings import load
from bot.store.tables import parts
from tests.bot_side import bot_side
from tests.houses import ROOT
from tests.room import Room
from tests.slack_server import SlackServer
from tests.slack_side import ADA, BEN, Side, deliver, drive, present, settings_of, until, workspace
from tests.telegram_server import TelegramServer
from tests.test_delivery import state, writes
from tests.test_slack_chat import LONG, YES, asked, begins, count, only
from workers import doctor

GROUP = Address(channel="telegram", chat="-100", private=False)


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both."""
    with workspace() as running:
        yield running
        assert running.protocol_errors == []


def test_an_addition_whose_answer_is_lost(server: SlackServer) -> None:
    """What was perhaps added to a stream stands in the answer once, whether the stream grows on afterwards or not."""
    for goes_on in (True, False):
        address, message = asked(server)

        async def script(side: Side) -> None:
            native_id = await begins(side, address, message)  # noqa: B023 - run at once
            server.lose_answers("chat.appendStream", 1.0, 1)
            with pytest.raises(Doubtful):
                await side.chat.grow(address, native_id, side.chat.preview(LONG[:400]))  # noqa: B023
            server.lose_answers("chat.appendStream", 0.0, 1)
            if goes_on:  # noqa: B023
                await side.chat.grow(address, native_id, side.chat.preview(LONG[:500]))  # noqa: B023
            await side.chat.edit(address, native_id, side.chat.pieces(f"{LONG} **Done.**")[0])  # noqa: B023

        drive(server, script)
        shown = server.messages("C1")[-1]
        assert (shown.text, shown.is_streaming) == (f"{LONG} **Done.**", False)


@pytest.mark.parametrize(
    ("method", "kind"), [("chat.postMessage", Doubtful), ("chat.startStream", Doubtful), ("conversations.open", RetryLater)]
)
def test_a_yes_without_what_was_asked_for(server: SlackServer, method: str, kind: type[DeliveryError]) -> None:
    """An answer that says yes and nothing else is told as what it is."""
    address, message = asked(server)
    server.fail(method, 1, error="", ok=True)

    async def script(side: Side) -> None:
        if method == "chat.startStream":
            with pytest.raises(kind):
                await begins(side, address, message)
            return
        with pytest.raises(kind):
            await side.chat.send(Address(channel="slack", chat="U1"), side.chat.pieces("hello")[0], None)

    drive(server, script)


def test_previews_leave_answers_their_room(server: SlackServer) -> None:
    """Many answers that grow by edits are edited as often as Slack allows together, and no answer is refused for it."""
    server.refuse_streams = server.limits = True
    places = [asked(server) for _ in range(5)]

    async def script(side: Side) -> None:
        shown = [(address, await side.chat.send(address, side.chat.pieces("so")[0], None)) for address, _ in places]
        began = monotonic()
        for number in range(100):
            for address, native_id in shown:
                with suppress(RetryLater):
                    await side.chat.grow(address, native_id, side.chat.preview(f"so far {number}"))
            await asyncio.sleep(0.02)
        assert 0 < count(server, "chat.update") <= 5 + EDITS_A_SECOND * (monotonic() - began) + 1
        for address, native_id in shown:
            await side.chat.edit(address, native_id, side.chat.pieces("done")[0])

    drive(server, script)
    assert server.channel("C1").sees() == ["done"] * 5
    assert server.faults["limits"] == 0


def turn_of(room: Room, address: Address, native_id: str) -> int:
    """Begin a turn that answers a message, and return its id."""
    conversation_id = room.takes_in("hello", address=address, native_id=native_id)
    turn = room.runner("w").turns.take(conversation_id, suspects=True)
    assert turn is not None
    return turn.id


def ends(room: Room, turn_id: int, text: str) -> int:
    """Put a turn's answer into the outbox."""
    with room.database.write() as tx:
        return outbox.add(tx, 1, ReplyKind.ANSWER, text, room.clock(), turn_id=turn_id)


def doubts(room: Room) -> list[int]:
    """Return the doubts of every piece."""
    with room.database.read() as tx:
        return list(tx.scalars(select(parts.c.doubts)))


@pytest.mark.parametrize("shown", [True, False])
def test_a_preview_that_must_wait(server: SlackServer, room: Room, mocker: MockerFixture, *, shown: bool) -> None:
    """A stream that is refused for a moment is begun later in the turn, and an answer that comes first is sent once."""
    mocker.patch("bot.presence.MESSAGE_AFTER", 0.0)
    room.now = datetime.now(UTC)
    address, message = asked(server)
    turn_id = turn_of(room, address, message)
    server.fail("chat.startStream", retry_after=1)

    async def script(side: Side, presences: Presences, delivery: Delivery) -> None:
        side.chat.note_writer(message, "U1", "T1")
        presences.tell(1, turn_id, LONG[:200])
        await until(lambda: count(server, "chat.startStream"))
        if shown:
            await until(lambda: server.messages("C1"))
        number = ends(room, turn_id, LONG)
        delivery.news(1)
        await until(lambda: state(room, number) == "sent")

    present(room, server, script)
    assert (only(server).text, count(server, "chat.startStream"), doubts(room)) == (LONG, 1 + shown, [0])
    assert server.early_calls == 0


@pytest.mark.parametrize("shown", [True, False])
def test_a_preview_that_must_wait_on_telegram(room: Room, mocker: MockerFixture, *, shown: bool) -> None:
    """The same in a group of Telegram, where a message grows by edits."""
    mocker.patch("bot.presence.MESSAGE_AFTER", 0.0)
    turn_id = turn_of(room, GROUP, "-100:1")

    async def run(telegram: TelegramServer) -> None:
        async with bot_side(room, telegram) as (presences, delivery), asyncio.timeout(20):
            presences.tell(1, turn_id, "so far")
            await until(lambda: any(call.method == "sendMessage" for call in telegram.calls))
            if shown:
                await until(lambda: telegram.messages(-100))
            number = ends(room, turn_id, "so far and done")
            await presences.end(1)
            while state(room, number) != "sent":
                room.now += timedelta(seconds=1)
                delivery.news(1)
                await asyncio.sleep(0.05)

    with TelegramServer() as telegram:
        telegram.group(-100, "Home")
        telegram.fail("sendMessage", 1, retry_after=1)
        asyncio.run(run(telegram))
        assert [message.text for message in telegram.messages(-100)] == ["so far and done"]
    assert doubts(room) == [0]


def test_a_refusal_that_nobody_knows(server: SlackServer, room: Room, mocker: MockerFixture) -> None:
    """A reply that is refused for no known reason is given up after some tries, and the next follows; doubts do not count."""
    mocker.patch("bot.delivery.growing_pause", return_value=0.01)
    mocker.patch("bot.delivery.LOOKS_EVERY", 0.02)
    room.now = datetime.now(UTC)
    server.fail("chat.postMessage", 6, error="internal_error", status=500)
    server.fail("chat.postMessage", MOST_REFUSALS - 1, error="some_new_error")
    patient = writes(room, "patient", ADA)
    deliver(room, server, lambda: state(room, patient) == "sent")
    server.fail("chat.postMessage", MOST_REFUSALS, error="some_new_error")
    refused, following = writes(room, "refused", BEN), writes(room, "next", BEN)
    deliver(room, server, lambda: state(room, following) == "sent")
    assert state(room, refused) == "gone"
    assert (server.person("U1").sees(), server.person("U2").sees()) == (["patient"], ["next"])


@pytest.mark.parametrize(
    "code",
    [
        *("channel_not_found", "not_in_channel", "is_archived", "messages_tab_disabled", "access_denied", "no_permission"),
        *("restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel"),
        *("restricted_action_non_threadable_channel", "restricted_action_thread_locked", "cannot_reply_to_message"),
        *("team_access_not_granted", "enterprise_is_restricted", "ekm_access_denied", "org_login_required", "user_not_found"),
    ],
)
def test_refusals_that_slack_documents(server: SlackServer, code: str) -> None:
    """What Slack documents of chat.postMessage as a place that takes nothing is told at once, in a sentence."""
    server.fail("chat.postMessage", error=code)

    async def script(side: Side) -> None:
        with pytest.raises(ChatGone, match=rf"^\w.* \w.*\(Slack says {code}\)$"):
            await side.chat.send(ADA, side.chat.pieces("hello")[0], None)

    drive(server, script)


def test_buttons_of_a_long_question(server: SlackServer) -> None:
    """Buttons stand under the beginning of what becomes a file, and with refused Markdown under the whole text."""
    words = [f"word{number}" for number in range(1_300)]

    async def script(side: Side) -> None:
        for piece in side.chat.pieces(" ".join(words * 6), (YES,)):
            await side.chat.send(ADA, piece, None)
        server.refuse_markdown = True
        for piece in side.chat.pieces(" ".join(words), (YES,)):
            await side.chat.send(BEN, side.chat.plain(piece), None)

    drive(server, script)
    first, file = server.messages("DU1")
    assert [len(message.buttons) for message in (first, file)] == [1, 0]
    assert file.files
    (whole,) = server.messages("DU2")
    assert whole.text.split()[: len(words)] == words
    assert len([block for block in whole.blocks if block["type"] == "section"]) > 3
    assert len(whole.buttons) == 1


def test_scopes_that_are_missing(
    server: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each scope that the app lacks is named with its line of the manifest, and `butler check` shows it as a problem."""
    lacking = {"files:read", "reactions:write"}
    for name in lacking:
        server.scopes.discard(name)
    settings = {"SLACK_BOT_TOKEN": server.bot_token, "SLACK_APP_TOKEN": server.app_token, "SLACK_ALLOWED_USERS": "U1"}
    home = {"BUTLER_HOME": str(tmp_path), "BUTLER_HOUSEHOLD": str(ROOT / "household"), "SLACK_API_URL": server.api_url}
    for variable, value in (settings | home).items():
        monkeypatch.setenv(variable, value)

    async def introduced() -> tuple[str, ...]:
        service = SlackService(settings_of(server))
        await service.introduce()
        await service.close()
        return service.shortcomings

    found = asyncio.run(introduced())
    assert doctor.check(load()) == 1
    printed = capsys.readouterr().out
    assert (len(found), printed.count("✗")) == (2, 2)
    for name in SCOPES:
        lines = [line for line in found if f'lacks the scope {name}. Add the line "{name}"' in line]
        assert [f"✗ slack: {line}" in printed for line in lines] == [True] * (name in lacking)


def test_receipts_that_fail(server: SlackServer) -> None:
    """A receipt that perhaps stands is taken away, and an app that may not react tries it once, whatever else fails."""
    first, second = (server.person("U1").writes("hello") for _ in range(2))
    server.lose_answers("reactions.add", 1.0, 1)

    async def script(side: Side) -> None:
        with pytest.raises(Doubtful):
            await side.chat.typing(ADA, f"DU1:{first}")
        assert server.person("U1").reactions(first) == ["eyes"]
        await side.chat.calm(ADA, f"DU1:{first}")
        server.lose_answers("reactions.add", 0.0, 1)
        server.fail("reactions.add", error="missing_scope", needed="reactions:write")
        server.fail("reactions.add", error="message_not_found")
        server.delay("reactions.add", 0.1)
        tries = (side.chat.typing(ADA, f"DU1:{second}"), side.chat.typing(ADA, f"DU1:{first}"))
        failed = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(error, DeliveryError) for error in failed)
        for _ in range(3):
            await side.chat.typing(ADA, f"DU1:{second}")
        assert [key for key, _ in side.told] == ["slack:scope:reactions:write"]

    drive(server, script)
    assert server.person("U1").reactions(first) == []
    assert count(server, "reactions.add") == 3
