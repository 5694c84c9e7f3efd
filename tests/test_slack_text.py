"""Slack gets what it takes: its Markdown and its mrkdwn show every character, ping nobody, and fit."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.text import RichText
from adapters.chats.slack.lines import fitted
from adapters.chats.slack.text import MRKDWN_LIMIT, grown, pieces, preview, to_markdown, to_mrkdwn
from tests.nasty_markdown import fuzz, markdown


class _Reader(MarkdownIt):
    """CommonMark that shows URLs as they are written."""

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - markdown-it's name
        """Leave it alone."""
        return link


_READER = _Reader("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
_HIDDEN = re.compile("[\u00ad\u200b\u2060]")
_OPENING = {"strong_open": "bold", "em_open": "italic", "s_open": "strike", "link_open": "link", "blockquote_open": "quote"}
_CLOSING = {name.replace("open", "close"): kind for name, kind in _OPENING.items()}
_PING = re.compile(r"(?<![\w/])@(?=\w\w)")
_TOKEN = re.compile(r"<(@[A-Z0-9]{2,}|#[A-Z0-9]{2,}|!(here|channel|everyone|subteam\^))[^\s<>]*>")
_PINGS = st.sampled_from(
    [
        *("<!channel>", "<!here|here>", "<!everyone>", "<!subteam^S1>", "<@U123>", "<#C123|x>", "@everyone", "**@here**"),
        *("(@channel", "`<@U123>`", "```\n<!here>\n```", "[@here](http://x.y)", "&lt;!here&gt;", "\\<!here>", "||<@U1>||"),
    ]
)


def read_markdown(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Read Slack's Markdown as CommonMark has it: each visible character with its formatting."""
    around: list[str] = []

    def walk(tokens: list[Token]) -> Iterator[tuple[str, frozenset[str]]]:
        for token in tokens:
            if token.type in _OPENING:
                around.append(_OPENING[token.type])
            elif token.type in _CLOSING:
                around.remove(_CLOSING[token.type])
            elif token.type in {"text", "code_inline", "fence"}:
                kinds = {"code_inline": {"code"}, "fence": {"pre"}}.get(token.type, set())
                yield from ((char, frozenset({*around} | kinds)) for char in visible(token.content))
            else:
                assert token.type in {"paragraph_open", "paragraph_close", "inline", "softbreak", "hardbreak"}, token.type
                yield from walk(token.children or [])

    yield from walk(_READER.parse(text))


def read_mrkdwn(text: str) -> str:
    """Read mrkdwn: what is visible of it, without the signs that format."""
    shown = ""
    for number, part in enumerate(re.split(r"(?m)^```\n((?:.|\n)*?)\n```$", text)):
        if number % 2:
            shown += part
            continue
        for place, stretch in enumerate(re.split(r"(?<!\u00ad)`([^`\n]+)`(?!\u00ad)", part)):
            if place % 2:
                shown += stretch
                continue
            plain = re.sub(r"(?m)^> ?", "", re.sub(r"<(?:[^|>\n]+\|)?([^>\n]*)>", r"\1", stretch))
            shown += re.sub(r"[*_~]", _formatting, plain)
    return visible(unescape(shown))


def _formatting(found: re.Match[str]) -> str:
    text, at = found.string, found.start()
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    return found.group() if (before.isalnum() and after.isalnum()) or before == after == "\u00ad" else ""


def visible(text: str) -> str:
    """Leave out white space and what shows nothing."""
    return "".join(_HIDDEN.sub("", text).split())


def expected(rich: RichText) -> list[tuple[str, frozenset[str]]]:
    """Return each visible character of a fitted text with its formatting."""
    spans = [span for span in rich.spans if span.kind != "spoiler"]
    return [
        (shown, frozenset(span.kind for span in spans if span.start <= at < span.end))
        for at, char in enumerate(rich.text)
        for shown in visible(char)
    ]


def without_bars(drawn: list[tuple[str, frozenset[str]]]) -> list[tuple[str, frozenset[str]]]:
    """Leave out bars, which may stand for a spoiler."""
    return [(char, kinds) for char, kinds in drawn if char != "|"]


@given(markdown().map(lambda source: source[:4000]))
@fuzz
def test_markdown_shows_the_text_and_its_formatting(source: str) -> None:
    """What CommonMark reads in Slack's Markdown is every character of the text, formatted as it was."""
    rich = fitted(parse(source))
    assert without_bars(list(read_markdown(to_markdown(rich)))) == without_bars(expected(rich))


