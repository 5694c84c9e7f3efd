"""Markdown as language models write it, read into a rich text."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from adapters.chats.rich.inline import labels, read_inline, write_inline
from adapters.chats.rich.rules import build_parser
from adapters.chats.rich.tables import write_table
from adapters.chats.rich.text import RichText, clean
from adapters.chats.rich.writer import Writer

_PARSER = build_parser()

# Parsing is linear, but takes up to 20 µs for each of these and for each line; an answer has a few hundred.
_MARKERS = "[*_~`>|!<$\\"
_MOST_MARKERS = 30_000
_MOST_LINES = 10_000

_BULLETS = "•◦▪▫"
_BREAK = "———"
_LANGUAGE = re.compile(r"\{?\.?([\w+#.-]{1,40})")


def parse(markdown: str, widest: int | None = None) -> RichText:
    """Read Markdown, whole or still arriving, into a rich text; tables wider than `widest` are marked, to be shown apart."""
    source = clean(markdown)
    if source.count("\n") > _MOST_LINES or sum(map(source.count, _MARKERS)) > _MOST_MARKERS:
        return RichText(source.strip())
    writer = Writer()
    _Blocks(writer, _PARSER.parse(source), widest).write()
    return writer.finish()


@dataclass(slots=True)
class _List:
    indent: str = ""  # of the further lines of the item at hand
    written: int = -1  # its number in the source
    shown: int = -1  # and the number that it was given here

    def number(self, written: int) -> int:
        """Number an item as the source does, unless the source repeats itself and leaves the counting to us."""
        self.shown = self.shown + 1 if written == self.written else written
        self.written = written
        return self.shown


class _Blocks:
    """Writes the blocks of one document."""

    def __init__(self, writer: Writer, tokens: Sequence[Token], widest: int | None) -> None:
        self._writer = writer
        self._widest = widest
        self._tokens = tokens
        self._at = 0
        self._lists: list[_List] = []
        self._quotes = 0
        self._ended = -1  # the line of the source after the last paragraph
        self._labels: set[str] | None = None
        self._defined = -1  # the token after the last definition that was shown

    def write(self) -> None:
        """Write everything."""
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            action = self._ACTIONS.get(token.type)
            if action:
                action(self, token)

    @property
    def _indent(self) -> str:
        return self._lists[-1].indent if self._lists else ""

    def _begin(self, newlines: int) -> None:
        """Begin a block of text, on the line of its list marker if that still waits."""
        self._writer.gap(newlines)
        if not self._writer.led:
            self._writer.lead(self._indent)

    def _paragraph(self, token: Token) -> None:
        self._begin(1 if token.hidden else 2)
        self._ended = token.map[1] if token.map else -1

    def _inline(self, token: Token) -> None:
        write_inline(self._writer, token.children or [], self._indent)

    def _heading(self, _: Token) -> None:
        self._begin(2)
        self._writer.open("bold")

    def _heading_end(self, _: Token) -> None:
        self._writer.close()
        self._writer.gap(2)

    def _quote(self, _: Token) -> None:
        self._writer.gap(1 if self._lists else 2)
        self._quotes += 1
        if self._quotes == 1:
            self._writer.open("quote")

    def _quote_end(self, _: Token) -> None:
        self._quotes -= 1
        if not self._quotes:
            self._writer.close()

    def _list(self, token: Token) -> None:
        below = token.map is not None and token.map[0] == self._ended
        self._writer.gap(1 if below or self._writer.led else 2)
        self._writer.flush()
        self._lists.append(_List())

    def _list_end(self, _: Token) -> None:
        self._lists.pop()

    def _item(self, token: Token) -> None:
        first = self._tokens[self._at]
        self._writer.gap(2 if first.type == "paragraph_open" and not first.hidden else 1)
        margin = "  " * (len(self._lists) - 1)
        marker = f"{self._lists[-1].number(int(token.info))}{token.markup} " if token.info else ""
        if "checked" in token.meta:
            marker += "☑ " if token.meta["checked"] else "☐ "
        marker = marker or f"{_BULLETS[(len(self._lists) - 1) % len(_BULLETS)]} "
        self._lists[-1].indent = margin + " " * len(marker)
        self._writer.lead(margin + marker)

    def _item_end(self, _: Token) -> None:
        self._writer.flush()

    def _block(self, token: Token) -> None:
        lines = token.content.rstrip().split("\n")
        while lines and not lines[0].strip():
            del lines[0]
        if lines:
            language = _LANGUAGE.match("latex" if token.type == "formula_block" else token.info.strip())
            self._writer.gap(1 if self._lists else 2)
            self._writer.pre("\n".join(lines), language[1] if language else "")

    def _rule(self, _: Token) -> None:
        self._begin(2)
        self._writer.write(_BREAK)

    def _table(self, _: Token) -> None:
        rows: list[list[RichText]] = []
        aligns: list[str] = []
        while (token := self._tokens[self._at]).type != "table_close":
            self._at += 1
            match token.type:
                case "tr_open":
                    rows.append([])
                case "th_open":
                    aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
                case "inline":
                    rows[-1].append(read_inline(token.children or []))
        self._begin(1 if self._lists else 2)
        write_table(self._writer, rows, aligns, self._widest)

    def _definition(self, token: Token) -> None:
        """Show the address of a link that nothing leads to: a list of sources, perhaps."""
        if self._labels is None:
            self._labels = {normalizeReference(label) for label in labels(self._tokens)}
        if token.meta["id"] not in self._labels:
            title = f' "{token.meta["title"]}"' if token.meta["title"] else ""
            self._begin(1 if self._defined == self._at - 1 else 2)
            self._defined = self._at
            self._writer.write(f"[{token.meta['label']}]: {token.meta['url']}{title}")

    _ACTIONS: ClassVar[dict[str, Callable[["_Blocks", Token], None]]] = {
        "paragraph_open": _paragraph,
        "inline": _inline,
        "heading_open": _heading,
        "heading_close": _heading_end,
        "blockquote_open": _quote,
        "blockquote_close": _quote_end,
        "bullet_list_open": _list,
        "ordered_list_open": _list,
        "bullet_list_close": _list_end,
        "ordered_list_close": _list_end,
        "list_item_open": _item,
        "list_item_close": _item_end,
        "fence": _block,
        "code_block": _block,
        "formula_block": _block,
        "hr": _rule,
        "table_open": _table,
        "definition": _definition,
    }
