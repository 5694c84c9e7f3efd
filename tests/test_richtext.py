"""Markdown becomes rich text, and rich text becomes pieces, without a loss."""

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.split import Measure, split, tail
from adapters.chats.rich.text import RichText, Span, clean, plausible
from tests.nasty_markdown import fuzz, markdown


def shown(source: str) -> list[tuple[str, str, str]]:
    """Return each span of a parsed text as its kind, what it covers, and its detail."""
    rich = parse(source)
    return [(span.kind, rich.text[span.start : span.end], span.detail) for span in rich.spans]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        *(("", ""), ("   \n\n ", "")),
        ("one\ntwo\\\nthree  \nfour", "one\ntwo\nthree\nfour"),
        ("a\n# H\nb", "a\n\nH\n\nb"),
        ("Title\n===\ntext", "Title\n\ntext"),
        ("text\n---\nmore", "text\n\n———\n\nmore"),
        ("Items:\n-", "Items:\n-"),
        ("Items:\n- a\n- b", "Items:\n• a\n• b"),
        ("- a\n  - b\n    - c\n      - d\n        - e", "• a\n  ◦ b\n    ▪ c\n      ▫ d\n        • e"),
        ("- a\n\n- b\n\n  c", "• a\n\n• b\n\n  c"),
        ("- a\n  b", "• a\n  b"),
        ("- a\n-", "• a\n•"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("1. a\n1. b\n1. c", "1. a\n2. b\n3. c"),
        ("1. a\n3. b", "1. a\n3. b"),
        ("1) a\n   - b", "1) a\n  ◦ b"),
        ("- [ ] a\n- [x] b\n1. [X] c", "☐ a\n☑ b\n1. ☑ c"),
        ("- ```\n  x\n  ```", "•\nx"),
        ("<b>raw</b> <!-- x --> a<b", "<b>raw</b> <!-- x --> a<b"),
        ("5 &lt; 6 &amp;amp; `&lt;`", "5 < 6 &amp; &lt;"),
        ("fact[^1]\n\n[^1]: http://x.y", "fact[1]\n\n[1]: http://x.y"),
        ("[^a-z] [^12](x) `[^1]` **a[^12]**", "[^a-z] ^12 (x) [^1] a[12]"),
        ("see [1]\n\n[1]: http://a.b\n[2]: http://c.d 'T'", 'see [1]\n\n[2]: http://c.d "T"'),
        ("**open and `open", "**open and `open"),
        ("2 * 3 * 4, a_b_c, x || y, a||b||c", "2 * 3 * 4, a_b_c, x || y, a||b||c"),
        ("$5 and *6$*, \\[maybe\\] \\(so\\)", "$5 and 6$, [maybe] (so)"),
        ("it is $x_1 + *y*_1$", "it is $x_1 + *y*_1$"),
    ],
)
def test_text(source: str, text: str) -> None:
    """Blocks, lists and literal characters read as a person would write them in a chat."""
    assert parse(source).text == text


@pytest.mark.parametrize(
    ("source", "spans"),
    [
        ("**a** _b_ ~~c~~ ||d||", [("bold", "a", ""), ("italic", "b", ""), ("strike", "c", ""), ("spoiler", "d", "")]),
        ("**a *b* c**", [("bold", "a b c", ""), ("italic", "b", "")]),
        ("**a **b** c**", [("bold", "a b c", "")]),
        ("重要**\uff1a注意**です *「a」*b", [("bold", "\uff1a注意", "")]),
        ("**重要\uff1a**请看**「这个」**吧", [("bold", "重要\uff1a", ""), ("bold", "「这个」", "")]),
        ("# a `b` c", [("bold", "a ", ""), ("code", "b", ""), ("bold", " c", "")]),
        ("# **a**", [("bold", "a", "")]),
        ("[`f`](http://a.b) ||`g`|| ~~`h`~~", [("link", "f", "http://a.b"), ("spoiler", "g", ""), ("strike", "h", "")]),
        ("```py title\nx\n\n y\n```", [("pre", "x\n\n y", "py")]),
        ("```js\nlet", [("pre", "let", "js")]),
        ("```", []),
        ("    x\n      y", [("pre", "x\n  y", "")]),
        ("> a\n>> b\n>\n> `c`", [("quote", "a\n\nb\n\nc", ""), ("code", "c", "")]),
        ("> ```\n> x\n> ```", [("quote", "x", ""), ("pre", "x", "")]),
        ("- > a", [("quote", "• a", "")]),
        ("\\(a_1 + b_1\\) $$x^2$$ y", [("code", "a_1 + b_1", ""), ("code", "x^2", "")]),
        ("so\n\\[\n\\frac{a}{b}\n- c\n\\]", [("pre", "\\frac{a}{b}\n- c", "latex")]),
    ],
)
def test_spans(source: str, spans: list[tuple[str, str, str]]) -> None:
    """Formatting becomes spans that nest properly and leave code alone."""
    assert shown(source) == spans


