"""The people and the channels on the other side of the bot: what they write, and what they see of its answers."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.slack_blocks import Button, escaped, rich_text
from tests.slack_posts import is_streaming, remove, tell_of_change, thread_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.slack_chats import Conversation, SlackMessage
    from tests.slack_params import JsonObject
    from tests.slack_server import SlackServer
    from tests.slack_sockets import SlackEnvelope

READS_WITHIN = 30.0


class SlackReader:
    """Somebody who reads what the bot writes in one conversation."""

    def __init__(self, server: SlackServer, conversation: Conversation) -> None:
        self._server = server
        self._place = conversation
        self._read = 0

    @property
    def place(self) -> Conversation:
        """All that stands in the conversation."""
        return self._place

    def reads(self, timeout: float = READS_WITHIN) -> str:
        """Wait for the next message of the bot that was not read yet, to its end, and return its text."""
        return self._server.wait_for(self._next_text, timeout, f"message {self._read + 1} of the bot in {self._place.id}")

    def _next_text(self) -> str | None:
        sent = list(self._place.sent.values())
        while self._read < len(sent):
            message = sent[self._read]
            if is_streaming(self._server.workspace, message) and not message.deleted:
                return None
            self._read += 1
            if not message.deleted:
                return message.text
        return None

    def _texts(self, conversation: Conversation, thread_ts: str | None) -> list[str]:
        sent = self._server.messages(conversation.id)
        return [seen.text for seen in sent if not seen.deleted and thread_ts in (None, seen.thread_ts)]


class SlackChannel(SlackReader):
    """A channel, which the bot is a member of until it is kicked."""

    @property
    def id(self) -> str:
        """The channel's id."""
        return self._place.id

    @property
    def members(self) -> set[str]:
        """The people in the channel."""
        return self._server.call(self._place.members.copy)

    def takes_in(self, *people: SlackPerson) -> None:
        """Let people be in the channel before they write there."""
        self._server.call(self._place.members.update, {person.id for person in people})

    def invites_bot(self) -> None:
        """Take the bot in."""
        self._server.call(self._move_bot, is_inside=True)

    def kicks_bot(self) -> None:
        """Throw the bot out."""
        self._server.call(self._move_bot, is_inside=False)

    def archives(self) -> None:
        """Close the channel for good."""
        self._place.is_archived = True

    def sees(self, thread_ts: str | None = None) -> list[str]:
        """Return the texts of the bot's messages that stand here now, of one thread or of all."""
        return self._texts(self._place, thread_ts)

    def _move_bot(self, *, is_inside: bool) -> None:
        self._place.is_bot_inside = is_inside
        bot = self._server.bot_user
        self._place.members.add(bot) if is_inside else self._place.members.discard(bot)


