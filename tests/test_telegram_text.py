"""Telegram gets what it takes: texts of 4096 units, entities in UTF-16, and no URL that it refuses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.text import RichText, Span
from adapters.chats.telegram.text import Entity, accepts, pieces, preview, to_entities, utf16
from tests.nasty_markdown import fuzz, markdown

_STYLES = {"bold", "italic", "strikethrough", "spoiler"}
_QUOTES = {"blockquote", "expandable_blockquote"}
_FIELDS = {"text_link": {"url"}, "pre": {"language"}}
_DROPPED = re.compile("[\x00-\x09\x0b-\x1f\u2028-\u202e\ud800-\udfff]")
_SHOWS_NOTHING = re.compile("[ \n\xa0\u1680\u180e\u2000-\u200f\u202f\u205f\u2800\u3000\ufeff\ufffc\U000e0000-\U000e007f]*")
_URL = re.compile(
    r"(https?://[^/?#@:\[\]\s]+\.[^/?#@:\[\]\s]+(:[1-9]\d{0,4})?|tg://(?!user\b)[a-z0-9_-]+)([/?#]\S*)?", re.IGNORECASE
)


def check_message(text: str, entities: list[Entity]) -> None:
    """Assert Telegram's rules for one message, as its documentation and its open source have them."""
    units = text.encode("utf-16-le")
    assert len(units) <= 2 * 4096
    assert not _SHOWS_NOTHING.fullmatch(text)
    assert not _DROPPED.search(text)
    assert text == text.strip(" \n")
    assert len(entities) <= 100
    places = [check_entity(units, entity) for entity in entities]
    for first, (start, end, kind) in enumerate(places):
        for after, until, other in places[first + 1 :]:
            assert after >= end or (after >= start and until <= end), "entities overlap partly"
            if after < end:
                assert kind in _QUOTES | _STYLES | {"text_link"}, "code and pre hold nothing"
                assert other not in _QUOTES, "quotes stand in nothing"
                assert kind in _QUOTES or other in _STYLES or (kind in _STYLES and other == "text_link")


def check_entity(units: bytes, entity: Entity) -> tuple[int, int, str]:
    """Assert the rules for one entity, and return where it is."""
    kind, offset, length = entity["type"], entity["offset"], entity["length"]
    assert isinstance(kind, str)
    assert isinstance(offset, int)
    assert isinstance(length, int)
    assert kind in _STYLES | _QUOTES | {"code", "pre", "text_link"}
    assert entity.keys() - {"type", "offset", "length"} <= _FIELDS.get(kind, set())
    assert 0 <= offset < offset + length <= len(units) // 2
    covered = units[2 * offset : 2 * (offset + length)].decode("utf-16-le")  # fails within a surrogate pair
    assert covered == covered.rstrip()
    assert not covered[0].isspace() or (covered[0] == "\xa0" and kind not in _STYLES)
    if kind == "text_link":
        assert _URL.fullmatch(str(entity["url"]))
    return offset, offset + length, kind


def covered(text: str, entities: list[Entity]) -> list[tuple[object, str]]:
    """Return each entity's type with the text that it covers."""
    units = text.encode("utf-16-le")
    at = [(2 * int(str(e["offset"])), 2 * int(str(e["length"]))) for e in entities]
    return [(e["type"], units[o : o + n].decode("utf-16-le")) for e, (o, n) in zip(entities, at, strict=True)]


@given(markdown())
@fuzz
def test_telegram_takes_any_piece(source: str) -> None:
    """Every message made of any Markdown obeys every rule of Telegram's."""
    messages = pieces(source)
    for text, entities in messages:
        check_message(text, entities)
    text, entities = preview(source)
    assert messages or not text  # what is not finished may show nothing yet
    if text:
        check_message(text, entities)


@given(markdown(), st.integers(8, 200))
@fuzz
def test_small_pieces(source: str, limit: int) -> None:
    """A smaller limit is kept as well, by pieces and by previews."""
    for text, entities in [*pieces(source, limit), preview(source, limit)]:
        assert utf16(text) <= limit
        if text:
            check_message(text, entities)


