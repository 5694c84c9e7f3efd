"""Tests of the double of Slack: its wire, its methods, its people, and what the real client library makes of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError

from tests.slack_client import FORM, Listener, ask, drive, listen, post, send, until
from tests.slack_forgeries import Forger
from tests.slack_refusals import BUTTON, LONG, WRONG_CALLS, section
from tests.slack_server import SlackServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slack_sdk.web.async_client import AsyncWebClient


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """Return a running server with one person, U1, and one channel, C1."""
    with SlackServer() as running:
        running.person("U1")
        running.channel("C1").takes_in(running.person("U1"))
        yield running


def test_real_client_library_writes_edits_and_streams(server: SlackServer) -> None:
    """slack_sdk's calls are carried out, and people see what they should."""
    ada = server.person("U1")
    written = ada.writes("hello")

    async def act(client: AsyncWebClient) -> None:
        assert (await client.auth_test())["user_id"] == "UBOT"
        sent = await client.chat_postMessage(channel="DU1", markdown_text="**Dear** Ada", unfurl_links=False)
        await client.chat_update(channel="DU1", ts=sent["ts"], markdown_text="Dear Ada!")
        stream = await client.chat_stream(channel="DU1", thread_ts=written, buffer_size=1)
        await stream.append(markdown_text="So ")
        await stream.append(markdown_text="far")
        assert ada.sees() == ["Dear Ada!", "So far"]
        await stream.stop(markdown_text=", so good", blocks=[{"type": "actions", "elements": [BUTTON]}])
        await client.reactions_add(channel="DU1", timestamp=written, name="eyes")
        await client.assistant_threads_setStatus(channel_id="DU1", thread_ts=written, status="thinks")
        assert (await client.conversations_open(users=["U1"]))["channel"]["id"] == "DU1"
        with pytest.raises(SlackApiError, match="channel_not_found"):
            await client.conversations_info(channel="C9")

    drive(server, act)
    first, second = server.messages("DU1")
    assert (first.first_text, first.text, first.unfurl_links) == ("**Dear** Ada", "Dear Ada!", False)
    assert [edit.text for edit in first.edits] == ["Dear Ada!"]
    assert [button.label for button in second.buttons] == ["Yes"]
    assert [ada.reads(), ada.reads()] == ["Dear Ada!", "So far, so good"]
    assert ada.reactions(written) == ["eyes"]
    assert [status.status for status in server.statuses("DU1")] == ["thinks"]
    assert ada.sees(thread_ts=written) == ["So far, so good"]
    assert [call.method for call in server.refusals] == ["conversations.info"]


def test_real_client_library_brings_and_fetches_files(server: SlackServer) -> None:
    """A file goes up in three steps; one goes down with the bot's token only, else there is a login page."""

    async def act(client: AsyncWebClient) -> None:
        await client.files_upload_v2(filename="a.txt", content="hello", channel="DU1", initial_comment="Here")

    drive(server, act)
    (message,) = server.messages("DU1")
    assert message.text == "Here"
    ts = server.person("U1").uploads("b.txt", b"from Ada", "text/plain", "look")
    event = server.envelopes[-1].event
    assert (event["subtype"], event["ts"], event["text"]) == ("file_share", ts, "look")
    url = event["files"][0]["url_private_download"]
    assert send(url, verb="GET", Authorization=f"Bearer {server.bot_token}").text == "from Ada"
    login = send(url, verb="GET")
    assert (login.status, "<title>Slack" in login.text) == (200, True)
    assert send(message.files[0]["url_private"], verb="GET", Authorization=f"Bearer {server.bot_token}").text == "hello"


@pytest.mark.parametrize(("method", "params", "error"), WRONG_CALLS)
def test_refuses_wrong_calls(server: SlackServer, method: str, params: dict[str, object], error: str) -> None:
    """Each method refuses what Slack refuses, with the error that Slack gives, and the refusal is on record."""
    assert ask(server, method, **params).error == error
    assert [call.error for call in server.refusals] == [error]


