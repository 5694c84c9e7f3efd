"""Catching up: after a gap in the sockets, what people wrote meanwhile is read from the channels' histories."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from adapters.chats.slack.web import Web
from bot.errors import DeliveryError, Doubtful, RetryLater

PAGE = 200
MOST_PAGES = 20
MOST_THREADS = 50  # those in which something was said last
KINDS = ("im", "mpim", "public_channel", "private_channel")
AGAIN_AFTER = 1.0  # seconds
MOST_DOUBTS = 10
Json = dict[str, Any]
_MESSAGE = re.compile(r"(?:[CDG][A-Z0-9]+|command:[^:]*):([0-9]{1,11}\.[0-9]{1,9})")
log = logging.getLogger(__name__)


def newest_of(messages: Mapping[tuple[str, str], str]) -> float:
    """Return when the newest message that is kept was written, or 0; `messages` are given as `channel:ts` by their places."""
    return max((float(_ts(message) or 0) for message in messages.values()), default=0.0)


async def missed(web: Web, kept: Mapping[tuple[str, str], str], since: float) -> AsyncIterator[Json]:
    """Give the payload of every message since a time, each place's oldest first.

    `kept` maps each channel and thread to the newest message that is kept of it. A place that cannot be read is left out, and
    said in the log.
    """
    lately = sorted(kept, key=lambda place: _ts(kept[place]), reverse=True)
    order = {channel: number for number, (channel, _) in reversed(list(enumerate(lately)))}
    places = await _places(web)
    threads = [place for place in lately if place[1]]
    for channel in sorted(places, key=lambda channel: order.get(channel, len(order))):
        async for message in _pages(web, "conversations.history", since, channel=channel):
            yield _payload(message, channel, places[channel])
            if message.get("reply_count"):
                threads.insert(0, (channel, str(message.get("ts"))))  # begun meanwhile, and maybe with the house
    for channel, thread in list(dict.fromkeys(threads))[:MOST_THREADS]:
        async for reply in _pages(web, "conversations.replies", since, channel=channel, ts=thread):
            if reply.get("ts") != thread:
                yield _payload(reply, channel, "im" if channel.startswith("D") else "channel")


async def _places(web: Web) -> dict[str, str]:
    """Return the kind of each channel that the house is in, its direct messages among them."""
    places: dict[str, str] = {}
    for kind in KINDS:
        async for answer in _answers(web, "users.conversations", types=kind):
            for place in answer["channels"]:
                if not place.get("is_archived"):
                    places[str(place["id"])] = "im" if kind == "im" else "channel"
    return places


async def _pages(web: Web, method: str, since: float, **place: str) -> AsyncIterator[Json]:
    """Give the messages of a place after a time, oldest first."""
    found: list[Json] = []
    async for answer in _answers(web, method, oldest=f"{since:.6f}", **place):
        found += answer["messages"]
    for message in sorted(found, key=lambda message: str(message.get("ts", ""))):
        yield message


async def _answers(web: Web, method: str, **arguments: str) -> AsyncIterator[Json]:
    """Give each page of an answer, however long Slack asks to wait in between."""
    cursor, pages, doubts = "", 0, 0
    while pages < MOST_PAGES:
        try:
            answer = await web.call(method, form=True, limit=PAGE, cursor=cursor or None, **arguments)
        except RetryLater as error:
            await asyncio.sleep(error.wait or AGAIN_AFTER)
            continue
        except Doubtful as error:
            doubts += 1
            if doubts < MOST_DOUBTS:
                await asyncio.sleep(AGAIN_AFTER)
                continue
            log.warning("what was missed cannot be read (%s %s): %s", method, arguments, error)
            return
        except DeliveryError as error:
            log.warning("what was missed cannot be read (%s %s): %s", method, arguments, error)
            return
        yield answer
        pages += 1
        cursor = answer.get("response_metadata", {}).get("next_cursor", "")
        if not cursor:
            return


def _payload(message: Json, channel: str, kind: str) -> Json:
    """Return a message as the event that was missed."""
    event = {**message, "type": "message", "channel": channel, "channel_type": kind}
    return {"type": "event_callback", "event": event}


def _ts(message: str) -> str:
    """Return the time of a message or of a command, or nothing for what else was kept."""
    found = _MESSAGE.fullmatch(message)
    return found[1] if found else ""
