"""Messages that no person has written to the bot, though they look much like it: each is told to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from tests.slack_blocks import rich_text

if TYPE_CHECKING:
    from tests.slack_params import JsonObject
    from tests.slack_people import SlackChannel, SlackPerson
    from tests.slack_server import SlackServer

OTHER_BOT: JsonObject = {"bot_id": "BOTHER", "app_id": "AOTHER"}
OTHER_PROFILE: JsonObject = {"id": "BOTHER", "app_id": "AOTHER", "name": "other", "deleted": False, "team_id": "T1"}


class Forger:
    """Who lets such messages appear in one conversation; each method returns the message's timestamp."""

    def __init__(self, server: SlackServer, place: SlackChannel | SlackPerson) -> None:
        self._server = server
        self._place = place.place

    def old_bot_writes(self, text: str) -> str:
        """Let an old integration write, which has no user."""
        return self._receives({"subtype": "bot_message", "bot_id": "BOTHER", "username": "other", "text": text})

    def other_app_writes(self, text: str, user: str = "UOTHER") -> str:
        """Let the bot of another app write, which has a user and no subtype."""
        return self._receives({"user": user, "text": text, "bot_profile": OTHER_PROFILE} | OTHER_BOT)

    def app_writes_as(self, user: str, text: str) -> str:
        """Let another app write in the name of a person, with the token of that person."""
        return self._receives(self._written(user, text) | OTHER_BOT | {"bot_profile": OTHER_PROFILE})

    def workflow_writes(self, text: str, user: str = "UWORKFLOW") -> str:
        """Let a workflow write."""
        flow = OTHER_PROFILE | {"is_workflow_bot": True}
        return self._receives({"subtype": "bot_message", "user": user, "text": text, "bot_profile": flow} | OTHER_BOT)

    def joins(self, user: str, subtype: str = "channel_join") -> str:
        """Let somebody come or go ("channel_leave"), which Slack writes as a message of theirs."""
        return self._receives({"subtype": subtype, "user": user, "text": f"<@{user}> has joined the channel"})

    def me_message(self, user: str, text: str) -> str:
        """Let somebody write with /me."""
        return self._receives(self._written(user, text) | {"subtype": "me_message"})

    def broadcasts(self, user: str, text: str, thread_ts: str) -> str:
        """Let somebody answer in a thread, and show it in the channel as well."""
        return self._receives(self._written(user, text) | {"subtype": "thread_broadcast"}, thread_ts)

    def hidden(self, user: str, text: str) -> str:
        """Let a message appear that nobody sees."""
        return self._receives(self._written(user, text) | {"hidden": True})

    def assistant_thread(self, user: str) -> str:
        """Let somebody open a thread with the assistant, which Slack writes as a message of the bot."""
        thread = {"title": "New chat", "title_blocks": [], "artifacts": [], "context": {}}
        marks = {"subtype": "assistant_app_thread", "assistant_app_thread": thread | {"user_id": user}}
        author = self._server.workspace.author()
        return self._receives(author | marks | {"text": "New Assistant Thread"})

    def edits_of(self, ts: str, editor: str, text: str) -> str:
        """Let somebody change what another has written, and return the timestamp of the change."""
        return self._server.call(self._edit, ts, editor, text)

    def _written(self, user: str, text: str) -> JsonObject:
        team = self._server.team
        return {"user": user, "text": text, "team": team, "client_msg_id": str(uuid4()), "blocks": rich_text(text)}

    def _receives(self, message: JsonObject, thread_ts: str | None = None) -> str:
        return self._server.receive(self._place, {"type": "message"} | message, thread_ts)

    def _edit(self, ts: str, editor: str, text: str) -> str:
        before = self._place.history[ts]
        moment = self._server.workspace.next_ts()
        after = before | {"text": text, "blocks": rich_text(text), "edited": {"user": editor, "ts": moment}}
        self._place.history[ts] = after
        event = {"subtype": "message_changed", "hidden": True, "message": after, "previous_message": before}
        self._server.workspace.tell(self._place, {"type": "message", "ts": moment} | event)
        return moment