def test_refuses_wrong_tokens_and_bodies(server: SlackServer) -> None:
    """Each method takes its own kind of token, some take no JSON, and auth.test may come as empty JSON."""
    url, bot, app = server.api_url, f"Bearer {server.bot_token}", f"Bearer {server.app_token}"
    assert send(url + "auth.test").error == "not_authed"
    assert send(url + "auth.test", Authorization="Bearer xoxb-wrong").error == "invalid_auth"
    assert send(url + "auth.test", Authorization=app).error == "not_allowed_token_type"
    assert send(url + "apps.connections.open", Authorization=bot).error == "not_allowed_token_type"
    assert send(url + "auth.test", b"", Authorization=bot, Content_Type="application/json").body["ok"]
    assert send(url + "auth.test", f"token={server.bot_token}", Content_Type=FORM).body["ok"]
    assert send(url + "users.info", b"[1]", Authorization=bot, Content_Type="application/json").error == "json_not_object"
    asked = send(url + "users.info", b'{"user":"U1"}', Authorization=bot, Content_Type="application/json")
    assert asked.error == "invalid_arguments"


def test_a_missing_scope_is_told_and_silences_events(server: SlackServer) -> None:
    """Without a scope a method names what it needs, and the events of that scope are not sent."""
    server.scopes.discard("reactions:write")
    refused = ask(server, "reactions.add", channel="DU1", name="eyes", timestamp="1")
    assert (refused.error, refused.body["needed"]) == ("missing_scope", "reactions:write")
    server.scopes.discard("im:history")
    server.person("U1").writes("unheard")
    assert server.envelopes == []
    assert ask(server, "conversations.history", channel="DU1").error == "missing_scope"
    assert "im:history" not in ask(server, "auth.test").headers["X-OAuth-Scopes"].split(",")


def test_streams_end_and_belong_to_the_bot(server: SlackServer) -> None:
    """An open stream cannot be edited or deleted, a stopped or expired one cannot be continued."""
    ts = server.person("U1").writes("hello")
    stream = ask(server, "chat.startStream", channel="DU1", thread_ts=ts, markdown_text="a").body["ts"]
    assert ask(server, "chat.update", channel="DU1", ts=stream, text="x").error == "streaming_state_conflict"
    assert ask(server, "chat.delete", channel="DU1", ts=stream).error == "cant_delete_message"
    piece: dict[str, object] = {"channel": "DU1", "markdown_text": "x"}
    assert ask(server, "chat.appendStream", ts=stream, **piece | {"markdown_text": LONG}).error == "msg_too_long"
    assert ask(server, "chat.appendStream", ts=ts, **piece).error == "message_not_owned_by_app"
    server.workspace.stream_life = 0
    assert ask(server, "chat.stopStream", ts=stream, **piece).error == "message_not_in_streaming_state"
    server.workspace.stream_life = 300
    assert ask(server, "chat.stopStream", ts=stream, **piece).body["ok"]
    assert ask(server, "chat.appendStream", ts=stream, **piece).error == "message_not_in_streaming_state"
    assert ask(server, "chat.update", channel="DU1", ts=ts, text="x").error == "cant_update_message"
    assert server.person("U1").sees() == ["ax"]


def test_history_shows_threads_and_pages(server: SlackServer) -> None:
    """The history has no answers in threads, comes newest first and in pages; replies come oldest first."""
    ada, home = server.person("U1"), server.channel("C1")
    first = ada.writes("one", home)
    second = ada.writes("two", home)
    post(server, channel="C1", text="answer", thread_ts=first)
    post(server, channel="C1", text="aloud", thread_ts=first, reply_broadcast=True)
    newest = ask(server, "conversations.history", channel="C1", limit="2").body
    assert [message["text"] for message in newest["messages"]] == ["aloud", "two"]
    cursor = newest["response_metadata"]["next_cursor"]
    (last,) = ask(server, "conversations.history", channel="C1", limit="2", cursor=cursor).body["messages"]
    assert (last["text"], last["reply_count"]) == ("one", 2)
    replies = ask(server, "conversations.replies", channel="C1", ts=first).body["messages"]
    assert [message["text"] for message in replies] == ["one", "answer", "aloud"]
    assert replies[1]["parent_user_id"] == "U1"
    since = ask(server, "conversations.history", channel="C1", oldest=second, inclusive="true").body["messages"]
    assert [message["text"] for message in since] == ["aloud", "two"]
    ada.deletes(second, home)
    assert "thread_ts" not in ask(server, "chat.postMessage", channel="C1", text="x", thread_ts=second).body["message"]