def test_every_entity() -> None:
    """Each kind of span becomes Telegram's entity, counted in UTF-16 units."""
    text, entities = to_entities(parse("😀 **b** *i* ~~s~~ ||p|| `c` [l](https://x.y)\n> q 😀\n\n```py\nx = 1\n```\n    y"))
    assert covered(text, entities) == [
        *[("bold", "b"), ("italic", "i"), ("strikethrough", "s"), ("spoiler", "p"), ("code", "c"), ("text_link", "l")],
        *[("blockquote", "q 😀"), ("pre", "x = 1"), ("pre", "y")],
    ]
    assert entities[0] == {"type": "bold", "offset": 3, "length": 1}
    assert entities[5]["url"] == "https://x.y"
    assert entities[7]["language"] == "py"
    assert "language" not in entities[8]


def test_entities_are_trimmed() -> None:
    """No entity begins or ends with white space, none covers nothing else, and offsets count from the trimmed text."""
    rich = RichText(" \n a b  c \n", (Span("bold", 0, 5), Span("italic", 2, 5), Span("strike", 6, 8), Span("code", 8, 10)))
    assert to_entities(rich) == (
        "a b  c",
        [
            {"type": "bold", "offset": 0, "length": 1},
            {"type": "italic", "offset": 0, "length": 1},
            {"type": "code", "offset": 5, "length": 1},
        ],
    )


@pytest.mark.parametrize("blank", ["", " \n", "\u200b\u200d", "\u2800", "&nbsp;", "&#xfeff;", "```\n\n```", "\u3000\ufffc"])
def test_what_shows_nothing_is_not_sent(blank: str) -> None:
    """Telegram would refuse a message without anything visible."""
    assert (pieces(blank), preview(blank)) == ([], ("", []))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://localhost/",
            "http://a/",
            "https://a.b:0/",
            "https://a.b:/",
            "https://u:p@a.b",
            "http://[::1]/",
            "tg:resolve",
        ),
        *(
            "mailto:a@b.c",
            "tel:+49123",
            "tg://user?id=7",
            "ftp://a.b",
            "https://a b.c",
            "https://a%2.b",
            "//a.b",
            "a.b",
        ),
    ],
)
def test_refused_urls(url: str) -> None:
    """A URL for which Telegram would refuse the whole message is written out instead."""
    assert not accepts(url)


@pytest.mark.parametrize(
    "url", ["http://a.b", "HTTPS://A.b:8080/c?d#e", "https://пример.рф/", "tg://resolve?domain=x", "https://1.2.3.4/"]
)
def test_accepted_urls(url: str) -> None:
    """A URL that Telegram takes stays behind its text."""
    assert accepts(url)


def test_refused_urls_are_written_out() -> None:
    """What cannot be a link is readable, and mail addresses and telephone numbers as Telegram finds them by itself."""
    text, entities = to_entities(parse("[a](http://localhost/) **[b](mailto:c@d.e)** <f@g.h> [i](tel:+49) [j](https://k.l)"))
    assert text == "a (http://localhost/) b (c@d.e) f@g.h i (+49) j"
    assert covered(text, entities) == [("bold", "b (c@d.e)"), ("text_link", "j")]


def test_code_keeps_its_indent() -> None:
    """Telegram trims code and squeezes tabs: a block moves to the left, and no-break spaces hold what must stand in."""
    assert pieces("```\n    if x:\n\ty()\n\t\tz()\n```")[0][0] == "if x:\ny()\n    z()"
    text, entities = pieces("```\n  a\nb\n```\ntab\there")[0]
    assert (text, covered(text, entities)) == ("\xa0\xa0a\nb\n\ntab here", [("pre", "\xa0\xa0a\nb")])


def test_long_quotes_fold() -> None:
    """A quote of more lines than a screen shows can be expanded, a shorter one is shown whole."""
    kinds = [pieces("> a\n" * lines)[0][1][0]["type"] for lines in (15, 16)]
    assert kinds == ["blockquote", "expandable_blockquote"]
    assert pieces("> " + "word " * 200)[0][1][0]["type"] == "expandable_blockquote"


