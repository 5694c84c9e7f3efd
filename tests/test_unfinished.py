"""An answer that is still being written shows no loose marks of its formatting."""

import pytest
from hypothesis import given

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.unfinished import parse_unfinished
from tests.nasty_markdown import fuzz, markdown

ANSWER = "A **bold and `coded` word**, *slanted*, ~~struck~~, 2 * 3, a [link](https://example.org/x) and `**code**` end.\nNext"


@pytest.mark.parametrize("length", range(len(ANSWER) + 1))
def test_every_beginning_reads_as_the_beginning(length: int) -> None:
    """Wherever the text breaks off, what shows is how the whole begins."""
    assert parse(ANSWER).text.startswith(parse_unfinished(ANSWER[:length]).text)


@pytest.mark.parametrize(
    ("source", "spans"),
    [
        ("a **bo", [("bold", "bo")]),
        ("a **bold*", [("bold", "bold")]),
        ("**a *b", [("bold", "a b"), ("italic", "b")]),
        ("a `co**de", [("code", "co**de")]),
        ("see [the li", []),
        ("```\na **b", [("pre", "a **b")]),
        ("* one\n* two", []),
    ],
)
def test_what_is_open_is_formatted_already(source: str, spans: list[tuple[str, str]]) -> None:
    """An emphasis shows from its first letter on, and code is left alone."""
    rich = parse_unfinished(source)
    assert sorted((span.kind, rich.text[span.start : span.end]) for span in rich.spans) == spans


@fuzz
@given(markdown())
def test_anything_may_be_unfinished(source: str) -> None:
    """No beginning of any text is too odd to be shown."""
    parse_unfinished(source)
