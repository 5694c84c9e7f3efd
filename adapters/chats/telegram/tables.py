"""Answers as Telegram's messages: texts, and the tables that are too wide for a telephone as photos or files."""

from collections.abc import Iterator

from adapters.chats.rich.text import RichText
from adapters.chats.rich.wide import sections, shown
from adapters.chats.telegram.enclosures import LONGEST_CAPTION, PICTURE
from adapters.chats.telegram.text import Entity, pieces_of, to_entities, utf16
from bot.contents import SOURCE, drawn, written
from bot.pictures import NOT_SHOWN
from bot.ports import Json
from bot.tables import Table

WIDEST = 38  # characters of one width that a telephone shows beside each other


def messages(markdown: str) -> Iterator[Json]:
    """Render Markdown as messages."""
    for section in sections(markdown, WIDEST):
        if isinstance(section, Table):
            yield from _of_table(section)
        else:
            for text, entities in pieces_of(section):
                yield {"text": text, "entities": entities}


def _of_table(table: Table) -> Iterator[Json]:
    """Return a photo for each page, and what says the same in words: the caption, or a file."""
    found = shown(table, lambda words: utf16(_quoted(words)[0]) <= LONGEST_CAPTION)
    if found.introduction:
        for text, entities in pieces_of(RichText(found.introduction)):
            yield {"text": text, "entities": entities}
    for number, page in enumerate(found.pages):
        caption, entities = _quoted(found.words) if number == 0 else ("", [])
        yield {
            SOURCE: drawn(page.model_dump(mode="json")),
            "name": PICTURE,
            "caption": caption,
            "entities": entities,
            "photo": True,
            "words": f"{NOT_SHOWN}\n{found.words}",
        }
    if found.file is not None:
        named = {"name": f"{table.file_name}.csv", "caption": "", "photo": False, "words": found.without_file}
        yield {SOURCE: written(found.file), **named}


def _quoted(words: str) -> tuple[str, list[Entity]]:
    """Return words that take no room until they are asked for, and notify nobody."""
    text, _ = to_entities(RichText(words))
    return text, [{"type": "expandable_blockquote", "offset": 0, "length": utf16(text)}] if text else []
