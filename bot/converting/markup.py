"""Pages of the web, books and rich text, without their markup."""

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO

from lxml import etree, html
from striprtf.striprtf import rtf_to_text

from bot.converting.results import LONGEST_TEXT, Unreadable
from bot.converting.texts import tidy

_BLOCKS = frozenset(
    {"p", "div", "br", "li", "ul", "ol", "tr", "table", "section", "article", "header", "footer", "blockquote", "pre", "hr"}
    | {f"h{level}" for level in range(1, 7)}
)
_CELLS = frozenset({"td", "th"})
_UNSEEN = frozenset({"script", "style", "head", "noscript", "template", "svg"})
_LINES = re.compile(r"[ \t]*\n[ \t\n]*\n")


def html_text(page: str) -> str:
    """Return the words of a page as it is read, with the addresses of its links."""
    try:
        root = html.document_fromstring(page.encode("utf-8", "replace"), parser=html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    return _LINES.sub("\n\n", tidy("".join(_words(root)))).strip()


def _words(element: html.HtmlElement) -> Iterator[str]:
    """Walk through a page without calling itself: a page may be nested as deep as it likes."""
    for event, one in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        if event in ("comment", "pi"):
            yield _flat(one.tail)
            continue
        tag = one.tag if isinstance(one.tag, str) else ""
        if event == "start":
            if tag in _BLOCKS:
                yield "\n"
            if not _is_unseen(one):
                yield _flat(one.text)
            continue
        address = one.get("href", "") if tag == "a" else ""
        if address.startswith(("http://", "https://")) and address not in (one.text or ""):
            yield f" ({address})"
        yield "\n" if tag in _BLOCKS else "\t" if tag in _CELLS else ""
        parent = one.getparent()
        if parent is None or not _is_unseen(parent):
            yield _flat(one.tail)


def _is_unseen(element: html.HtmlElement) -> bool:
    return element.tag in _UNSEEN or any(above.tag in _UNSEEN for above in element.iterancestors())


def _flat(text: str | None) -> str:
    return re.sub(r"\s+", " ", text) if text else ""


def rtf_text(content: bytes) -> str:
    """Return the words of rich text."""
    return tidy(str(rtf_to_text(content.decode("latin-1"), errors="replace")))  # type: ignore[no-untyped-call] # it has no types


def book_text(content: bytes) -> str:
    """Return the words of a book (EPUB), chapter by chapter. Raises Unreadable."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith((".xhtml", ".html", ".htm"))]
        chapters: list[str] = []
        for name in names:
            chapters.append(html_text(archive.read(name).decode("utf-8", "replace")))
            if sum(map(len, chapters)) > LONGEST_TEXT:
                break
    if not any(chapters):
        raise Unreadable("holds no words that I can read. Please send it as PDF.")
    return "\n\n".join(filter(None, chapters))