@given(markdown().map(lambda source: source[:4000]))
@fuzz
def test_mrkdwn_shows_the_text(source: str) -> None:
    """Nothing visible is lost in mrkdwn, and nothing is added but the bars of spoilers."""
    rich = fitted(parse(source))
    assert read_mrkdwn(to_mrkdwn(rich)).replace("|", "") == visible(rich.text).replace("|", "")


EXAMPLES = [
    ("**b** *i* ~~s~~ `c`", "**b** _i_ ~~s~~ `c`", "*b* _i_ ~s~ `c`"),
    ("***both*** and **a *b* c**", "**_both_** and **a _b_ c**", "*_both_* and *a _b_ c*"),
    ("un*frigging*real", "un*frigging*real", "un\u200b_frigging_\u200breal"),
    ("重要**\uff1a注意**です", "重要**\u2060\uff1a注意**です", "重要\u200b*\uff1a注意*\u200bです"),
    ("||spoiler||", "||spoiler||", "||spoiler||"),
    ("# Title", "**Title**", "*Title*"),
    ("[a](https://x.y/z?p=1&q=(2))", "[a](https://x.y/z?p=1&q=%282%29)", "<https://x.y/z?p=1&amp;q=(2)|a>"),
    ("so http://e.com/x_y.", "so <http://e.com/x_y>.", "so <http://e.com/x_y>."),
    ("[a](ftp://x.y) <me@x.y>", "a (ftp://x.y) [me@x.y](mailto:me@x.y)", "a (ftp://x.y) <mailto:me@x.y|me@x.y>"),
    ("2 \\* 3 < 4 & a_b", "2 \\* 3 &lt; 4 &amp; a\\_b", "2 \u00ad*\u00ad 3 &lt; 4 &amp; a_b"),
    ("&amp;lt;", "&amp;lt;", "&amp;lt;"),
    ("- a\n  - b\n- c", "• a  \n\u00a0\u00a0◦ b  \n• c", "• a\n  ◦ b\n• c"),
    ("3. a\n5. b", "3\\. a  \n5\\. b", "3. a\n5. b"),
    ("\\- a\n\\# b\n\\> c", "\\- a  \n\\# b  \n&gt; c", "- a\n# b\n\u00ad&gt; c"),
    ("> a\n> b\n\nc", "> a  \n> b\n\nc", "> a\n> b\n\nc"),
    ("- > a\n- b", "> • a\n\n• b", "> • a\n• b"),
    ("```py\na = `b`\n```", "```py\na = `b`\n```", "```\na = `b`\n```"),
    ("````\n```\n````", "````\n```\n````", "```\n`\u00ad`\u00ad`\n```"),
    ("`` a`b ``", "`` a`b ``".replace(" ", ""), "a`b"),
    ("|a|b|\n|-|-|\n|1|2|", "```\na | b\n--+--\n1 | 2\n```", "```\na | b\n--+--\n1 | 2\n```"),
    ("x[^1]\n\n[^1]: note", "x\\[1\\]\n\n\\[1\\]: note", "x[1]\n\n[1]: note"),
    ("\\(a_1\\) is $x_1^2$", "`a_1` is $x\\_1^2$", "`a_1` is $x_1^2$"),
    ("ask @ann", "ask @\u2060ann", "ask @\u2060ann"),
    ("<!here> <@U12>", "&lt;!here&gt; &lt;@\u2060U12&gt;", "&lt;!here&gt; &lt;@\u2060U12&gt;"),
    ("`<@U12>` a@b.c", "`<\u2060@U12>` a@b.c", "`&lt;@U12&gt;` a@b.c"),
]


@pytest.mark.parametrize(("source", "markdown_text", "mrkdwn_text"), EXAMPLES)
def test_examples(source: str, markdown_text: str, mrkdwn_text: str) -> None:
    """Every construct is written as each of Slack's languages has it."""
    assert (to_markdown(parse(source)), to_mrkdwn(parse(source))) == (markdown_text, mrkdwn_text)


@given(st.lists(markdown() | _PINGS, max_size=5).map(" ".join))
@fuzz
def test_nobody_is_pinged(source: str) -> None:
    """Whatever a model writes, nothing is left that Slack would take for a mention."""
    for piece in pieces(source):
        inline = [token for block in _READER.parse(piece.markdown) for token in block.children or []]
        assert not any(_PING.search(token.content) for token in inline if token.type == "text")
        assert not _TOKEN.search(piece.markdown)
        assert not re.search(r"<[@!#]", piece.mrkdwn)


