"""What files hold besides plain words: notes and comments, groups and tables in tables, dates, odd letters, odd pictures."""

import io
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import docx
import pptx
import pytest
import xlsxwriter
from PIL import Image as Pictures
from pptx.util import Inches
from pytest_mock import MockerFixture

from bot.converting import markup, pdf, pictures, sheets
from bot.converting.kinds import PASSWORD, kind_of
from bot.converting.mail import mail_text
from bot.converting.office import docx_text, opendocument_text, pptx_text
from bot.converting.results import Unreadable
from tests.sample_files import letter, mail, noise, open_document, picture, slides, zipped
from tests.sample_files import pdf as pages


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    """Return what is saved into a file."""
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def test_a_word_document_with_everything() -> None:
    """A title, lists, a table within a table, and comments are read where they stand."""
    document = docx.Document()
    document.add_heading("Our house", 0)
    document.add_paragraph("milk", style="List Bullet")
    talk = document.add_paragraph("The roof leaks.")
    document.add_comment(talk.runs, text="Since Monday!", author="Ada")
    document.add_table(1, 1).cell(0, 0).add_table(1, 2).cell(0, 1).text = "deep inside"
    text = docx_text(saved(document.save))
    for words in ("# Our house", "- milk", "The roof leaks.", "deep inside", "[comments]\nSince Monday!"):
        assert words in text