@pytest.mark.parametrize(
    ("source", "text", "links"),
    [
        ("[a](https://x.y/z?q=1#f)", "a", ["https://x.y/z?q=1#f"]),
        ("[a](https://пример.рф/путь)", "a", ["https://xn--e1afmkfd.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C"]),
        ("<https://x.y/ä> <me@x.org>", "https://x.y/ä me@x.org", ["https://x.y/%C3%A4", "mailto:me@x.org"]),
        ("[call](tel:+49-1) [us](tg://resolve?domain=x)", "call us", ["tel:+49-1", "tg://resolve?domain=x"]),
        ("[a](b/c.py) [d](#e) [`f`](f)", "a (b/c.py) d (#e) f", []),
        ("[a](javascript:x) [b](http://) [c](file:///d)", "a (javascript:x) b (http://) c (file:///d)", []),
        ("[](http://x.y) [e]()", "http://x.y e", ["http://x.y"]),
        ("so [1](http://x.y) and [2][]\n\n[2]: http://z.y", "so [1] and [2]", ["http://x.y", "http://z.y"]),
        ("![a *b*](http://x.y)", "🖼 a b", ["http://x.y"]),
        ("![](http://x.y) ![a](b.png) ![](b.png)", "🖼 http://x.y 🖼 a (b.png) 🖼 b.png", ["http://x.y"]),
        ("[![a](b.png)](http://x.y)", "🖼 a", ["http://x.y"]),
        ("![a](data:image/png;base64,AAAA)", "🖼 a (data:image/png;base64,…)", []),
    ],
)
def test_links(source: str, text: str, links: list[str]) -> None:
    """A link is kept where a person could follow it; otherwise its URL is written out."""
    rich = parse(source)
    assert (rich.text, [span.detail for span in rich.spans if span.kind == "link"]) == (text, links)


@pytest.mark.parametrize(
    "url", ["http://", "https://?x", "http://a:99999", "http://[::x]/", "mailto:x", "tel:", "x", "http://a b"]
)
def test_implausible(url: str) -> None:
    """A URL without a host, or an impossible one, is no link."""
    assert not plausible(url)


def test_narrow_table() -> None:
    """A table that fits becomes a grid whose columns line up by what the eye sees, not by code points."""
    source = "| Name | n |\n|:-|-:|\n| 日本 | **1** |\n| 👨\u200d👩\u200d👧 | [x](a.b)<br>2 |\n"
    assert shown(source) == [
        ("pre", "Name |       n\n-----+--------\n日本 |       1\n👨\u200d👩\u200d👧   | x (a.b)\n     |       2", "")
    ]


def test_wide_table() -> None:
    """A table that does not fit becomes records that keep their formatting."""
    rich = parse(f"|A|B||\n|-|-|-|\n|*{'x' * 60}*||z|\n|[y](http://x.y)|||")
    assert rich.text == f"A: {'x' * 60}\nB:\nz\n\nA: y"
    assert [span.kind for span in rich.spans] == ["bold", "italic", "bold", "bold", "link"]


