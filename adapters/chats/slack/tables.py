"""Answers as Slack's messages: texts, and the tables that are too wide as pictures or files."""

from collections.abc import Iterator

from adapters.chats.rich.text import RichText
from adapters.chats.rich.wide import sections, shown
from adapters.chats.slack.enclosures import LONGEST_ALT
from adapters.chats.slack.text import pieces_of
from bot.contents import SOURCE, drawn, written
from bot.pictures import NOT_SHOWN
from bot.ports import Json
from bot.tables import Table

WIDEST = 60  # characters of one width that a window shows beside each other


def messages(markdown: str) -> Iterator[Json]:
    """Render Markdown as messages."""
    for section in sections(markdown, WIDEST):
        if isinstance(section, Table):
            yield from _of_table(section)
        else:
            yield from _words(section)


def _words(rich: RichText) -> Iterator[Json]:
    for piece in pieces_of(rich):
        yield {"markdown": piece.markdown, "mrkdwn": piece.mrkdwn}


def _of_table(table: Table) -> Iterator[Json]:
    """Return a picture for each page, with the same in words for who cannot see it, or with a file."""
    found = shown(table, lambda words: len(words) <= LONGEST_ALT)
    yield from _words(RichText(found.introduction))
    for number, page in enumerate(found.pages, start=1):
        several = f" ({number} of {len(found.pages)})" if len(found.pages) > 1 else ""
        yield {
            SOURCE: drawn(page.model_dump(mode="json")),
            "name": f"{table.file_name}.png",
            "title": f"{table.title or 'Table'}{several}",
            "alt": found.words if number == 1 else page.words[:LONGEST_ALT],
            "words": f"{NOT_SHOWN}\n{found.words}",
        }
    if found.file is not None:
        named = {"name": f"{table.file_name}.csv", "title": table.title or "Table", "words": found.without_file}
        yield {SOURCE: written(found.file), **named}
