"""The inside of a paragraph of Markdown: emphasis, code, links and images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markdown_it.common.normalize_url import normalizeLink
from markdown_it.token import Token

from adapters.chats.rich.text import Kind, RichText, address, plausible
from adapters.chats.rich.writer import Writer

_SPANS: dict[str, Kind] = {"strong": "bold", "em": "italic", "s": "strike", "spoiler": "spoiler"}
_OPENING: dict[str, Kind] = {f"{name}_open": kind for name, kind in _SPANS.items()}
_CLOSING = frozenset(f"{name}_close" for name in _SPANS)

_LOOKED_UP = frozenset({"link_open", "image"})

_IMAGE = "🖼"


def write_inline(writer: Writer, tokens: Sequence[Token], indent: str = "") -> None:
    """Write the tokens of a paragraph, whose further lines begin with `indent`."""
    _Inline(writer, indent).write(tokens)


def read_inline(tokens: Sequence[Token]) -> RichText:
    """Read the tokens of a paragraph into a text of their own."""
    if not tokens:
        return RichText("")  # a short row of a table is filled up with thousands of these
    writer = Writer()
    write_inline(writer, tokens)
    return writer.finish()


def labels(tokens: Sequence[Token]) -> set[str]:
    """Collect the labels by which links and images were looked up."""
    found = {str(token.meta["label"]) for token in tokens if token.type in _LOOKED_UP and "label" in token.meta}
    return found.union(*(labels(token.children) for token in tokens if token.children))


@dataclass(frozen=True, slots=True)
class _Link:
    url: str
    kept: bool
    numbered: bool
    mark: int


class _Inline:
    """Writes the tokens of one paragraph."""

    def __init__(self, writer: Writer, indent: str) -> None:
        self._writer = writer
        self._indent = indent
        self._links: list[_Link] = []

    def write(self, tokens: Sequence[Token]) -> None:
        """Write tokens in their order; one of an unknown kind shows what it holds."""
        for index, token in enumerate(tokens):
            if token.type == "text":
                self._writer.write(token.content)
            elif kind := _OPENING.get(token.type):
                self._writer.open(kind)
            elif token.type in _CLOSING:
                self._writer.close()
            elif token.type == "link_open":
                self._open_link(token, numbered=_is_number(tokens[index + 1 : index + 3]))
            else:
                self._ACTIONS.get(token.type, _Inline._unknown)(self, token)

    def _open_link(self, token: Token, *, numbered: bool) -> None:
        url = str(token.attrs.get("href", ""))
        target = normalizeLink(url)
        kept = plausible(target)
        mark = self._writer.mark()
        if kept:
            self._writer.open("link", target)
        self._links.append(_Link(url, kept, numbered, mark))
        if numbered:
            self._writer.write("[")

    def _close_link(self, _: Token) -> None:
        link = self._links.pop()
        shown = self._writer.since(link.mark)
        if link.numbered:
            self._writer.write("]")
        if not shown.strip():
            self._writer.write(address(link.url))
        if link.kept:
            self._writer.close()
        elif shown.strip() not in {"", link.url, address(link.url)}:
            self._writer.write(f" ({_short(link.url)})" if link.url else "")

    def _image(self, token: Token) -> None:
        url = str(token.attrs.get("src", ""))
        target = normalizeLink(url)
        alt = _alt(token.children or []).strip()
        writer = self._writer
        writer.write(f"{_IMAGE} " if alt or url else _IMAGE)
        if plausible(target) and not writer.within("link"):
            writer.open("link", target)
            writer.write(alt or address(url))
            writer.close()
        elif not alt or writer.within("link"):
            writer.write(alt or _short(url))
        else:
            writer.write(f"{alt} ({_short(url)})" if url else alt)

    def _code(self, token: Token) -> None:
        self._writer.code(token.content)

    def _line_break(self, _: Token) -> None:
        self._writer.write("\n" + self._indent)

    def _unknown(self, token: Token) -> None:
        self._writer.write(token.content)

    _ACTIONS: ClassVar[dict[str, Callable[["_Inline", Token], None]]] = {
        "code_inline": _code,
        "formula": _code,
        "softbreak": _line_break,
        "hardbreak": _line_break,
        "link_close": _close_link,
        "image": _image,
    }


def _is_number(tokens: Sequence[Token]) -> bool:
    """Tell whether a link is the number of a source, which reads badly without its brackets."""
    return [token.type for token in tokens] == ["text", "link_close"] and tokens[0].content.isdigit()


def _short(url: str) -> str:
    """Show where a URL leads; a picture that is its own URL leads nowhere."""
    return f"{url.partition(',')[0]},…" if url.lower().startswith("data:") else url


def _alt(tokens: Sequence[Token]) -> str:
    return "".join(
        " " if token.type in {"softbreak", "hardbreak"} else _alt(token.children) if token.children else token.content
        for token in tokens
    )