@given(markdown(), st.sampled_from([11_000, 4_000]))
@fuzz
def test_pieces_fit_and_are_the_whole(source: str, limit: int) -> None:
    """Every piece is within the limits in both languages, and together they show everything."""
    cut = pieces(source, limit)
    assert all(len(piece.markdown) <= limit and len(piece.mrkdwn) <= MRKDWN_LIMIT for piece in cut)
    assert all(piece.markdown.strip() and piece.mrkdwn.strip() for piece in cut)
    rich = fitted(parse(source))
    shown = "".join(char for piece in cut for char, _ in read_markdown(piece.markdown))
    assert shown.replace("|", "") == visible(rich.text).replace("|", "") or not cut
    last = preview(source, limit)
    assert len(last.markdown) <= limit


def test_long_code_is_closed_and_opened_again() -> None:
    """A block that is cut is a block of the same language in every piece, and keeps its lines."""
    code = "\n".join(f"    line_{number} = <tag> & 'text'" for number in range(900))
    cut = pieces(f"# Title\n\n```py\nbegin\n{code}\n```\n\nthe end")
    assert len(cut) > 2
    assert all(piece.markdown.count("```py\n") == 1 and piece.markdown.count("\n```") > 0 for piece in cut)
    lines = [line for piece in cut for line in piece.markdown.split("\n") if line and not line.startswith("```")]
    assert lines == ["**Title**", "begin", *code.split("\n"), "the end"]


def test_many_links_make_more_pieces() -> None:
    """URLs count, though they do not show."""
    cut = pieces(f"[a](https://x.y/{'z' * 1500}) " * 30)
    assert len(cut) > 4
    assert all(len(piece.markdown) <= 11_000 for piece in cut)


@pytest.mark.parametrize("blank", ["", " \n", "\u200b\u2060", "```\n\n```", "&nbsp;"])
def test_what_shows_nothing_is_not_sent(blank: str) -> None:
    """Slack would refuse a message without a text."""
    assert (pieces(blank), preview(blank).markdown) == ([], "")


def test_preview_shows_the_end() -> None:
    """What is too long shows its end, still as what it is."""
    assert preview("a **b").markdown == "a **b**"
    piece = preview("```py\n" + "x = '<b>'\n" * 3000)
    assert piece.markdown.startswith("…\n```\nx = '<b>'\n") or piece.markdown.startswith("…\n```py\nx = '<b>'\n")
    assert 7_000 < len(piece.markdown) <= 11_000


def stream(source: str, step: int = 1) -> str | None:
    """Let a stream grow with an answer, and return what it shows at the end."""
    sent = ""
    for length in range(0, len(source) + 1, step):
        more = grown(sent, source[:length])
        if more is None:
            return None
        sent += more
    rest = grown(sent, source, whole=True)
    return None if rest is None else sent + rest


ANSWER = """# Bread

A **bold and `coded` word**, *slanted*, 2 * 3, a [longer link](https://example.org/x_y) and $5.

1. one **two**
2. three
   - four

> quoted
> text

```py
a = 1
b = `2`
```

| a | b |
|---|---|
| 1 | 2 |

Fact[^1], a_b, @ann.

[^1]: the note
"""


@pytest.mark.parametrize("step", [1, 2, 3, 7, 40])
def test_a_usual_answer_is_streamed(step: int) -> None:
    """Whatever the steps in which it arrives, a stream ends as the whole answer, and never has to be taken back."""
    assert stream(ANSWER, step) == to_markdown(parse(ANSWER))


def test_streams_do_not_wait_long() -> None:
    """Words go out as they are finished, lines of code too, and what is open is held back."""
    assert grown("", "One two thr") == "One two"
    assert grown("One two", "One two three") == ""
    assert grown("One two", "One two three **fo ur") == " three"
    assert grown("One two three", "One two three **fo ur** fi") == " **fo ur**"
    assert grown("", "```py\na = 1\nb") == "```py\na = 1"
    assert grown("Ore", "One two") is None


def test_long_streams_end_with_their_first_piece() -> None:
    """A stream shows what the first message shows, and the rest comes in messages of its own."""
    source = "\n\n".join(f"Paragraph **{number}** " + "word " * 60 for number in range(60))
    assert stream(source, 500) == pieces(source)[0].markdown


@given(markdown().map(lambda source: source[:600]), st.integers(1, 50))
@fuzz
def test_streams_only_grow(source: str, step: int) -> None:
    """A stream is given up or ends as the first piece, and what is settled never breaks CommonMark."""
    ended = stream(source, step)
    cut = pieces(source)
    assert ended is None or ended == (cut[0].markdown if cut else "")
