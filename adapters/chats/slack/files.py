"""Files that somebody sends: what hangs on a message, and how its bytes are had."""

from collections.abc import Mapping

from adapters.chats.slack.manifest import scope_advice
from adapters.chats.slack.payloads import File, Message
from adapters.chats.slack.web import Refused, Web
from bot.errors import ChatGone, DeliveryError, FileRefused
from bot.messages import Attachment, FileKind

_SPOKEN = "slack_audio"
_UNSEEN = {"tombstone": "gone", "hidden_by_limit": "gone"}
_CHECK = "check_file_info"  # of a file of another organisation: what it is must be asked for
GONE = "is no longer to be had from Slack. Please send it again."
ELSEWHERE = "does not lie at Slack, so I do not fetch it. Please download it and send it to me."
NO_SCOPE = f"is not given out to me: the app lacks the scope files:read. {scope_advice('files:read')}"


def attachments(event: Message) -> tuple[Attachment, ...]:
    """Return the files that hang on a message; a pure translation."""
    return tuple(_attachment(file) for file in event.files)


def _attachment(file: File) -> Attachment:
    is_hidden = file.file_access == _CHECK
    address = "" if is_hidden else file.url_private_download or file.url_private
    return Attachment(
        kind=_kind(file),
        ref={"id": file.id, "url": address, "type": file.mimetype, "mode": file.mode},
        name="" if is_hidden else file.name,
        media_type=file.mimetype,
        size=max(0, file.size),
    )


def _kind(file: File) -> FileKind:
    if file.subtype == _SPOKEN:
        return FileKind.VOICE
    beginnings = {"image/": FileKind.PHOTO, "audio/": FileKind.AUDIO, "video/": FileKind.VIDEO}
    return next((kind for start, kind in beginnings.items() if file.mimetype.startswith(start)), FileKind.DOCUMENT)


async def fetch(web: Web, ref: Mapping[str, str], most: int) -> bytes:
    """Return a file's bytes. Raises DeliveryError."""
    if ref["mode"] in _UNSEEN:
        raise FileRefused(GONE)
    try:
        address, kind = ref["url"], ref["type"]
        if not address:
            told = File.model_validate(
                (await web.call("files.info", form=True, file=ref["id"])).get("file") or {"id": ref["id"]}
            )
            address, kind = told.url_private_download or told.url_private, told.mimetype
        if not address:
            raise FileRefused(GONE)
        return await web.download(address, most, kind)
    except Refused as error:
        raise _refusal(error) from error
    except ChatGone as error:
        raise FileRefused(GONE) from error


def _refusal(error: Refused) -> DeliveryError:
    return FileRefused({"missing_scope": NO_SCOPE, "external": ELSEWHERE}.get(error.code, GONE))
