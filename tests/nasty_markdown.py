"""Markdown as bad as it gets, for property tests; BUTLERS_FUZZ sets how many examples they try."""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

fuzz = settings(
    max_examples=int(os.environ.get("BUTLERS_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

_FAMILY = "👨\u200d👩\u200d👧\u200d👦"
_WORDS = (
    *(
        "bread",
        "x",
        "Größe",
        "naïve",
        "e\u0301te\u0301",
        "don't",
        "3.14",
        "42",
        "1.",
        "a_b_c",
        "2*3*4",
        "http://e.com/x_y",
    ),
    *("日本語の文章。", "中文\uff0c標點", "한국어", "שלום", "مرحبا بالعالم", "\u2067نص\u2069", "हिन्दी", "ไทย"),
    *("🎉", _FAMILY, "🏳️\u200d🌈", "🇿🇼", "👍🏽", "❤️", "\U0001d518\U0001d52b", "\u200b", "\u00a0", "\u3000", "\u2800"),
    *("$5", "-", "+", "#", ">", "|", "||", "[ ]", "[x]", "[^1]", "C:\\dir", "&amp;", "&nbsp;", "&#27;", "&#x202e;"),
)
_SOUP = st.text('_*~|[]()<>&\\`!#-+.:/$" \n', max_size=30)
_LONG_WORDS = st.builds(
    lambda char, count: char * count, st.sampled_from(["w", "語", _FAMILY, "e\u0301"]), st.integers(1, 5000)
)
_CONTROLS = st.text("\x00\x07\x08\t\x0b\x0c\r\x1b\x7f\x85\x9b\u2028\u2029\u202e\ufffe\uffff\ud800\udfff[31mA", max_size=8)
_URLS = st.sampled_from(
    [
        *(
            "https://example.com",
            "http://a.b/c?d=e&f=(g)#h",
            "https://пример.рф/путь",
            "http://localhost:8080/",
            "http://1",
        ),
        *(
            "mailto:me@example.org",
            "tel:+49123",
            "tg://resolve?domain=x",
            "tg://user?id=7",
            "ftp://f.org",
            "foo/bar.py",
        ),
        *(
            "#part",
            "",
            "<http://with space>",
            "javascript:alert",
            "http://[::1]/",
            "http://a.b:99999",
            "http://u:p@h.org",
        ),
    ]
)
_UNCLOSED = st.sampled_from(["**", "*", "_", "~~", "||", "`", "``", "[", "![", "[a](", "<", "$", "\\", "[^", "***", "&"])
_FORMULAS = st.sampled_from(["$x_1^2$", "\\(a_b = c_d\\)", "\\[\\frac{a}{b}\\]", "$$\\sum_i x_i$$", "\\[maybe\\]", "$5 and 6$"])

_TEXTS = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=6).map(" ".join)


def _inlines(formulas: bool) -> st.SearchStrategy[str]:  # noqa: FBT001 - a switch of this module
    leaves = [_TEXTS, _TEXTS, _SOUP, _UNCLOSED, st.builds("`{}`".format, _TEXTS), st.builds("<{}>".format, _URLS)]
    leaves += [_FORMULAS] if formulas else []
    return st.recursive(
        st.one_of(leaves),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=4).map(" ".join),
            st.lists(inner, min_size=1, max_size=3).map("".join),
            st.builds("{0}{1}{0}".format, st.sampled_from(["**", "*", "_", "~~", "||", "***", "__"]), inner),
            st.builds("{}[{}]({})".format, st.sampled_from(["", "!"]), inner, _URLS),
            st.builds("{}\n{}".format, inner, inner),
        ),
        max_leaves=6,
    )


def _indented(text: str, first: str, rest: str) -> str:
    return first + text.replace("\n", "\n" + rest)


def _table(cells: list[list[str]], lead: str) -> str:
    rows = [[cell.replace("\n", " ") for cell in row] for row in cells]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lead + line for line in (lines[0], "|" + ":-:|" * len(rows[0]), *lines[1:]))


def _blocks(inline: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    code = st.one_of(
        _SOUP, _TEXTS, st.sampled_from(["def f():\n\treturn 1", "    deep\nflat", "```\ninner\n```", "\n\n  x\n\n"])
    )
    fences = st.sampled_from(["```", "~~~", "````", "``` python", "```c++ title=x", "```{.js}"])
    leaves = st.one_of(
        inline,
        inline,
        st.builds("{} {}".format, st.sampled_from(["#", "##", "######"]), inline),
        st.builds(lambda fence, text, end: f"{fence}\n{text}\n{fence[:3] if end else ''}", fences, code, st.booleans()),
        code.map(lambda text: _indented(text, "    ", "    ")),
        st.builds(
            _table,
            st.lists(st.lists(inline, min_size=2, max_size=2), min_size=1, max_size=4),
            st.sampled_from(["", " "]),
        ),
        st.sampled_from(["---", "***", "===", "-", "[a]: http://ref.org 'title'", "[^1]: a note", "[a]", "[text][a]"]),
        _LONG_WORDS,
        st.builds(lambda text, count: (text + " ") * count, _TEXTS, st.integers(1, 200)),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(lambda text: _indented(text, "> ", "> ")),
            inner.map(lambda text: _indented(text, "> ", "")),
            st.builds(_indented, inner, st.sampled_from(["- ", "* ", "+ ", "- [ ] ", "- [x] "]), st.just("  ")),
            st.builds(_indented, inner, st.sampled_from(["1. ", "7) ", "10. "]), st.just("   ")),
            st.builds(lambda first, gap, second: first + gap + second, inner, st.sampled_from(["\n", "\n\n"]), inner),
        ),
        max_leaves=8,
    )


def markdown(*, formulas: bool = True, controls: bool = True) -> st.SearchStrategy[str]:
    """Compose documents of everything that can go wrong."""
    block = _blocks(_inlines(formulas))
    parts = st.one_of(block, block, _CONTROLS) if controls else block
    return st.lists(parts, max_size=6).map("\n\n".join) | st.lists(parts, max_size=6).map("\n".join)