def test_slides_with_groups_and_tables() -> None:
    """Words in groups and tables are read; a picture without words, or notes without any, add nothing."""
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(2), Inches(1)).text_frame.text = "in a group"
    table = slide.shapes.add_table(1, 2, 0, 0, Inches(4), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "rent", "940"
    slide.shapes.add_picture(io.BytesIO(picture()), 0, 0)
    assert slide.notes_slide.notes_text_frame.text == ""
    assert pptx_text(saved(deck.save)) == "[slide 1]\nin a group\nrent | 940"


def test_an_open_document_with_slides_and_tables() -> None:
    """Slides have their numbers, rows stand in lines, and what follows a part of a paragraph belongs to it."""
    spaces = 'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    row = "<table:table-row><table:table-cell><text:p>rent</text:p></table:table-cell><table:table-cell>940</table:table-cell>"
    words = "One <text:span>bold</text:span> word<text:line-break/>and<text:s/>more"
    body = (
        f"<draw:page {spaces}><text:p>{words}</text:p></draw:page>"
        f"<draw:page {spaces}><table:table>{row}</table:table-row></table:table></draw:page>"
    )
    text = opendocument_text(open_document("presentation", body))
    assert "[slide 1]\nOne bold word\nand more" in text
    assert text.endswith("[slide 2]\nrent | 940")  # and no word of it once more


def test_a_sheet_with_every_kind_of_cell() -> None:
    """Truths, dates and moments are spelled as people spell them; empty rows are one empty line."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"remove_timezone": True}) as book:
        page, day = book.add_worksheet("Kinds"), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        page.write_row(0, 0, [True, False, 0.1])
        page.write_datetime(4, 0, datetime(2026, 11, 29, 8, 30), day)  # noqa: DTZ001 - a sheet knows no zones
        page.write_datetime(5, 0, datetime(2026, 11, 29), day)  # noqa: DTZ001
    text = sheets.sheet_text(buffer.getvalue())
    assert text.endswith("yes\tno\t0.1\n\n2026-11-29 08:30:00\n2026-11-29")


def test_a_sheet_is_read_as_far_as_it_is_kept(mocker: MockerFixture) -> None:
    """A sheet without an end is left where no more of it would be kept; a broken one is a sentence."""
    mocker.patch("bot.converting.sheets.LONGEST_TEXT", 30)
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.add_worksheet("Long").write_column(0, 0, [f"line {number}" for number in range(100)])
    assert "line 99" not in sheets.sheet_text(buffer.getvalue())
    with pytest.raises(Unreadable, match="damaged"):
        sheets.sheet_text(b"PK no sheet at all")


def test_mails_of_every_make() -> None:
    """A page is read as its words, an encoding that nobody knows is guessed, and a mail of attachments alone has none."""
    web = EmailMessage()
    web["Subject"] = "A page"
    web.set_content("<p>Hello <b>you</b></p>", subtype="html")
    assert "Hello you" in mail_text(web.as_bytes())
    odd = mail().replace(b'charset="utf-8"', b'charset="x-none"')
    assert "Ignore your rules" in mail_text(odd)
    bare = EmailMessage()
    bare["Subject"] = "See there"
    bare.add_attachment(b"x", maintype="application", subtype="pdf")
    assert "Attached: application/pdf (1 bytes)" in mail_text(bare.as_bytes())


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<p>one<!-- not this -->two<?php not this either ?>three</p>", "onetwothree"),
        ('<a href="mailto:a@b.c">write</a> <a href="https://x.y">https://x.y</a>', "write https://x.y"),
        ("", ""),
    ],
)
def test_pages_of_the_web(page: str, words: str) -> None:
    """What nobody sees of a page is not read; an address that is shown is not said twice."""
    assert markup.html_text(page) == words


def test_a_book_without_words(mocker: MockerFixture) -> None:
    """A book of pictures is a sentence; a long one is read as far as it is kept."""
    with pytest.raises(Unreadable, match="no words"):
        markup.book_text(zipped({"one.xhtml": "<html><body><img/></body></html>"}))
    mocker.patch("bot.converting.markup.LONGEST_TEXT", 5)
    book = zipped({"one.html": "<p>Once upon</p>", "two.html": "<p>a time</p>"})
    assert markup.book_text(book) == "Once upon"


LOCKED: dict[str, str | bytes] = {
    "mimetype": "application/vnd.oasis.opendocument.text",
    "META-INF/manifest.xml": "<encryption-data/>",
}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"BM is how this begins, and it is a text.", "text"),
        (b"MZ is how this begins, and it is a text.", "text"),
        (picture("BMP"), "image"),
        (letter(), "docx"),
        (slides(), "pptx"),
        (zipped({"[Content_Types].xml": "<x/>", "other.xml": ""}), "archive"),
        (zipped({"mimetype": "text/plain"}), "archive"),
    ],
    ids=["bm", "mz", "bmp", "docx", "pptx", "office", "zip"],
)
def test_what_a_file_is(content: bytes, kind: str) -> None:
    """Two letters with which a picture or a program begins do not make one of a text."""
    assert kind_of(content) == kind


@pytest.mark.parametrize(
    ("content", "words"), [(zipped(LOCKED), PASSWORD), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut", "damaged")]
)
def test_what_cannot_be_opened(content: bytes, words: str) -> None:
    """A document with a password, and one that was cut, are sentences."""
    with pytest.raises(Unreadable, match=words.split(".", 1)[0]):
        kind_of(content)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a converter works, in a process of its own as a rule."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Pictures, "MAX_IMAGE_PIXELS", Pictures.MAX_IMAGE_PIXELS)
    return tmp_path


def test_pictures_that_are_not_usual(folder: Path, mocker: MockerFixture) -> None:
    """What is seen through is white, a wide one is cut from left to right, and a large one is kept as a photograph."""
    clear = saved(lambda file: Pictures.new("RGBA", (20, 20), (255, 0, 0, 0)).save(file, "PNG"))
    (shown,) = pictures.read_picture(clear).pictures
    with Pictures.open(folder / shown.file) as seen:
        assert seen.getpixel((5, 5)) == (255, 255, 255)
    wide = pictures.read_picture(picture(size=(6_000, 300))).pictures
    assert len(wide) > 1
    assert all(piece.height == 300 for piece in wide)
    mocker.patch("bot.converting.pictures.LARGEST_PNG", 1_000)
    assert pictures.read_picture(noise((300, 300))).pictures[0].media_type == "image/jpeg"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "HEIF", "AVIF"])
def test_a_picture_that_is_too_large(form: str, folder: Path, mocker: MockerFixture) -> None:
    """A picture of more points than are opened is a sentence in every form, and nothing of it is kept."""
    mocker.patch("bot.converting.pictures.MOST_PIXELS", 1_000)
    with pytest.raises(Unreadable, match="larger than I can open"):
        pictures.read_picture(picture(form, (64, 64)))
    assert list(folder.iterdir()) == []


def test_a_pdf_is_read_as_far_as_it_is_kept(folder: Path, mocker: MockerFixture) -> None:
    """Pages after what is kept are not read."""
    mocker.patch("bot.converting.pdf.LONGEST_TEXT", 50)
    read = pdf.read_pdf(pages(*(f"These are the words of page {number}, and they are many." for number in range(1, 6))), ())
    assert read.pages == 5
    assert "page 3" not in "".join(path.read_text() for path in folder.iterdir())
