"""The tools by which a butler looks again into files that somebody sent."""

import asyncio
from typing import Annotated

from pydantic import Field

from bot import blobs, files
from bot.attachments import NOUNS
from bot.conversion import convert
from bot.converting.results import Task
from bot.files import File
from bot.messages import FileKind
from bot.ports import Image
from bot.showing import CONTENT_ONLY, fenced
from bot.store.database import Database
from bot.tools import Context, Effect, Foreign, Shown, ToolError, tool

LONGEST = 5_000  # characters that are given at once
AROUND, MOST_PLACES = 500, 8  # characters before and after words that were found, and how many places
MOST_PAGES = 8
MOST_LISTED = 30
Page = Annotated[int, Field(ge=1, le=10_000)]


class Received:
    """Files that were sent where the call's person may see them, in the house's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @tool(Effect.READ, rare=True, doing="reading a file")
    def read_file(self, context: Context, file: int, start: Annotated[int, Field(ge=0)] = 0, words: str = "") -> str:
        """Read on in a file that was sent, from a character on; or the places where words stand."""
        found = self._get(context, file)
        with self._database.read() as tx:
            content = blobs.find(tx, found.text) if found.text else None
        if content is None:
            raise ToolError(f"File {file} holds no words. open_file shows it, where there is something to see.")
        text = content.decode()
        if words.strip():
            return Foreign(_places(text, words.strip()))
        part = text[start : start + LONGEST]
        if not part:
            raise ToolError(f"File {file} has {len(text):,} characters.")
        end = start + len(part)
        rest = f"\n[{len(text) - end:,} characters follow; go on with start={end}]" if end < len(text) else ""
        return Foreign(f"{CONTENT_ONLY}\n{fenced(part)}{rest}")

    @tool(Effect.READ, rare=True, doing="opening a file")
    def open_file(self, context: Context, file: int, pages: tuple[Page, ...] = ()) -> str:
        """Look at a picture that was sent, or at pages of a PDF, again."""
        found = self._get(context, file)
        shown = found.shown
        if pages or (found.pages and not any(isinstance(block, Image) for block in shown)):
            shown = self._drawn(found, pages or (1, 2, 3))
        if not shown:
            raise ToolError(f"There is nothing to see in file {file}. read_file gives its words.")
        of = f", pages {', '.join(map(str, pages))}" if pages else ""
        return Shown(f"File {file}{of} follows. {CONTENT_ONLY}", shown)

    @tool(Effect.READ, rare=True)
    def list_files(self, context: Context) -> str:
        """List the files that were sent here lately, with their numbers."""
        with self._database.read() as tx:
            found = files.lately(tx, context.turn_id, context.person_id, MOST_LISTED)
        if not found:
            return "No files were sent here."
        return Foreign("\n".join(_line(file, context) for file in found))

    def _get(self, context: Context, number: int) -> File:
        with self._database.read() as tx:
            found = files.visible(tx, context.turn_id, context.person_id, number)
        if found is None:
            raise ToolError(f"There is no file {number} here. list_files tells which there are.")
        if found.state != "kept":
            raise ToolError(f"File {number} {found.error or 'is no longer kept.'}")
        return found

    def _drawn(self, file: File, pages: tuple[int, ...]) -> tuple[Image, ...]:
        """Draw pages of a PDF, in a process of its own, and keep them with it. Raises ToolError."""
        if file.media_type != "application/pdf" or file.sha256 is None:
            raise ToolError(f"File {file.id} has no pages.")
        with self._database.read() as tx:
            content = blobs.find(tx, file.sha256)
        if content is None:
            raise ToolError(f"File {file.id} is no longer kept.")
        task = Task(name=file.name, media_type=file.media_type, pages=tuple(dict.fromkeys(pages))[:MOST_PAGES])
        reading = asyncio.run(convert(content, task))
        if reading.converted.sentence:
            raise ToolError(f"File {file.id} {reading.converted.sentence}")
        if not reading.pictures:
            raise ToolError(f"File {file.id} has {file.pages} pages.")
        with self._database.write() as tx:
            return files.add_pictures(tx, file, reading.pictures)


def _places(text: str, words: str) -> str:
    """Return the places in a text where words stand, each with what is around it."""
    low, sought = text.lower(), words.lower()
    at, end, told = low.find(sought), -1, list[str]()
    while at >= 0 and len(told) < MOST_PLACES:
        if at > end:
            end = at + len(sought) + AROUND
            begin = max(0, at - AROUND)
            told.append(f"[from character {begin:,}]\n{fenced(text[begin:end])}")
        at = low.find(sought, at + len(sought))
    if not told:
        return f"“{words}” does not stand in it. Try fewer words, or another form of them."
    more = "\n[there are more places]" if at >= 0 else ""
    return f"{CONTENT_ONLY}\n" + "\n".join(told) + more


def _line(file: File, context: Context) -> str:
    name = f" “{file.name}”" if file.name else ""
    state = "" if file.state == "kept" else " (cannot be opened)"
    at = file.at.astimezone(context.zone)
    return f"{file.id}: {NOUNS[FileKind(file.kind)]}{name}, {file.size:,} bytes, {at:%Y-%m-%d %H:%M}{state}"
