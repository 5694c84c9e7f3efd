"""The people and the groups on the other side of the bot: what they write, and what they see of its answers."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.telegram_chats import BLOCKED, KICKED, Chat
from tests.telegram_content import file_content, forwarded, media_content, text_content

if TYPE_CHECKING:
    from tests.telegram_params import JsonObject
    from tests.telegram_server import TelegramServer

ANONYMOUS_ADMIN: JsonObject = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
CHANNEL_BOT: JsonObject = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
READS_WITHIN = 30.0


class Reader:
    """Somebody who reads what the bot writes in one chat."""

    def __init__(self, server: TelegramServer, facts: JsonObject) -> None:
        self._server = server
        self._facts = facts
        self._read = 0
        self.id = int(str(facts["id"]))

    def reads(self, timeout: float = READS_WITHIN) -> str:
        """Wait for the next message of the bot that was not read yet, and return its text."""
        return self._server.wait_for(self._next_text, timeout, f"message {self._read + 1} of the bot in chat {self.id}")

    def sees(self) -> list[str]:
        """Return the texts of the bot's messages that stand in the chat now."""
        return [message.text for message in self._server.messages(self.id) if not message.deleted]

    def sees_draft(self) -> str | None:
        """Return the text that the bot is seen to be writing."""
        draft = self._server.live_draft(self.id)
        return None if draft is None else draft.text

    def _next_text(self) -> str | None:
        chat = self._server.chats.get(self.id)
        sent = [] if chat is None else chat.sent
        while self._read < len(sent):
            message = sent[self._read]
            self._read += 1
            if not message.deleted:
                return message.text
        return None

    def _set_membership(self, status: str, refusal: str | None, by: JsonObject) -> None:
        chat = self._server.chats.open(self._facts)
        before = "member" if chat.refusal is None else "kicked"
        chat.refusal = refusal
        user = self._server.chats.bot
        left: JsonObject = {"until_date": 0}
        self._server.queue.add_kind(
            "my_chat_member",
            {
                "chat": chat.facts,
                "from": by,
                "date": int(time()),
                "old_chat_member": {"user": user, "status": before} | (left if before == "kicked" else {}),
                "new_chat_member": {"user": user, "status": status} | (left if status == "kicked" else {}),
            },
        )


class Group(Reader):
    """A group of people which the bot is a member of."""

    def __init__(self, server: TelegramServer, facts: JsonObject) -> None:
        super().__init__(server, facts)
        server.call(server.chats.open, facts)

    def opens_thread(self, thread: int) -> None:
        """Let the group have a topic."""
        self._server.call(self._chat().threads.add, thread)

    def kicks_bot(self, by: Person) -> None:
        """Throw the bot out."""
        refusal = KICKED.format(self._facts["type"])
        self._server.call(self._set_membership, "kicked", refusal, by.user)

    def adds_bot(self, by: Person) -> None:
        """Take the bot back in."""
        self._server.call(self._set_membership, "member", None, by.user)

    def anonymous_admin_writes(self, text: str) -> int:
        """Write as an administrator who hides behind the group."""
        content = {"sender_chat": self._facts, "author_signature": "Admin"} | text_content(text)
        return self._server.receive(self._chat(), ANONYMOUS_ADMIN, content)

    def channel_writes(self, text: str, channel_id: int = -1009000000001, title: str = "News") -> int:
        """Write in the name of a channel."""
        channel: JsonObject = {"id": channel_id, "title": title, "type": "channel"}
        return self._server.receive(self._chat(), CHANNEL_BOT, {"sender_chat": channel} | text_content(text))

    def _chat(self) -> Chat:
        return self._server.call(self._server.chats.open, self._facts)