def test_metadata_and_blocks_are_kept(server: SlackServer) -> None:
    """The history shows metadata to who asks for it; an edit without blocks leaves those that are there."""
    facts = {"event_type": "answer", "event_payload": {"turn": 1}}
    ts = post(server, channel="DU1", text="short", blocks=[section("long")], metadata=facts)
    assert ask(server, "chat.update", channel="DU1", ts=ts, text="edited").body["message"]["edited"]["user"] == "UBOT"
    assert server.person("U1").sees() == ["long"]
    assert ask(server, "chat.update", channel="DU1", ts=ts, text="x" * 4_001).error == "msg_too_long"
    ask(server, "chat.update", channel="DU1", ts=ts, text="edited", blocks=[])
    assert server.person("U1").sees() == ["edited"]
    post(server, channel="DU1", text="new", metadata=facts)
    (plain, _) = ask(server, "conversations.history", channel="DU1").body["messages"]
    (full, _) = ask(server, "conversations.history", channel="DU1", include_all_metadata="true").body["messages"]
    assert ("metadata" in plain, full["metadata"]) == (False, facts)


def test_knows_people_and_conversations(server: SlackServer) -> None:
    """People have their flags, and channels their kinds; an archived or left one takes no message."""
    server.person("U2", "Eve", guest=True, team="T9", is_stranger=True)
    user = ask(server, "users.info", user="U2").body["user"]
    assert (user["team_id"], user["is_restricted"], user["is_stranger"]) == ("T9", True, True)
    secret = server.channel("C2", "secret", private=True, shared=True)
    kinds = "public_channel,private_channel"
    assert len(ask(server, "users.conversations", types=kinds).body["channels"]) == 2
    assert ask(server, "conversations.info", channel="C2").body["channel"]["is_ext_shared"]
    secret.kicks_bot()
    assert ask(server, "conversations.info", channel="C2").error == "channel_not_found"
    server.channel("C1").kicks_bot()
    assert ask(server, "chat.postMessage", channel="C1", text="x").error == "not_in_channel"
    server.channel("C1").invites_bot()
    server.channel("C1").archives()
    assert ask(server, "chat.postMessage", channel="C1", text="x").error == "is_archived"
    assert ask(server, "team.info").body["team"]["id"] == "T1"
    assert ask(server, "bots.info", bot="BBOT").body["bot"]["app_id"] == "A0"


def test_real_socket_client_hears_everything(server: SlackServer) -> None:
    """slack_sdk's socket gets messages, mentions, commands and buttons in Slack's shapes, and acknowledges them."""
    ada, home = server.person("U1"), server.channel("C1")

    async def act(listener: Listener) -> None:
        ts = ada.mentions("one & <two>", home)
        await until(lambda: len(listener.received) == 2)
        ada.slash("/butler", "status")
        asked = post(server, channel="DU1", text="Sure?", blocks=[section("Sure?"), {"type": "actions", "elements": [BUTTON]}])
        ada.presses(asked, "Yes", force_value="forged")
        await until(lambda: len(listener.received) == 5)
        await until(lambda: server.unacknowledged() == 0)
        events = {request.payload["event"]["type"]: request.payload["event"] for request in listener.received[:2]}
        assert events["message"]["text"] == "<@UBOT> one &amp; &lt;two&gt;"
        assert events["message"]["client_msg_id"] == events["app_mention"]["client_msg_id"]
        assert {event["ts"] for event in events.values()} == {ts}
        others = {request.type: request.payload for request in listener.received[2:]}
        assert others["slash_commands"]["channel_name"] == "directmessage"
        assert others["interactive"]["actions"][0]["value"] == "forged"
        assert others["events_api"]["event"]["bot_id"] == "BBOT"

    listen(server, act)
    with pytest.raises(LookupError):
        ada.presses(server.messages("DU1")[0], "No")
    assert server.protocol_errors == []
    assert len({envelope.payload.get("event_id") for envelope in server.envelopes[:2]}) == 2