def test_long_code_is_closed_and_opened_again() -> None:
    """A block that is cut is a block of the same language in every piece, and keeps its lines and their indents."""
    code = "\n".join(f"    line {number} of 😀" if number else "begin" for number in range(500))
    messages = pieces(f"# Title\n\n```py\n{code}\n```\n\nthe end")
    assert len(messages) > 1
    blocks = [entity for _, entities in messages for entity in entities if entity["type"] == "pre"]
    assert [block["language"] for block in blocks] == ["py"] * len(messages)
    lines = [line for text, _ in messages for line in text.replace("\xa0", " ").split("\n")]
    assert lines == ["Title", "", *code.split("\n"), "", "the end"]


def test_crowded_formatting_is_cut_earlier() -> None:
    """Telegram ignores entities beyond the hundredth: a text that has more becomes more messages."""
    messages = pieces("**a** b\n" * 250)
    assert [len(entities) for _, entities in messages] == [100, 100, 50]


def test_preview_shows_the_end() -> None:
    """A draft that is too long shows its end from the beginning of a line, still as what it is."""
    assert preview("**a** b") == ("a b", [{"type": "bold", "offset": 0, "length": 1}])
    text, entities = preview("```py\n" + "x = '😀'\n" * 1000)
    assert text.startswith("…\nx = '😀'\nx")
    assert text.endswith("x = '😀'")
    assert 4000 < utf16(text) <= 4096
    assert entities == [{"type": "pre", "offset": 2, "length": utf16(text) - 2, "language": "py"}]
    text, entities = preview("**a** b\n" * 250)
    assert text.startswith("…\na b\n")
    assert len(entities) == 100


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("ask @ann_b or **@all**, (@bob)", "ask @\u2060ann_b or @\u2060all, (@\u2060bob)"),
        ("e\u0301@ann 😀@ann @\u2060ann @a @", "e\u0301@\u2060ann 😀@\u2060ann @\u2060ann @a @"),
        ("`@ann` [@bob](https://a.b) a.b@c.de x_@c.de", "@ann @bob a.b@c.de x_@c.de"),
        ("```\n@property\n```", "@property"),
        ("https://a.social/@ann/1 http://a.b:80/x/@ann", "https://a.social/@ann/1 http://a.b:80/x/@ann"),
        ("a/@ann foo.bar/@ann", "a/@\u2060ann foo.bar/@\u2060ann"),
        ("[a](https://u:p@ab.c) <me@x.org>", "a (https://u:p@ab.c) me@x.org"),
        ("/start /start@some_bot", "/start /start@some_bot"),
        ("x" * 65 + "@ann", "x" * 65 + "@\u2060ann"),
    ],
)
def test_mentions_are_defused(source: str, text: str) -> None:
    """A name that would notify somebody shows as it is and notifies nobody; what Telegram takes for none stays."""
    assert to_entities(parse(source))[0] == text


def test_defusing_counts() -> None:
    """Entities move along with what is put into the text, and a full message has room for it."""
    text, entities = to_entities(parse("😀 @ann **@bob b** c *d*"))
    assert covered(text, entities) == [("bold", "@\u2060bob b"), ("italic", "d")]
    assert all(utf16(text) <= 4096 for text, _ in pieces("@ann " * 2000))


@given(st.lists(markdown() | st.sampled_from(["@ann", "**@ann", "@ann_b", "`@ann", "\\@ann", "&#64;ann"]), max_size=6))
@fuzz
def test_nobody_is_notified(parts: list[str]) -> None:
    """However the messages are cut, Telegram finds no mention outside of code and links."""
    for text, entities in pieces(" ".join(parts), 100):
        units = text.encode("utf-16-le")
        exact = [entity for entity in entities if entity["type"] in {"code", "pre", "text_link"}]
        for entity in reversed(exact):
            offset, length = int(str(entity["offset"])), int(str(entity["length"]))
            inside = units[2 * offset : 2 * (offset + length)].replace("@".encode("utf-16-le"), "a".encode("utf-16-le"))
            units = units[: 2 * offset] + inside + units[2 * (offset + length) :]
        assert not re.search(r"(?<![\w/])@[a-zA-Z0-9_]{2,32}\b", units.decode("utf-16-le"))


def test_utf16_counts_units() -> None:
    """Length is counted in UTF-16 units, halves of pairs included."""
    assert [utf16(text) for text in ("", "aé語", "😀", "\ud83d")] == [0, 3, 2, 1]
