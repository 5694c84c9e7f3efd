"""Routes: rules of a butler's file, what is wrong in them named by file, line and key, and which of several wins."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigurationError
from bot.household import read_butler
from bot.switchboard.routes import LONGEST_SEEN, RouteTable, compiled, matches

HEAD = "[butler]\nname = 'a'\n"


def fault(folder: Path, text: str) -> str:
    """Return what is wrong with a butler's file."""
    (folder / "a").mkdir()
    (folder / "a" / "butler.toml").write_text(HEAD + text)
    with pytest.raises(ConfigurationError) as caught:
        read_butler(folder / "a")
    return str(caught.value).removeprefix(f"{folder / 'a' / 'butler.toml'}: ")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[butler.route]]\npatterns = ['(a']\n", "line 4, butler.route.0.patterns: “(a” does not compile: missing ): (a"),
        ("[[butler.route]]\npatterns = ['(?=x)']\n", "line 4, butler.route.0.patterns: “(?=x)” does not compile: invalid perl"),
        (
            f"[[butler.route]]\npatterns = ['{'a' * 301}']\n",
            "line 4, butler.route.0.patterns: “aaaaaaaaaaaaaaaaaaaa…” has more",
        ),
        ("[[butler.route]]\nwords = ['x']\n[[butler.route]]\nword = ['y']\n", "line 6, butler.route.1.word: unknown key. Did"),
        ("[[butler.route]]\nwords = ['?!']\n", "line 4, butler.route.0.words: “?!” holds no word"),
        (
            "[[butler.route]]\nsenders = ['7']\n",
            "line 4, butler.route.0.senders: “7” is not written like telegram:7 or slack:U1",
        ),
        ("[[butler.route]]\nwords = []\n", "butler.route.0: a route needs words, patterns, senders or chats, else it would"),
        ("examples = []\n", "line 3, butler.examples: is empty; give messages that are for this butler, or leave it out"),
        (f"examples = {['x y'] * 1_001}\n", "line 3, butler.examples: has 1001 messages; 1000 are the most"),
        (
            f"examples = ['{'a' * 301}']\n",
            "line 3, butler.examples: “aaaaaaaaaaaaaaaaaaaa…” is too long; a message has 1 to 300",
        ),
        ("examples = [' ']\n", "line 3, butler.examples: one of them is empty"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    """A pattern that does not compile, an empty route and a wrong list are named by line and key, with what to do."""
    assert complaint in fault(tmp_path, text)


def test_the_rule_that_says_more_wins() -> None:
    """A rule that names a chat goes before one that does not, a longer word before a shorter; equals stand side by side."""
    routes = {
        "a": (RouteTable(words=("bill",)),),
        "b": (RouteTable(words=("phone bill", "tax")),),
        "c": (RouteTable(words=("bill",), chats=("slack:C1",)),),
        "d": (RouteTable(patterns=(r"\bphone\s+bills?\b",)),),
    }
    found = matches(routes, "The PHONE bill came", "slack:U1", "slack:C2")
    assert [(one.butler, one.kind, one.what) for one in found[:2]] == [
        ("b", "word", "phone bill"),
        ("d", "pattern", r"\bphone\s+bills?\b"),
    ]
    assert found[0].rank == found[1].rank > found[2].rank
    assert matches(routes, "the bill", "slack:U1", "slack:C1")[0].butler == "c"
    assert matches(routes, "billing and taxes", "slack:U1", "slack:C1") == []


def test_senders_and_chats_narrow_a_route() -> None:
    """A route without words takes all of a chat or a sender; one with both needs both."""
    routes = {"a": (RouteTable(senders=("telegram:7",), chats=("telegram:-5",)),)}
    assert [one.what for one in matches(routes, "x", "telegram:7", "telegram:-5")] == ["telegram:7"]
    assert matches(routes, "x", "telegram:8", "telegram:-5") == []
    assert matches(routes, "x", "telegram:7", "telegram:7") == []


@given(st.text(max_size=LONGEST_SEEN * 2))
def test_no_pattern_hangs(text: str) -> None:
    """Patterns that keep other engines busy for years read a text once."""
    routes = {"a": (RouteTable(patterns=(r"(a+)+$", r"(x*)*y", r"(.*a){12}b")),)}
    matches(routes, "a" * LONGEST_SEEN + text, "", "")
    assert compiled(r"(a+)+$").search("a" * 100_000 + "b") is None
