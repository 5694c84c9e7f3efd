"""A terminal shows a text within its width, and nothing in the text drives the terminal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.text import RichText, Span
from adapters.chats.terminal.text import to_ansi, to_plain
from tests.nasty_markdown import fuzz, markdown

_OURS = re.compile(r"\x1b\[[0-9;]*m")
_DRIVES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]")
_EVIL = "\x1b]0;title\x07\x1b[2J\x9b1m\r\x08\x7f\u202e\x85"


def visible(rich: RichText, width: int = 80) -> list[str]:
    """Return the rows that a terminal shows."""
    return _OURS.sub("", to_ansi(rich, width)).split("\n")


@given(markdown(), st.integers(1, 120))
@fuzz
def test_any_markdown_is_harmless(source: str, width: int) -> None:
    """Whatever a model writes, no control character comes out but newlines, tabs of code, and our own styles."""
    rich = parse(source)
    assert not _DRIVES.search(to_plain(rich))
    ansi = to_ansi(rich, width)
    assert not _DRIVES.search(_OURS.sub("", ansi))
    for row in ansi.split("\n"):
        styles = _OURS.findall(row)
        assert not styles or styles[-1] == "\x1b[0m", "no style goes on in the next row"


@given(st.text(st.characters() | st.sampled_from(_EVIL)), st.text(st.characters() | st.sampled_from(_EVIL)))
@fuzz
def test_any_text_is_harmless(text: str, detail: str) -> None:
    """A text that never was Markdown, with any URL or language, is no more dangerous."""
    for kind in ("link", "pre", "quote"):
        rich = RichText(text, (Span(kind, 0, len(text), detail),) if text else ())
        assert not _DRIVES.search(to_plain(rich))
        assert not _DRIVES.search(_OURS.sub("", to_ansi(rich, 40)))


@given(markdown(controls=False), st.integers(20, 120))
@fuzz
def test_rows_fit_and_keep_every_character(source: str, width: int) -> None:
    """Only code goes beyond the width, and wrapping loses nothing but white space."""
    rich = parse(source)
    code = any(span.kind == "pre" for span in rich.spans)
    rows = visible(rich, width)
    assert code or all(wcswidth(row) <= width for row in rows)
    shown = iter("".join(rows))
    assert all(char in shown for char in rich.text if not char.isspace())


def test_styles() -> None:
    """Every kind of formatting has its style, which ends where the formatting ends."""
    rich = parse("**b *bi* `c`** ~~s~~ ||p|| [l](http://x.y)")
    assert to_ansi(rich, 80) == (
        "\x1b[1mb \x1b[0m\x1b[1;3mbi\x1b[0m\x1b[1m \x1b[0m\x1b[36mc\x1b[0m \x1b[9ms\x1b[0m \x1b[7mp\x1b[0m "
        "\x1b[4ml\x1b[0m\x1b[2m (http://x.y)\x1b[0m"
    )


def test_blocks_of_code() -> None:
    """Code is indented below its language and never wrapped; within a quote it stands behind the bar."""
    rich = parse(f"a\n\n```py\nx\n\n\ty{'z' * 80}\n```\n\n> b\n> ```\n> c\n> ```\n\nd")
    assert visible(rich, 40) == [
        *("a", "", "    py", "    x", "", f"        y{'z' * 80}", ""),
        *("│ b", "│ ", "│     c", "", "d"),
    ]


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("one two three four five six", ["one two three four ", "five six"]),
        ("one two **three fo**ur five", ["one two three four ", "five"]),
        ("x" * 45, ["x" * 20, "x" * 20, "x" * 5]),
        ("日本語" * 5, ["日本語日本語日本語日", "本語日本語"]),
        ("- one two three four five", ["• one two three four", "  five"]),
        ("10. " + "y" * 25, ["10. " + "y" * 16, "    " + "y" * 9]),
        ("> one two three four five", ["│ one two three four", "│ five"]),
        ("<https://a.b> [c](https://a.b) [d](mailto:e@f)", ["https://a.b c ", "(https://a.b) d ", "(e@f)"]),
    ],
)
def test_wrapping(source: str, rows: list[str]) -> None:
    """Rows break between words, hang below list items, and count wide characters twice."""
    assert [row.rstrip() for row in visible(parse(source), 20)] == [row.rstrip() for row in rows]


def test_plain_text_for_pipes() -> None:
    """A pipe gets no escape sequence: links are written out, quotes stand behind a bracket, code is as it was."""
    source = "# H\n\n> a **b**\n>\n> c\n\n[d](http://e.f) <http://g.h>\n\n```py\n\tx\n```"
    assert to_plain(parse(source)) == "H\n\n> a b\n> \n> c\n\nd (http://e.f) http://g.h\n\n\tx"


def test_escape_sequences_are_shown_not_obeyed() -> None:
    """What would set a title, clear the screen or write over a line is a mark that something was there."""
    assert _OURS.sub("", to_ansi(parse(f"a{_EVIL}b"), 80)) == "a\ufffd]0;title\ufffd\ufffd[2J\ufffd1m\n\ufffd\ufffd\nb"
