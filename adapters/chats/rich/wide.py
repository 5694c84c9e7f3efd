"""Wide tables: what is too wide to be read as text is kept apart, and shown as a picture or as a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.text import RichText, clipped
from bot.tables import Table

FIRST_ROWS = 3  # that are shown of a table which is only a file
LONGEST_TITLE = 80
LONGEST_REST = 3000  # characters of a table whose file is not taken


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands for a table: pictures, and a file where the words below the picture do not say all of it."""

    pages: tuple[Table, ...]  # a picture for each
    words: str  # below the first picture
    introduction: str  # the beginning of a table for which there is no picture
    file: Table | None
    without_file: str  # what is said where the file is not taken


def sections(markdown: str, widest: int) -> Iterator[RichText | Table]:
    """Read Markdown into texts, and the tables that are wider than so many characters, in their order."""
    rich = parse(markdown, widest)
    at = 0
    for span in (span for span in rich.spans if span.kind == "table"):
        if (before := _part(rich, at, span.start)).text:
            yield before
        title = _title(rich.text[at : span.start])
        yield Table.model_validate_json(span.detail).model_copy(update={"title": title})
        at = span.end
    if (rest := _part(rich, at, len(rich.text))).text:
        yield rest


def shown(table: Table, fits: Callable[[str], bool]) -> Shown:
    """Return what stands for a table, whose words go below the picture where they fit."""
    pages = table.pages()
    if len(pages) == 1 and fits(table.words):
        return Shown(pages, table.words, "", None, "")
    name = f"{table.file_name}.csv"
    size = f"{table.size_in_words[0].upper()}{table.size_in_words[1:]}"
    first = f"{size}; all of it is in {name}. It begins:\n\n{table.part(0, FIRST_ROWS).words}"
    without_file = (
        f"I could not send you {name}: this chat did not take it. The table, as far as it has room here:\n\n"
        f"{table.words[:LONGEST_REST]}{'…' if len(table.words) > LONGEST_REST else ''}"
    )
    return Shown(pages, f"{size}; all of it is in {name} below.", "" if pages else first, table, without_file)


def _part(rich: RichText, start: int, end: int) -> RichText:
    """Return a stretch of a text without the empty lines around it."""
    text = rich.text[start:end]
    first = start + len(text) - len(text.lstrip("\n"))
    last = start + len(text.rstrip())
    if last <= first:
        return RichText("")
    spans = (span for span in rich.spans if span.kind != "table")
    return RichText(rich.text[first:last], clipped(spans, first, last))


def _title(before: str) -> str:
    """Return the line above a table, if it is a short one."""
    line = before.rstrip().rpartition("\n")[2].strip().rstrip(":")
    return line if len(line) <= LONGEST_TITLE else ""
