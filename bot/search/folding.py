"""Folding: words as an index keeps them, so that Straße is found as strasse, Müller as muller, and 密码 inside a sentence."""

import re
import unicodedata

LONGEST_WORD = 60  # letters; longer ones are cut: nobody types them to find something
# Scripts that put no spaces between words: each letter is a word of its own, and a word is a phrase of them.
_LETTERS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_LETTERS}]")
WRITTEN = re.compile(rf"[{_LETTERS}]|[^\W_{_LETTERS}]+")  # a word as it was written
_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Return a text in small letters without their accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    plain = unicodedata.normalize("NFC", "".join(letter for letter in parts if not unicodedata.combining(letter)))
    return _UNSPACED.sub(r" \g<0> ", plain)


def words(text: str) -> list[str]:
    """Return the words of a text, folded."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(fold(text))]


def is_unspaced(word: str) -> bool:
    """Tell whether a word is of a script that puts no spaces between words."""
    return _UNSPACED.search(word) is not None
