"""Words of a message as the classifier counts them: stems, pairs of stems, and parts of words, which survive typos."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from sys import intern

Mend = Callable[[str], str]
LONGEST = 1_200  # characters of a message that are looked at: what it is about is said by then
PAIR, PART = 0.5, 0.35  # what a pair and the parts of a word weigh against the word itself
FIRST = 0.5  # what it weighs that a word comes first, where it says what is wanted
_LETTERS = "abcdefghijklmnopqrstuvwxyzäöüß"
EMPTY = 0.5  # what a word weighs that stands in every kind of message
_PART = 4  # letters
KEPT = 1024  # words of which stem and parts are remembered
_LEAST_STEM = 4
_PIECES = re.compile(r"\d+:\d\d|\d+[.,]\d+|\d+|[^\W\d_]+|[€$£%]")
_ENDINGS = ("ungen", "ings", "ing", "ed", "es", "ern", "en", "er", "em", "ly", "s", "e", "n", "t")  # English and German
_EMPTY_WORDS = """
a an the i me my we our you your to of in on at for with from by is are was were be do does did have has had can could
will would should shall may might what when where who whom which how there if as and or but not no so just please s m
re ve ll t yes yeah ok okay thanks thank thx sure great fine good nice perfect ich du wir ihr mir mich der die das ein
eine einen ist sind war hat habe haben kann soll wie wann wo wer zu im am auf für mit von und oder aber nicht kein
bitte ja nein danke gut super genau
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_POINTERS_WORDS = """
it that this them they those these one ones its their then he she him her his same other another instead shorter
longer again also too more less first second third last both es dies diese dieser ihn ihm sie davon damit dazu daran
darüber dort dann nochmal auch andere anderen kürzer länger mehr weniger beide erste zweite dritte
"""
_POINTERS = frozenset(_POINTERS_WORDS.split())


def pieces(text: str) -> list[str]:
    """Return the words of a text in small letters; figures count by their form."""
    return [_figure(piece) if piece[0].isdigit() else piece for piece in _PIECES.findall(text[:LONGEST].casefold())]


@lru_cache(maxsize=KEPT)
def stem(word: str) -> str:
    """Return a word without its ending."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM - (len(ending) == 1):
            return word[: -len(ending)]
    return word


def features(text: str, mend: Mend = str) -> Mapping[str, float]:
    """Return what a text is made of, and what each of it weighs; `mend` may know a stem better."""
    words = pieces(text)
    stems = [mend(stem(word)) for word in words]
    found = {f"w {one}": EMPTY if word in _EMPTY else 1.0 for word, one in zip(words, stems, strict=True)}
    found |= dict.fromkeys((f"p {one} {other}" for one, other in pairwise(stems)), PAIR)
    if stems:
        found[f"b {stems[0]}"] = FIRST
    for word in set(words):
        if len(word) >= _PART and word[0].isalpha():
            parts, weight = _parts(word)
            for part in parts:
                found[part] = max(found.get(part, 0.0), weight)
    return found


def content(text: str) -> list[str]:
    """Return the words of a text that say what it is about."""
    return [word for word in pieces(text) if word not in _EMPTY and word not in _POINTERS]


def points_back(text: str) -> bool:
    """Tell whether a text has words that stand for something said before."""
    return any(word in _POINTERS for word in pieces(text))


def stems(text: str, mend: Mend = str) -> Sequence[str]:
    """Return the stems of a text, each once, in their order."""
    return tuple(dict.fromkeys(mend(stem(word)) for word in pieces(text)))


def one_slip_away(word: str) -> Iterator[str]:
    """Give every word that becomes this one by a slip of the finger: a letter left out, doubled, swapped or mistyped."""
    halves = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    for head, tail in halves:
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in _LETTERS:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]
        if tail:
            yield head + tail[1:]


@lru_cache(maxsize=KEPT)
def _parts(word: str) -> tuple[tuple[str, ...], float]:
    """Return the parts of a word, and what each of them weighs."""
    marked = f"^{word}$"
    parts = tuple(intern(f"c {marked[start : start + _PART]}") for start in range(len(marked) - _PART + 1))
    return parts, PART * min(1.0, 3 / len(parts))


def _figure(piece: str) -> str:
    if ":" in piece:
        return "<time>"
    return "<number>" if piece.isdigit() else "<decimal>"
