"""What Slack's history tells: the places that the house is in, and what was said there since a time."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.chats.slack.web import Web
from bot.errors import DeliveryError, Doubtful, RetryLater

PAGE = 200
MOST_PAGES = 50
MOST_THREADS = 50  # of a channel, those in which something was said last
OLDEST_THREAD = 7 * 86_400.0  # seconds: the history names threads by when they began, not by what was said last
KINDS = ("im", "mpim", "public_channel", "private_channel")
AGAIN_AFTER = 1.0  # seconds
MOST_DOUBTS = 5
Json = dict[str, Any]
_MESSAGE = re.compile(r"(?:[CDG][A-Z0-9]+|command:[^:]*):([0-9]{1,11}\.[0-9]{1,9})")
_TIME = re.compile(r"[0-9]{1,11}\.[0-9]{1,9}")
log = logging.getLogger(__name__)


class UnreadError(Exception):
    """A place cannot be read at present, or `for_good`: Slack refuses it."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


@dataclass
class Said:
    """What was said in a channel since a time, oldest first, and the threads in which something was."""

    payloads: list[Json] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)


def newest_of(messages: Mapping[tuple[str, str], str]) -> float:
    """Return when the newest message that is kept was written, or 0; `messages` are given as `channel:ts` by their places."""
    return max((float(_ts(message) or 0) for message in messages.values()), default=0.0)


def lately(messages: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    """Return the channels and threads of messages, those first in which something was said last."""
    return sorted(messages, key=lambda place: _ts(messages[place]), reverse=True)


async def places(web: Web) -> dict[str, str]:
    """Return the kind of each channel that the house is in, its direct messages among them. Raises UnreadError."""
    found: dict[str, str] = {}
    for kind in KINDS:
        async for answer in _answers(web, "users.conversations", types=kind):
            for place in _listed(answer, "channels"):
                if place.get("id") and not place.get("is_archived"):
                    found[str(place["id"])] = "im" if kind == "im" else "channel"
    return found


async def said(web: Web, channel: str, kind: str, since: float, known: Collection[str]) -> Said:
    """Return what was said in a channel since a time, in its threads too, the `known` ones among them. Raises UnreadError."""
    found = Said()
    async for message in _messages(web, "conversations.history", since - OLDEST_THREAD, channel=channel):
        if _moment(message, "ts") > since:
            found.payloads.append(_payload(message, channel, kind))
        if _moment(message, "latest_reply") > since:
            found.threads.insert(0, str(message["ts"]))
    threads = list(dict.fromkeys((*found.threads, *known)))
    if len(threads) > MOST_THREADS:
        log.warning("of %s threads of %s the newest %s are read", len(threads), channel, MOST_THREADS)
    for thread in threads[:MOST_THREADS]:
        async for reply in _messages(web, "conversations.replies", since, channel=channel, ts=thread):
            if reply.get("ts") != thread:
                found.payloads.append(_payload(reply, channel, kind))
    return found


async def _messages(web: Web, method: str, since: float, **place: str) -> AsyncIterator[Json]:
    """Give the messages of a place after a time, oldest first."""
    found: list[Json] = []
    async for answer in _answers(web, method, oldest=f"{max(since, 0):.6f}", **place):
        found += _listed(answer, "messages")
    for message in sorted(found, key=lambda message: str(message.get("ts", ""))):
        yield message


async def _answers(web: Web, method: str, **arguments: str) -> AsyncIterator[Json]:
    """Give each page of an answer, however long Slack asks to wait in between. Raises UnreadError."""
    cursor, doubts = "", 0
    for _ in range(MOST_PAGES):
        while True:
            try:
                answer = await web.call(method, form=True, limit=PAGE, cursor=cursor or None, **arguments)
                break
            except RetryLater as error:
                await asyncio.sleep(error.wait or AGAIN_AFTER)
            except Doubtful as error:
                doubts += 1
                if doubts >= MOST_DOUBTS:
                    raise UnreadError(f"{method} {arguments}: {error}") from error
                await asyncio.sleep(AGAIN_AFTER)
            except DeliveryError as error:
                if getattr(error, "code", "") == "thread_not_found":
                    return
                raise UnreadError(f"{method} {arguments}: {error}", for_good=True) from error
        yield answer
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return
    log.warning("of %s %s only %s pages are read", method, arguments, MOST_PAGES)


def _listed(answer: Json, name: str) -> list[Json]:
    """Return what an answer lists. Raises UnreadError when it lists nothing: who knows what that means."""
    found = answer.get(name)
    if not isinstance(found, list):
        raise UnreadError(f"Slack's answer has no {name}")
    return [one for one in found if isinstance(one, dict)]


def _moment(message: Json, name: str) -> float:
    """Return a time that a message names, or 0."""
    told = message.get(name)
    return float(told) if isinstance(told, str) and _TIME.fullmatch(told) else 0.0


def _payload(message: Json, channel: str, kind: str) -> Json:
    """Return a message as the event that was missed."""
    event = {**message, "type": "message", "channel": channel, "channel_type": kind}
    return {"type": "event_callback", "event": event}


def _ts(message: str) -> str:
    """Return the time of a message or of a command, or nothing for what else was kept."""
    found = _MESSAGE.fullmatch(message)
    return found[1] if found else ""