def test_tells_one_person_alone(server: SlackServer) -> None:
    """What is whispered, or answered to a command in either way, only that person hears; buttons work there too."""
    ada = server.person("U1")

    async def act(listener: Listener) -> None:
        listener.answer = {"text": "at once"}
        ada.slash("/butler", "status")
        await until(lambda: server.unacknowledged() == 0)
        url = listener.received[0].payload["response_url"]
        assert (await asyncio.to_thread(send, url, json.dumps({"text": "later"}))).text == "ok"

    listen(server, act)
    blocks = [section("psst"), {"type": "actions", "elements": [BUTTON]}]
    told = ask(server, "chat.postEphemeral", channel="DU1", user="U1", blocks=blocks)
    assert ada.hears() == ["at once", "later", "psst"]
    assert ada.presses(told.body["message_ts"], 0).payload["container"]["is_ephemeral"]
    assert ada.sees() == []


def test_forgeries_look_like_slack(server: SlackServer) -> None:
    """Everything a bot must not answer can be sent, and handmade events and twins as well."""
    ada, home = server.person("U1"), server.channel("C1", shared=True)
    forger = Forger(server, home)
    forger.old_bot_writes("beep")
    forger.other_app_writes("beep")
    forger.joins("U1")
    ts = ada.writes("mine", home)
    forger.edits_of(ts, "U2", "not mine")
    stranger = server.person("U3", "Eve", team="T9")
    stranger.writes("foreign", home)
    found = [envelope.event for envelope in server.envelopes]
    assert [event.get("subtype", "") for event in found] == ["bot_message", "", "channel_join", "", "message_changed", ""]
    assert found[4]["message"]["edited"]["user"] == "U2"
    assert (found[5]["user_team"], found[5]["source_team"]) == ("T9", "T9")
    forger.workflow_writes("beep")
    forger.app_writes_as("U1", "beep")
    forger.me_message("U1", "waves")
    forger.broadcasts("U1", "aloud", ts)
    forger.hidden("U1", "unseen")
    forger.assistant_thread("U1")
    ada.uploads("a.txt", b"x", channel=home)
    marks = ["bot_message", None, "me_message", "thread_broadcast", None, "assistant_app_thread", "file_share"]
    more = [envelope.event for envelope in server.envelopes[6:]]
    assert [event.get("subtype") for event in more] == marks
    assert (more[1]["bot_id"], more[3]["parent_user_id"], more[4]["hidden"]) == ("BOTHER", "U1", True)
    assert more[6]["files"][0]["file_access"] == "check_file_info"  # as in every channel that is shared
    assert server.twin(ts) != ts
    first, second = found[3], server.envelopes[-1].event
    assert first["client_msg_id"] == second["client_msg_id"]
    pushed = server.push_event({"type": "message", "channel": "C1", "ts": "1700000000.000001"}, team="T9", extra=1)
    assert (pushed.payload["team_id"], pushed.payload["extra"]) == ("T9", 1)


def test_runs_as_a_process_of_its_own() -> None:
    """The process prints its address, obeys JSON lines, tells of the bot's calls, and ends with its input."""
    command = [sys.executable, "-m", "tests.slack_server", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        other = SlackServer(port=int(process.stdout.readline().rpartition(":")[2]))
        process.stdin.write('{"person": "U1", "writes": "hello", "channel": null}\n{"person": "U1", "writes": "x"}\n')
        process.stdin.flush()
        while not ask(other, "users.info", user="U1").body["ok"]:
            process.stdout.readline()
        process.stdout.readline()
        ask(other, "chat.postMessage", channel="U1", text="hi")
        told = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(30) == 0
    assert (told["method"], told["ok"], told["channel"], told["text"]) == ("chat.postMessage", True, "U1", "hi")
