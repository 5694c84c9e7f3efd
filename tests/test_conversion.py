"""Conversion: every kind of file becomes what a model reads, or a sentence; none ends more than its own process."""

import asyncio
import io

import olefile
import pytest
from PIL import Image as Pictures

from bot.conversion import Reading, convert
from bot.converting import kinds
from bot.converting.pictures import LONGEST_SIDE
from bot.converting.results import Task
from tests.sample_files import (
    INVOICE,
    ORDER,
    letter,
    mail,
    noise,
    open_document,
    pdf,
    picture,
    scan,
    sheet,
    slides,
    zipped,
)

PAGE = b'<!DOCTYPE html><script>x()</script><p>Hi <a href="http://x.y/z">you</a><table><td>1<td>2</table>'


def reads(content: bytes, name: str = "file", **more: object) -> Reading:
    """Convert a file in a process of its own."""
    return asyncio.run(convert(content, Task.model_validate({"name": name, "media_type": "", **more})))


def says(content: bytes, name: str = "file") -> str:
    """Return what is said of a file that cannot be read."""
    reading = reads(content, name)
    assert (reading.pictures, reading.text) == ((), "")
    return reading.converted.sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (letter("Dear Ada, hello."), ["# The letter", "Dear Ada, hello.", "rent | 940"]),
        (sheet(), ["[sheet “Costs”]", "thing 0\t0.5", "thing 1\t1.5"]),
        (slides(), ["[slide 1]", "Our plan", "(notes: Speak slowly)"]),
        (mail(), ["From: Mallory <m@example.org>", "Subject: The prize", "Attached: prize.pdf (1,000 bytes)", ORDER]),
        (open_document(), ["# The letter", "Dear Ada,\thello."]),
        (open_document("presentation"), ["# The letter"]),
        (rb"{\rtf1\ansi Hello \b bold\b0\par W\'f6rld}", ["Hello bold", "Wörld"]),
        ("Grüße aus Köln, schöne Bäume überall und viele Häuser".encode("latin-1"), ["Grüße aus Köln"]),
        ("Grüße".encode("utf-16"), ["Grüße"]),
        (b"def f(x):\r\n    return x  \r\n", ["def f(x):\n    return x"]),
        (
            b'<!DOCTYPE html><script>x()</script><p>Hi <a href="http://x.y/z">you</a><table><td>1<td>2</table>',
            ["you (http://x.y/z)"],
        ),
        (
            zipped({"mimetype": "application/epub+zip", "one.xhtml": "<html><body><p>Once upon a time</p></body></html>"}),
            ["Once upon"],
        ),
    ],
    ids=["docx", "xlsx", "pptx", "eml", "odt", "odp", "rtf", "latin-1", "utf-16", "code", "html", "epub"],
)
def test_words_of_every_kind(content: bytes, words: list[str]) -> None:
    """What a person reads in a file, a model reads too; what kind it is, is told by its content."""
    reading = reads(content, "wrong.jpg")
    assert reading.converted.sentence == ""
    assert [word for word in words if word not in reading.text] == []


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "HEIF", "AVIF"])
def test_pictures_of_every_kind(form: str) -> None:
    """A picture becomes a PNG or JPEG of the same look."""
    ((told, content),) = reads(picture(form, (64, 48), "blue")).pictures
    with Pictures.open(io.BytesIO(content)) as shown:
        assert (shown.size, told.width, told.media_type) == ((64, 48), 64, "image/png")
        red, green, blue = shown.convert("RGB").getpixel((30, 20))  # type: ignore[misc] # three bands
        assert blue > 240
        assert max(red, green) < 15


def test_a_photograph_is_made_small_and_forgets_where_it_was_taken() -> None:
    """Size, side and metadata: what a model sees best, upright, and nothing about the camera or the place."""
    exif = Pictures.Exif()
    exif[0x0112] = 6  # it lies on its side
    exif[0x010F] = "Camera of Ada"
    ((told, content),) = reads(picture("JPEG", (2400, 1800), exif=exif)).pictures
    assert (told.width, told.height) == (1176, LONGEST_SIDE)
    assert b"Camera" not in content
    ((told, content),) = reads(noise((1800, 1200))).pictures
    assert (told.media_type, told.width) == ("image/jpeg", LONGEST_SIDE)
    assert len(content) < 2**20