class SlackPerson(SlackReader):
    """A person who has a direct conversation with the bot, and may be in channels; a forged one may be a bot."""

    def __init__(self, server: SlackServer, user: JsonObject, conversation: Conversation) -> None:
        super().__init__(server, conversation)
        self.user = user
        self.id = str(user["id"])
        self.dm = conversation.id

    def writes(
        self,
        text: str,
        channel: SlackChannel | None = None,
        thread_ts: str | None = None,
        client_msg_id: str | None = None,
        files: Sequence[JsonObject] = (),
        **fields: object,
    ) -> str:
        """Write a text, by default in the direct conversation, and return the message's timestamp."""
        return self._sends(escaped(text), channel, thread_ts, client_msg_id=client_msg_id, files=files, **fields)

    def mentions(self, text: str, channel: SlackChannel, thread_ts: str | None = None, client_msg_id: str | None = None) -> str:
        """Write to the bot by its name, of which the app is told twice, and return the message's timestamp."""
        written = f"<@{self._server.bot_user}> {escaped(text)}"
        return self._sends(written, channel, thread_ts, client_msg_id=client_msg_id)

    def uploads(
        self,
        name: str,
        content: bytes,
        mimetype: str = "application/octet-stream",
        text: str = "",
        channel: SlackChannel | None = None,
        thread_ts: str | None = None,
    ) -> str:
        """Send a file with a text, and return the message's timestamp."""
        place = self._conversation(channel)
        file = self._server.call(self._server.keep_file, name, content, mimetype, self.id, place)
        return self._sends(escaped(text), channel, thread_ts, files=[file], subtype="file_share", upload=False)

    def edits(self, ts: str, text: str, channel: SlackChannel | None = None) -> None:
        """Change the text of a message of one's own."""
        self._server.call(self._edit, self._conversation(channel), ts, escaped(text))

    def deletes(self, ts: str, channel: SlackChannel | None = None) -> None:
        """Delete a message of one's own."""
        self._server.call(self._delete, self._conversation(channel), ts)

    def slash(self, command: str, text: str = "", channel: SlackChannel | None = None) -> str:
        """Give a slash command, by default in the direct conversation, and return its trigger."""
        return self._server.call(self._server.events.command, self.user, self._conversation(channel), command, text)

    def presses(
        self,
        message: SlackMessage | str,
        label_or_index: str | int,
        channel: SlackChannel | None = None,
        *,
        force_value: str | None = None,
    ) -> SlackEnvelope:
        """Press a button of a message of the bot; LookupError if it shows no such button now."""
        ts = message if isinstance(message, str) else message.ts
        return self._server.call(self._press, self._conversation(channel), ts, label_or_index, force_value)

    def sees(self, channel: SlackChannel | None = None, thread_ts: str | None = None) -> list[str]:
        """Return the texts of the bot's messages that stand in a conversation now."""
        return self._texts(self._conversation(channel), thread_ts)

    def hears(self, channel: SlackChannel | None = None) -> list[str]:
        """Return what only this person was told in a conversation, in answer to a command or otherwise."""
        return self._server.whispers(self._conversation(channel).id, self.id)

    def reactions(self, ts: str, channel: SlackChannel | None = None) -> list[str]:
        """Return the bot's reactions to a message."""
        place = self._conversation(channel)
        return self._server.call(lambda: place.reactions.get(ts, []).copy())

    def _conversation(self, channel: SlackChannel | None) -> Conversation:
        return self._place if channel is None else channel.place

    def _sends(
        self,
        text: str,
        channel: SlackChannel | None,
        thread_ts: str | None,
        *,
        client_msg_id: str | None = None,
        files: Sequence[JsonObject] = (),
        **fields: object,
    ) -> str:
        message = {"type": "message", "user": self.id, "text": text, "team": self.user["team_id"]}
        message["client_msg_id"] = client_msg_id or str(uuid4())
        message["blocks"] = rich_text(text)
        if files:
            message |= {"files": list(files), "subtype": "file_share"}
        if self.user["team_id"] != self._server.team:
            message |= {"user_team": self.user["team_id"], "source_team": self.user["team_id"]}
        return self._server.receive(self._conversation(channel), message | fields, thread_ts)

    def _edit(self, place: Conversation, ts: str, text: str) -> None:
        before = self._own(place, ts)
        moment = {"user": self.id, "ts": self._server.workspace.next_ts()}
        after = before | {"text": text, "blocks": rich_text(text), "edited": moment}
        place.history[ts] = after
        tell_of_change(self._server.workspace, place, before, after)

    def _delete(self, place: Conversation, ts: str) -> None:
        self._own(place, ts)
        remove(self._server.workspace, place, ts)

    def _own(self, place: Conversation, ts: str) -> JsonObject:
        message = place.history[ts]
        if message.get("user") != self.id:
            raise ValueError("Nobody can change what another has written")
        return message

    def _press(self, place: Conversation, ts: str, label_or_index: str | int, force_value: str | None) -> SlackEnvelope:
        whispered = {message.ts: message for message in place.ephemerals if message.seen_by == self.id}
        message = place.sent.get(ts) or whispered.get(ts)
        shown = () if message is None else message.buttons
        places = range(len(shown)) if isinstance(label_or_index, str) else [label_or_index]
        for number in places:
            if message is None or number >= len(shown) or label_or_index not in (number, shown[number].label):
                continue
            button: Button = shown[number]
            if force_value is not None:
                button = button._replace(value=force_value)
            return self._server.events.press(self.user, place, message, button)
        raise LookupError(f"No button {label_or_index!r} under {ts}: {[button.label for button in shown]}")


def slack_user(person_id: str, name: str, team: str, **flags: bool) -> JsonObject:
    """Return a person as users.info describes one."""
    return {
        "id": person_id,
        "team_id": team,
        "name": name.lower(),
        "deleted": False,
        "real_name": name,
        "tz": "Europe/Vienna",
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": {"real_name": name, "display_name": name.lower(), "team": team},
        "is_admin": False,
        "is_owner": False,
        "is_bot": False,
        "is_app_user": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_workflow_bot": False,
        "updated": int(time()),
    } | flags


def threaded(place: Conversation, message: JsonObject, thread_ts: str | None) -> JsonObject:
    """Return a message with the fields of the thread in which it stands."""
    return message | thread_fields(place, thread_ts)