def test_table_with_a_story_in_its_header() -> None:
    """A long header is not repeated in every record."""
    assert parse(f"|{'h' * 70}|b|\n|-|-|\n|1|2|").text == f"{'h' * 70} | b\n1 | 2"


def test_deep_nesting_keeps_its_text() -> None:
    """What is nested deeper than the parser goes stays, as markdown-it alone would not let it."""
    for marker in ("> ", "- ", "1. ", "> - "):
        assert "deep **text" in parse(marker * 300 + "deep **text").text


def test_control_characters() -> None:
    """Characters that a vendor refuses or a terminal obeys are replaced, ends of lines are newlines."""
    assert clean("a\x00\x1b[1m\x9b\x7f\ufffe\r\nb\rc\u2028d\t\u202ee") == "a\ufffd\ufffd[1m\ufffd\ufffd\ufffd\nb\nc\nd\te"
    assert clean("\ud83d\ude00 \ud83d \ude00") == "😀 \ufffd \ufffd"
    assert parse("&#27;&#12;&#x202e;&#xd800;A\u030a").text == "\ufffd\n\ufffdÅ"


@pytest.mark.parametrize(
    "source",
    [
        *("*" * 100_000, "[" * 100_000, ">" * 50_000, "`" * 100_000, "a\n" * 100_000, "x" * 200_000, "word " * 40_000),
        *("[" * 29_999, "![" * 14_999, "[![" * 9_999, "*a_ " * 14_999, "`a``" * 9_999, "[a](" * 29_999),
        *("- " * 50_000 + "x", "".join(" " * i + "- a\n" for i in range(600)), "\\[ x\n" * 9_999, "\\(x^2 " * 29_999),
        *("[a\n" * 9_999, "> " * 50 + "a\n" + "b\n" * 9_999, "|a" * 99 + "\n" + "|-" * 99 + "\n" + "|b\n" * 300),
    ],
    ids=lambda source: repr(source[:8]),
)
def test_pathological(source: str) -> None:
    """No text of 200 KB holds the house up, be it above or just below what is taken for plain text."""
    started = process_time()
    assert parse(source).text
    assert process_time() - started < 60  # a blow-up would take hours


def check_shape(rich: RichText) -> None:
    """Assert what a rich text promises."""
    around: list[Span] = []
    assert list(rich.spans) == sorted(rich.spans, key=lambda span: (span.start, -span.end))
    for span in rich.spans:
        assert 0 <= span.start < span.end <= len(rich.text)
        while around and around[-1].end <= span.start:
            around.pop()
        assert all(span.end <= outer.end and span.kind != outer.kind for outer in around)
        assert not any(outer.kind in {"code", "pre"} for outer in around)
        if span.kind in {"code", "pre"}:
            assert all(outer.kind == "quote" for outer in around)
        around.append(span)


@given(markdown())
@fuzz
def test_any_markdown_has_its_shape(source: str) -> None:
    """Whatever the Markdown, its spans are in order, nested, not empty, and code stands alone."""
    rich = parse(source)
    check_shape(rich)
    assert clean(rich.text) == rich.text


