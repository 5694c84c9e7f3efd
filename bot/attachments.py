"""Attachments: what is said of a file before anybody has looked into it."""

from bot.messages import Attachment, FileKind
from bot.names import escaped, one_line

LARGEST = 20 * 2**20  # bytes: what Telegram gives out to bots, and what a house keeps of one file
MOST = 10  # of one message
LONGEST_NAME = 100
NOUNS = {
    FileKind.PHOTO: "picture",
    FileKind.DOCUMENT: "file",
    FileKind.STICKER: "sticker",
    FileKind.MOVING_STICKER: "sticker",
    FileKind.VOICE: "voice message",
    FileKind.AUDIO: "sound file",
    FileKind.VIDEO: "video",
    FileKind.ANIMATION: "animation",
}
_CLOSED = {
    FileKind.MOVING_STICKER: "moves, so that I cannot look at it.",
    FileKind.VIDEO: "moves, and I can only look at still pictures. Please send a picture of the moment that matters.",
    FileKind.ANIMATION: "moves, and I can only look at still pictures. Please send a picture of the moment that matters.",
}


def file_name(name: str) -> str:
    """Return a file's name without the folders that somebody put before it, on one line."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    plain = one_line(last, LONGEST_NAME)
    return "" if set(plain) <= {"."} else plain


def title(kind: FileKind, name: str) -> str:
    """Return what a file is called at the beginning of a sentence, as Markdown that shows its very letters."""
    noun = f"The {NOUNS[kind]}"
    return f"{noun} “{escaped(name)}”" if name else noun


def refusal(one: Attachment, number: int) -> str | None:
    """Return why the house does not even fetch a file, which is the so-manieth of its message; nothing where it does."""
    if one.kind in _CLOSED:
        return _CLOSED[one.kind]
    if number > MOST:
        return f"is more than the {MOST} files that I take with one message. Please send it with the next one."
    return too_large(one.size) if one.size > LARGEST else None


def too_large(size: int) -> str:
    """Return what to do about a file that is larger than a house takes; 0 where its size is not told."""
    told = f"is {size / 2**20:,.0f} MB large" if size else "is too large"
    return f"{told}, and I take up to {LARGEST // 2**20} MB. Please send a smaller copy, or the part that matters."