def test_a_long_screenshot_is_cut() -> None:
    """A slim picture stays readable: it becomes several."""
    pictures = reads(picture("PNG", (1080, 9000))).pictures
    assert [(told.width, told.height) for told, _ in pictures] == [(941, LONGEST_SIDE)] * 5


def test_several_pictures_in_one() -> None:
    """Of an animation the first picture is shown, and it is said that there are more."""
    buffer = io.BytesIO()
    first, second = Pictures.new("RGB", (9, 9), "red"), Pictures.new("RGB", (9, 9), "blue")
    first.save(buffer, "GIF", save_all=True, append_images=[second])
    reading = reads(buffer.getvalue())
    assert "It has 2 pictures" in reading.converted.note
    assert len(reading.pictures) == 1


def test_pdf() -> None:
    """A short PDF is shown whole, of a long one the words are read, a scan is seen, and pages are drawn when asked for."""
    short = reads(pdf(INVOICE, "The second page, with quite a few words on it"))
    assert (short.converted.is_document, short.converted.pages) == (True, 2)
    assert short.text.startswith(f"[page 1]\n{INVOICE}\n\n[page 2]\n")
    long = reads(pdf(*[f"{INVOICE} {number}" for number in range(21)]))
    assert (long.converted.is_document, long.converted.pages) == (False, 21)
    assert "[page 21]" in long.text
    assert long.converted.note == "It has 21 pages; these are its words, without its pictures."
    seen = reads(scan(9))
    assert (len(seen.pictures), seen.text) == (8, "")
    assert seen.converted.note == "It is a scan of 9 pages, of which the first 8 are shown."
    drawn = reads(scan(3), pages=(3, 99))
    assert len(drawn.pictures) == 1


def locked_office() -> bytes:
    """Return the beginning of what Office makes of a file with a password, as far as anybody looks at it."""
    # A compound file of one sector of directory: a root, and the stream EncryptedPackage.
    header = bytearray(512)
    header[:8] = olefile.MAGIC
    header[24:32] = b"\x3e\x00\x03\x00\xfe\xff\x09\x00"
    header[32:34] = b"\x06\x00"
    for at, number in ((44, 1), (48, 1), (56, 4096), (60, 0xFFFFFFFE), (68, 0xFFFFFFFE), (76, 0)):
        header[at : at + 4] = number.to_bytes(4, "little")
    header[80:512] = b"\xff" * 432
    fat = bytearray(b"\xff" * 512)
    fat[0:8] = (0xFFFFFFFD).to_bytes(4, "little") + (0xFFFFFFFE).to_bytes(4, "little")

    def entry(name: str, kind: int, child: int) -> bytes:
        coded = name.encode("utf-16-le") + b"\x00\x00"
        made = bytearray(128)
        made[: len(coded)], made[64:66] = coded, len(coded).to_bytes(2, "little")
        made[66], made[67] = kind, 1
        made[68:76] = b"\xff" * 8
        made[76:80] = child.to_bytes(4, "little", signed=True)
        made[116:120] = (0xFFFFFFFE).to_bytes(4, "little")
        return bytes(made)

    return bytes(header + fat) + entry("Root Entry", 5, 1) + entry("EncryptedPackage", 2, -1) + bytes(256)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7 no more than this", "is damaged: I cannot open it as a PDF."),
        (pdf()[:-2000], ""),
        (picture("JPEG", (500, 500))[:300], "is damaged, or was not sent whole."),
        (letter()[:2000], "is damaged, or was not sent whole."),
        (zipped({"a.txt": "x"}), "is an archive. Please unpack it"),
        (locked_office(), kinds.PASSWORD),
        (b"MZ\x00\x00" + bytes(2000), "is a program"),
        (b"OggS" + bytes(50), "is a sound file"),
        (b"\x00\x00\x00\x20ftypisom" + bytes(50), "is a video"),
        (bytes(range(256)) * 20, "is of a kind that I do not know."),
        (b"   \n ", "holds no words that I can read."),
        (zipped({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<broken"}), ""),
    ],
    ids=["pdf", "cut pdf", "jpeg", "docx", "zip", "password", "program", "sound", "video", "bytes", "blank", "xlsx"],
)
def test_what_cannot_be_read_is_said(content: bytes, words: str) -> None:
    """Each ends in a sentence that says what to do instead; what a library can still read of it is read."""
    reading = reads(content)
    assert reading.converted.sentence.startswith(words)
    assert reading.converted.sentence or reading.text