class _Oracle(MarkdownIt):
    """The parser without anything of ours, but that it takes every link for one, as we do to judge them later."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's name
        """Take it."""
        del url
        return True


def _visible(html: str) -> str:
    return "".join(filter(str.isalnum, unescape(re.sub(r"<[^>]*>", "", html))))


@given(markdown(formulas=False, controls=False))
@fuzz
def test_nothing_visible_is_lost(source: str) -> None:
    """Every letter and digit that the HTML of the same Markdown would show is there, in the same order."""
    # A formula is taken as it stands, so that what is Markdown in it differs.
    source = source.replace("$", "§").replace("\\(", "(").replace("\\[", "[")
    oracle = _Oracle("commonmark", {"html": False}).enable(["table", "strikethrough"])
    oracle.options["tasklists"] = True
    html = str(oracle.render(source))
    ours = "".join(filter(str.isalnum, parse(source).text))
    if "<table" in html:  # records put a header before every value
        assert not Counter(_visible(html)) - Counter(ours)
    else:
        rest = iter(ours)
        assert all(char in rest for char in _visible(html))


@given(st.lists(st.lists(st.sampled_from(["some", "plain", "words", "日本", "é", "42", "😀"]), min_size=1), min_size=1))
@fuzz
def test_plain_text_stays_as_it_is(paragraphs: list[list[str]]) -> None:
    """Text without any Markdown comes out exactly as it went in."""
    source = "\n\n".join("a " + " ".join(words) for words in paragraphs)
    assert parse(source) == RichText(source)


def _drawn(rich: RichText) -> Iterator[tuple[str, frozenset[tuple[str, str]]]]:
    for at, char in enumerate(rich.text):
        if not char.isspace():
            yield char, frozenset((s.kind, s.detail) for s in rich.spans if s.start <= at < s.end)


def _bytes(text: str) -> int:
    return len(text.encode())


@given(
    markdown().map(lambda source: parse(source[:3000])),
    st.integers(4, 300),
    st.sampled_from([len, _bytes]),
    st.integers(8, 12),
)
@fuzz
def test_pieces_together_are_the_whole(rich: RichText, limit: int, measure: Measure, max_spans: int) -> None:
    """Cutting loses neither a character nor its formatting, and every piece is what was asked for."""
    cut = split(rich, limit, measure, max_spans)
    for piece in cut:
        check_shape(piece)
        assert measure(piece.text) <= limit
        assert piece.text.strip()
        assert len(piece.spans) <= max_spans
    assert [drawn for piece in cut for drawn in _drawn(piece)] == list(_drawn(rich))
    end = tail(rich, limit, measure, max_spans)
    assert measure(end.text) <= limit
    assert len(end.spans) <= max_spans
    drawn = list(_drawn(end))
    assert drawn == list(_drawn(rich))[len(list(_drawn(rich))) - len(drawn) :]


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        (" \n\n a", 9, [" a"]),
        ("one two three.\n\nfour five. six seven", 24, ["one two three.", "four five. six seven"]),
        ("one two three\n\nHead\n\nfour five", 24, ["one two three", "Head\n\nfour five"]),
        ("one two three\nfour. Five six", 24, ["one two three", "four. Five six"]),
        ("one two three four. Five six seven", 24, ["one two three four.", "Five six seven"]),
        ("日本語の文章。もう一つの文章", 10, ["日本語の文章。", "もう一つの文章"]),
        ("one two three " + "x" * 18, 12, ["one two", "three", "x" * 12, "x" * 6]),
        ("ab👨\u200d👩\u200d👧cde\u0301", 8, ["ab👨\u200d👩\u200d👧c", "de\u0301"]),
        ("a👨\u200d👩\u200d👧", 5, ["a", "👨\u200d👩\u200d👧"]),
        ("\u0301" * 5, 4, ["\u0301" * 4, "\u0301"]),
    ],
)
def test_best_cuts(text: str, limit: int, pieces: list[str]) -> None:
    """A cut goes between blocks, lines, sentences or words, after no heading, and within no visible character."""
    head = text.find("Head")
    spans = (Span("bold", head, head + 4),) if head >= 0 else ()
    assert [piece.text for piece in split(RichText(text, spans), limit)] == pieces


def test_code_is_not_cut_at_its_blank_lines() -> None:
    """A blank line within a block of code is no better a cut than any of its lines."""
    rich = parse("a b c d e f g\n\n```\nx\n\ny\n```")
    assert [piece.text for piece in split(rich, 18)] == ["a b c d e f g", "x\n\ny"]


def test_splitting_is_linear() -> None:
    """A megabyte is cut in about a second, however it is written."""
    for text in ("word " * 200_000, "a\n\n" * 330_000, "x" * 1_000_000, "\u0301" * 1_000_000, "Hi. " * 250_000):
        started = process_time()
        assert len(split(RichText(text), 4096, lambda part: len(part.encode("utf-16-le")) // 2)) > 200
        assert process_time() - started < 2
