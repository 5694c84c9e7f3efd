"""Stems: the words by which a sentence is known to say what another one says."""

from bot.search import folding

LENGTH = 6  # letters: lockers, locker's, Schlüssels
# Words that say nothing by themselves, folded, in English and German.
_SAY_NOTHING = """
a about after all also am an and any are as at be been but by can could did do does for from had has have he her hers
him his how i if in into is it its just like likes may me mine my no not now of off on one or our out over s she
should so some than that the their them then there these they this those to too up us was we were what when where
which who why will with would you your yours called named please remember told know knows ist sind war waren bin bist
sein seine seinen ihr ihre ihren mein meine meinen meiner dein deine der die das den dem des ein eine einen einem
einer und oder aber auch nicht kein keine im auf aus bei mit nach von vor zu zum zur fur um uber unter ich du er sie
es wir mich dich sich uns euch mir dir ihm ihnen hat habe haben hast wird werden wurde kann hei heisst heisse lautet
dass als wie wer wo wenn noch nur bitte merke merk
"""
_IDLE = frozenset(_SAY_NOTHING.split())
_YEARS = range(1900, 2100)


def of(text: str) -> list[str]:
    """Return the stems of a text, in their order, without words that say nothing by themselves."""
    return [stem(word) for word in folding.words(text) if word not in _IDLE]


def stem(word: str) -> str:
    """Return what is the same in the forms of a word; a number has one form."""
    return word if any(letter.isdigit() for letter in word) else word[:LENGTH]


def is_telling(word: str) -> bool:
    """Tell whether a word alone gives something away: a number of some length, that is no year."""
    if not any(letter.isdigit() for letter in word) or len(word) < 4:  # noqa: PLR2004 - digits
        return False
    return not (len(word) == 4 and word.isdecimal() and int(word) in _YEARS)  # noqa: PLR2004
