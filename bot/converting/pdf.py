"""PDF: its words page by page, and its pages as pictures where they hold none."""

from collections.abc import Iterator, Sequence

import pypdfium2 as pdfium
from PIL import Image

from bot.converting import pictures
from bot.converting.kinds import PASSWORD
from bot.converting.results import LONGEST_TEXT, Converted, Unreadable
from bot.converting.texts import keep, tidy

MOST_PAGES = 1_000  # of which words are read
SHOWN_WHOLE = 20  # pages: of a longer one a model reads the words
LARGEST_WHOLE = 10 * 2**20  # bytes
MOST_PICTURES = 8  # pages of a scan
FEW_WORDS = 25  # characters to a page: it is a scan
SCALE = 150 / 72  # dots to an inch, of which a page has 72
_ENCRYPTED = 4


def read_pdf(content: bytes, wanted: Sequence[int]) -> Converted:
    """Read a PDF, or show the pages that are wanted. Raises Unreadable."""
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower() or getattr(error, "err_code", None) == _ENCRYPTED:
            raise Unreadable(PASSWORD) from error
        raise Unreadable("is damaged: I cannot open it as a PDF. Please save or print it as a PDF again.") from error
    count = len(document)
    if not count:
        raise Unreadable("has no pages.")
    if wanted:
        chosen = [number for number in wanted if 0 < number <= count]
        return Converted(pages=count, pictures=pictures.write([_picture(document, number) for number in chosen]))
    texts = list(_texts(document, min(count, MOST_PAGES)))
    said = sum(map(len, texts))
    if said < FEW_WORDS * len(texts):
        shown = [_picture(document, number) for number in range(1, min(count, MOST_PICTURES) + 1)]
        note = f"It is a scan of {count} pages, of which the first {MOST_PICTURES} are shown." if count > MOST_PICTURES else ""
        return Converted(media_type="application/pdf", pages=count, pictures=pictures.write(shown), note=note)
    text = "\n\n".join(f"[page {number}]\n{text}" for number, text in enumerate(texts, start=1))
    is_whole = count <= SHOWN_WHOLE and len(content) <= LARGEST_WHOLE
    note = "" if is_whole else f"It has {count} pages; these are its words, without its pictures."
    return Converted(
        media_type="application/pdf",
        pages=count,
        is_document=is_whole,
        has_text=True,
        note=" ".join((note, keep(text))).strip(),
    )


def _texts(document: pdfium.PdfDocument, count: int) -> Iterator[str]:
    length = 0
    for number in range(count):
        page = document[number]
        text = tidy(page.get_textpage().get_text_bounded())
        page.close()
        length += len(text)
        yield text
        if length > LONGEST_TEXT:
            return


def _picture(document: pdfium.PdfDocument, number: int) -> Image.Image:
    """Draw a page, in no more pixels than a model looks at, however large it says that it is."""
    page = document[number - 1]
    longest = max(page.get_width(), page.get_height(), 1.0)
    drawn: Image.Image = page.render(scale=min(SCALE, pictures.LONGEST_SIDE / longest)).to_pil().convert("RGB")
    page.close()
    return drawn
