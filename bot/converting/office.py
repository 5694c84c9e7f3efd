"""Documents and slides of Word, PowerPoint and OpenDocument programs, as text in the order in which they are read."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree
from pptx import Presentation

from bot.converting.texts import tidy

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
DEEPEST = 20  # tables inside tables, groups inside groups


def docx_text(content: bytes) -> str:
    """Return the words of a Word document: headings, lists and tables where they stand, then its footnotes and comments."""
    document = Document(BytesIO(content))
    parts = [*_blocks(document, DEEPEST)]
    for part in document.part.package.iter_parts():
        name = str(part.partname)
        if name.endswith(("/footnotes.xml", "/comments.xml")):
            words = _all_words(part.blob)
            if words:
                parts.append(f"[{name.rpartition('/')[2].removesuffix('.xml')}]\n{words}")
    return tidy("\n".join(parts))


def _blocks(holder: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - a document or a cell, of python-docx's own classes
    for block in holder.iter_inner_content():
        if isinstance(block, Paragraph):
            yield _paragraph(block)
        elif isinstance(block, Table) and depth:
            yield ""
            for row in block.rows:
                cells = [" ".join(_blocks(cell, depth - 1)).strip() for cell in row.cells]
                yield " | ".join(" ".join(cell.split()) for cell in cells)
            yield ""


def _paragraph(paragraph: Paragraph) -> str:
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    if style.startswith("Heading") and style[-1].isdigit():
        return f"\n{'#' * int(style[-1])} {paragraph.text}"
    if style == "Title":
        return f"# {paragraph.text}"
    return f"- {paragraph.text}" if style.startswith("List") and paragraph.text else paragraph.text


def _all_words(xml: bytes) -> str:
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
    paragraphs = ("".join(one.itertext()).strip() for one in root)
    return "\n".join(filter(None, paragraphs))


def pptx_text(content: bytes) -> str:
    """Return the words of slides, each with its notes."""
    parts: list[str] = []
    for number, slide in enumerate(Presentation(BytesIO(content)).slides, start=1):
        parts.append(f"\n[slide {number}]")
        parts += _shapes(slide.shapes, DEEPEST)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            notes = slide.notes_slide.notes_text_frame.text.strip()
            parts += [f"(notes: {notes})"] if notes else []
    return tidy("\n".join(parts))


def _shapes(shapes: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - python-pptx's own classes
    for shape in shapes:
        if hasattr(shape, "shapes") and depth:
            yield from _shapes(shape.shapes, depth - 1)
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield shape.text_frame.text
        elif getattr(shape, "has_table", False):
            for row in shape.table.rows:
                yield " | ".join(" ".join(cell.text.split()) for cell in row.cells)


def opendocument_text(content: bytes) -> str:
    """Return the words of an OpenDocument text or presentation."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        xml = archive.read("content.xml")
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
    parts: list[str] = []
    for element in root.iter():
        if element.tag == f"{_DRAW}page":
            parts.append(f"\n[slide {sum(part.startswith(chr(10) + '[slide') for part in parts) + 1}]")
        elif element.tag == f"{_TABLE}table-row":
            parts.append(" | ".join(" ".join("".join(cell.itertext()).split()) for cell in element))
        elif element.tag in (f"{_TEXT}p", f"{_TEXT}h") and not _is_in_a_row(element):
            mark = "\n# " if element.tag == f"{_TEXT}h" else ""
            parts.append(mark + "".join(_spaced(element)))
    return tidy("\n".join(parts))


def _is_in_a_row(element: Any) -> bool:  # noqa: ANN401 - lxml's own class
    return next(element.iterancestors(f"{_TABLE}table-row"), None) is not None


def _spaced(element: Any) -> Iterator[str]:  # noqa: ANN401 - lxml's own class
    for event, one in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            yield {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n", f"{_TEXT}s": " "}.get(one.tag, "")
            yield one.text or ""
        elif one is not element:
            yield one.tail or ""
