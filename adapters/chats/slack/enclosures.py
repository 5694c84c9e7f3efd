"""Enclosures as Slack takes them: files with a title, and a text for who cannot see a picture."""

from adapters.chats.slack import text as slack_text
from adapters.chats.slack.answers import owed, told
from adapters.chats.slack.web import NO_FILES, Refused, Web
from bot.contents import SOURCE, drawn, kept
from bot.enclosures import Enclosure, File
from bot.errors import BadFormat, ChatGone, RetryLater
from bot.messages import Address
from bot.pictures import NOT_SHOWN
from bot.ports import Json

LONGEST_ALT = 1000  # characters
LONG_ANSWER = {"title": "The whole answer", "comment": "This answer is long, so here it is whole, as a file."}


def payload_of(enclosure: Enclosure) -> Json:
    """Return what is sent of a chart or a file."""
    if isinstance(enclosure, File):
        named = {"name": enclosure.name, "title": enclosure.name, "words": enclosure.words}
        return {SOURCE: kept(enclosure.sha256), **named}
    words = enclosure.words
    named = {"name": enclosure.file_name, "title": enclosure.title, "words": f"{NOT_SHOWN} {words}"}
    return {SOURCE: drawn(enclosure.model_dump(mode="json")), **named, "alt": words[:LONGEST_ALT]}


def plain(payload: Json) -> Json:
    """Return the words that are sent where no file may be."""
    return {"markdown": "", "mrkdwn": slack_text.pieces(payload["words"])[0].mrkdwn}


async def show(web: Web, place: str, address: Address, payload: Json, content: bytes) -> str:
    """Send a file and return `channel:file-id`. Raises BadFormat where none may be sent, and other DeliveryErrors."""
    try:
        return await _upload(web, place, address, payload, content)
    except Refused as error:
        raise BadFormat(error.reason) from error
    except ChatGone as error:
        if any(code in error.reason for code in NO_FILES):
            raise BadFormat(error.reason) from error
        raise


async def send_long(web: Web, place: str, address: Address, payload: Json) -> str:
    """Send an answer that is too long for messages. Raises DeliveryError."""
    return await owed(_upload(web, place, address, {**payload, **LONG_ANSWER}, str(payload["file"]).encode()))


async def _upload(web: Web, place: str, address: Address, payload: Json, body: bytes) -> str:
    ticket = await web.call(
        "files.getUploadURLExternal", form=True, filename=payload["name"], length=len(body), alt_txt=payload.get("alt")
    )
    file = told(ticket, "file_id", RetryLater)
    await web.upload(told(ticket, "upload_url", RetryLater), body)
    await web.call(
        "files.completeUploadExternal",
        place,
        files=[{"id": file, "title": payload["title"]}],
        channel_id=place,
        thread_ts=address.thread or None,
        initial_comment=payload.get("comment"),
    )
    return f"{place}:file-{file}"