class Person(Reader):
    """A person who has a private chat with the bot, and may be in groups; a forged one may be a bot."""

    def __init__(self, server: TelegramServer, user: JsonObject) -> None:
        names = {name: value for name, value in user.items() if name in {"id", "first_name", "last_name", "username"}}
        super().__init__(server, names | {"type": "private"})
        self.user = user

    def writes(
        self,
        text: str,
        chat: Group | None = None,
        reply_to: int | None = None,
        thread: int | None = None,
        via_bot: str | None = None,
    ) -> int:
        """Write a text, by default in the private chat, and return the number of the message."""
        content = text_content(text)
        if via_bot is not None:
            content["via_bot"] = {"id": 4040, "is_bot": True, "first_name": "Inline", "username": via_bot}
        return self._sends(content, chat, reply_to, thread)

    def forwards(self, text: str, origin_name: str = "Mallory", chat: Group | None = None) -> int:
        """Forward a text that somebody else has written."""
        return self._sends(forwarded(text, origin_name), chat)

    def sends(self, kind: str, caption: str | None = None, chat: Group | None = None) -> int:
        """Send something that is no text, for example a sticker or a photo with a caption."""
        return self._sends(media_content(kind, caption), chat)

    def sends_file(
        self,
        content: bytes,
        name: str = "",
        caption: str | None = None,
        *,
        kind: str = "document",
        chat: Group | None = None,
        reply_to: int | None = None,
        size: int | None = None,
        **more: object,
    ) -> int:
        """Send a file: a photo, a document, a voice message …; `more` are fields of it, or of the message."""
        file = self._server.call(self._server.keep_file, content, kind, name.rpartition(".")[2] or "bin", size)
        return self._sends(file_content(kind, file, name, caption, more), chat, reply_to)

    def presses(self, label: str, chat: Group | None = None, *, forged: str | None = None) -> str:
        """Press the newest button with these words, and return the press's number; a forged one sends its own token."""
        place = self._place(chat)
        for message in reversed(self._server.call(place.sent.copy)):
            rows = (message.reply_markup or {}).get("inline_keyboard")
            for button in (one for row in (rows if isinstance(rows, list) else []) for one in row):
                if button["text"] == label:
                    token = button["callback_data"] if forged is None else forged
                    return self._server.call(self._press, place, message.message_id, token)
        raise LookupError(label)

    def _press(self, place: Chat, message_id: int, token: str) -> str:
        number = str(uuid4().int % 10**18)
        message = place.history[message_id]
        query: JsonObject = {"id": number, "from": self.user, "message": message, "chat_instance": "1", "data": token}
        self._server.press(number, query)
        return number

    def edits(self, message_id: int, text: str, chat: Group | None = None) -> None:
        """Change the text of a message of one's own."""
        place = self._place(chat)
        self._server.call(self._edit, place, message_id, text)

    def blocks(self) -> None:
        """Block the bot."""
        self._server.call(self._set_membership, "kicked", BLOCKED, self.user)

    def unblocks(self) -> None:
        """Let the bot write again."""
        self._server.call(self._set_membership, "member", None, self.user)

    def _sends(
        self,
        content: JsonObject,
        chat: Group | None,
        reply_to: int | None = None,
        thread: int | None = None,
    ) -> int:
        place = self._place(chat)
        if place.is_private and place.refusal is not None:
            raise ValueError("Who has blocked a bot cannot write to it")
        return self._server.receive(place, self.user, content, reply_to=reply_to, thread=thread)

    def _place(self, chat: Group | None) -> Chat:
        reader = chat or self
        return self._server.call(self._server.chats.open, reader._facts)  # noqa: SLF001  # both are readers

    def _edit(self, chat: Chat, message_id: int, text: str) -> None:
        before = chat.history[message_id]
        if before.get("from") != self.user:
            raise ValueError("Nobody can edit what another has written")
        kept = {name: value for name, value in before.items() if name != "entities"}
        message = kept | {"edit_date": int(time())} | text_content(text)
        chat.history[message_id] = message
        self._server.queue.add_kind("edited_message", message)
