"""What Slack sends, turned into messages of the house; a pure translation."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.chats.slack.files import attachments
from adapters.chats.slack.manifest import COMMAND
from adapters.chats.slack.payloads import Command, Envelope, Message, Presses
from bot.messages import Address, IncomingMessage, Sender

CHANNEL = "slack"
FOREIGN = "somebody of another workspace"
OTHER_BOT = "a bot or a workflow"
_SPOKEN = {"", "file_share", "me_message", "thread_broadcast", "bot_message"}  # the kinds of messages that somebody wrote
_TOKEN = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}  # all that Slack writes
_ENTITY = re.compile("|".join(_ENTITIES))
_PRESSED = "press:"


@dataclass(frozen=True)
class Me:
    """Who the house is in a workspace."""

    team: str
    user: str
    bot_id: str
    name: str
    commands: Collection[str] = ()
    butlers: Callable[[], Collection[str]] = tuple  # and whatever else may stand where the name of one is expected
    enterprise: str = ""


def place_of(payload: Any) -> str:  # noqa: ANN401 - whatever the vendor sent
    """Return the channel of a message event, or nothing for what else was sent."""
    event = payload.get("event") if isinstance(payload, dict) else None
    channel = event.get("channel") if isinstance(event, dict) else None
    return channel if isinstance(channel, str) else ""


def message_of(payload: Any) -> Message | None:  # noqa: ANN401 - whatever the vendor sent
    """Return the message that an event tells of. Raises pydantic.ValidationError for what cannot be an event."""
    return Envelope.model_validate(payload).event


def to_message(payload: Any, me: Me) -> IncomingMessage | None:  # noqa: ANN401 - whatever the vendor sent
    """Turn the payload of an envelope into a message; None for what is no message of a person to the house.

    Raises pydantic.ValidationError for what cannot be a payload.
    """
    kind = payload.get("type") if isinstance(payload, dict) else None
    if kind == "block_actions":
        return _press(Presses.model_validate(payload), me)
    if isinstance(payload, dict) and "command" in payload:
        return _command(Command.model_validate(payload), me)
    envelope = Envelope.model_validate(payload)
    event = envelope.event
    if event is None or event.type not in ("message", "app_mention"):
        return None
    event = event.model_copy(update={"team": event.team or envelope.team_id})
    if event.subtype == "message_changed":
        return _edit(event, me)
    return _said(event, me)


def _said(event: Message, me: Me) -> IncomingMessage | None:
    if event.subtype not in _SPOKEN or not event.channel or not event.ts or not (event.text or event.files or event.shared):
        return None
    if event.hidden:
        return None  # nobody sees it, so that nobody could have meant it
    sender = _sender(event, me)
    if sender is None:
        return None
    private = event.channel_type == "im" or (not event.channel_type and event.channel.startswith("D"))
    named = f"<@{me.user}>" in event.text or f"<@{me.user}|" in event.text
    if not private and not named and not _in_thread(event):
        return None
    if not private and not named and _TOKEN.match(event.text.lstrip()) and event.text.lstrip().startswith("<@"):
        return None  # it begins with somebody else's name
    native_id = f"{event.channel}:{event.ts}"
    return IncomingMessage(
        id=event.client_msg_id or f"message:{native_id}",
        native_id=native_id,
        address=_address(event, private=private),
        sender=sender,
        text=plain(event.text, me),
        sent_at=datetime.fromtimestamp(float(event.ts), UTC),
        attachments=attachments(event),
        unreadable="a forwarded message" if event.shared else "",
        overheard=not private and not named,
    )


def _edit(event: Message, me: Me) -> IncomingMessage | None:
    """Turn a change into an edit, if its author made it and it says something else than before."""
    after, before = event.message, event.previous_message
    if after is None or after.edited is None or after.edited.user != after.user:
        return None
    if before is not None and before.text == after.text:
        return None  # an address was unfolded
    place = {"channel": event.channel, "channel_type": event.channel_type, "team": after.team or event.team}
    said = _said(after.model_copy(update=place), me)
    if said is None:
        return None
    return said.model_copy(update={"id": f"{said.native_id}:{after.edited.ts}", "is_edit": True})


def _command(command: Command, me: Me) -> IncomingMessage:
    """Turn a slash command into what one would write in the direct messages with the house, where it is answered."""
    name, first = command.command.removeprefix("/"), command.text.strip().partition(" ")[0].removeprefix("/").lower()
    words = command.text.strip()
    if name != COMMAND and name in me.commands:
        text = f"/{name} {words}".strip()
    elif not words:
        text = "/help"
    elif words.casefold() in me.butlers():
        text = f"/{COMMAND} {words}"  # as it would be typed elsewhere
    else:
        text = f"/{words.removeprefix('/')}" if first in me.commands else words
    number, now = f"command:{command.trigger_id}", datetime.now(UTC)
    return IncomingMessage(
        id=number,
        native_id=f"{number}:{now.timestamp():.6f}",  # Slack does not say when, and until then nothing was missed
        address=Address(channel=CHANNEL, chat=command.user_id),
        sender=_person(command.user_id, command.team_id, me),
        text=plain(text, me),
        sent_at=now,
    )


def _press(presses: Presses, me: Me) -> IncomingMessage | None:
    place, action = presses.container, presses.actions[0]
    if not place.channel_id or not action.value:
        return None
    private = place.channel_id.startswith("D")
    number = f"{_PRESSED}{place.channel_id}:{place.message_ts}:{action.action_ts}:{presses.user.id}"
    return IncomingMessage(
        id=number,
        native_id=number,
        address=Address(channel=CHANNEL, chat=place.channel_id, thread=place.thread_ts, private=private),
        sender=_person(presses.user.id, presses.user.team_id, me),
        text="",
        sent_at=datetime.now(UTC),
        press=action.value,
    )


def _sender(event: Message, me: Me) -> Sender | None:
    """Return who wrote; None for the house itself."""
    if event.user == me.user or (event.bot_id and event.bot_id == me.bot_id):
        return None
    if event.bot_id or event.subtype == "bot_message":
        name = event.username or event.bot_id or OTHER_BOT
        return Sender(channel=CHANNEL, id=f"{me.team}/{event.bot_id}", name=name, short=event.bot_id, outsider=OTHER_BOT)
    if not event.user:
        return None
    return _person(event.user, event.user_team or event.source_team or event.team, me)


def _person(user: str, team: str, me: Me) -> Sender:
    home = team in ("", me.team, me.enterprise)
    team = me.team if home else team
    return Sender(channel=CHANNEL, id=f"{team}/{user}", name="", short=user if home else "", outsider="" if home else FOREIGN)


def _in_thread(event: Message) -> bool:
    return bool(event.thread_ts) and event.thread_ts != event.ts


def _address(event: Message, *, private: bool) -> Address:
    """Return where an answer belongs: in a channel always into a thread, begun by the message if there is none."""
    thread = event.thread_ts or ("" if private else event.ts)
    return Address(channel=CHANNEL, chat=event.channel, thread=thread, private=private)


def plain(text: str, me: Me) -> str:
    """Return a text as a person reads it: without the house's own name, with names and addresses instead of their codes."""

    def read(found: re.Match[str]) -> str:
        sign, target, label = found[1], found[2], found[3] or ""
        if sign == "@":
            return "" if target == me.user else f"@{label or target}"
        if sign == "#":
            return f"#{label or target}"
        if sign == "!":
            return label or f"@{target.partition('^')[0]}"
        target = target.removeprefix("mailto:").removeprefix("tel:")  # which Slack writes before what somebody typed
        return target if not label or label in target else f"{label} ({target})"

    return _ENTITY.sub(lambda found: _ENTITIES[found.group()], _TOKEN.sub(read, text)).strip()
