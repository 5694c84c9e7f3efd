"""Text and code, in whatever encoding."""

from charset_normalizer import from_bytes

from bot.converting.results import Unreadable

BINARY = 0.02  # of the characters: more of them that no text holds, and it is none
SAMPLE = 100_000
UNKNOWN = "is of a kind that I do not know. Please send it as PDF, as a picture or as text."
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_SEEN = "\t\n\r\f\x1b"


def decode(content: bytes) -> str:
    """Return a text. Raises Unreadable for what is none."""
    text = _decoded(content)
    sample = text[:SAMPLE]
    strange = sum(1 for letter in sample if (letter < " " and letter not in _SEEN) or letter == "\ufffd")
    if strange > BINARY * len(sample):
        raise Unreadable(UNKNOWN)
    return text


def _decoded(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        if b"\x00" in content:
            raise Unreadable(UNKNOWN) from None
    best = from_bytes(content[:SAMPLE]).best()
    return content.decode(best.encoding if best else "latin-1", "replace")
