"""Kinds of files, told by their first bytes and by what is inside, never by their names alone."""

import re
import zipfile
from io import BytesIO

import olefile

from bot.converting.results import Unreadable

HEAD = 1024  # bytes in which a kind shows
MOST_PARTS, LARGEST_INSIDE = 10_000, 300 * 2**20
PASSWORD = "is protected with a password. Please send it without one."  # noqa: S105 - a sentence
_OFFICE = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}
_OPEN_DOCUMENT = {"text": "odt", "spreadsheet": "ods", "presentation": "odp"}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "bmp"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"{\\rtf", "rtf"),
    (b"OggS", "sound"),
    (b"ID3", "sound"),
    (b"fLaC", "sound"),
    (b"\xff\xfb", "sound"),
    (b"\x1a\x45\xdf\xa3", "video"),
    (b"\x1f\x8b", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"SQLite format 3\x00", "database"),
)
_RIFF = {b"WEBP": "image", b"WAVE": "sound", b"AVI ": "video"}
_STILL = re.compile(rb"heic|heix|heim|heis|mif1|msf1|avif")
_SOUND = re.compile(rb"M4A |M4B |F4A ")
_MAIL = re.compile(
    r"(?:(?:Received|Return-Path|Delivered-To|From|To|Date|Subject|Message-ID|MIME-Version|Content-Type|X-[\w-]+):[^\n]*\r?\n"
    r"(?:[ \t][^\n]*\r?\n)*){3}",
    re.IGNORECASE,
)
_HTML = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def kind_of(content: bytes) -> str:
    """Return what a file is; `text` for what may be one, which only reading it tells. Raises Unreadable."""
    if content.startswith(b"PK\x03\x04"):
        return _zipped(content)
    if content.startswith(olefile.MAGIC):
        return _compound(content)
    return _by_beginning(content)


def _by_beginning(content: bytes) -> str:
    if b"%PDF-" in content[:HEAD]:
        return "pdf"
    if content[:4] == b"RIFF" and content[8:12] in _RIFF:
        return _RIFF[content[8:12]]
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        return "image" if _STILL.match(brand) else "sound" if _SOUND.match(brand) else "video"
    found = next((kind for magic, kind in _MAGIC if content.startswith(magic)), "text")
    if found == "bmp":  # two letters with which a text may begin as well
        return "image" if content[6:10] == b"\x00\x00\x00\x00" else "text"
    if found == "program" and content[:2] == b"MZ" and b"\x00" not in content[:HEAD]:
        return "text"
    return found


def is_mail(text: str) -> bool:
    """Tell whether a text begins as a mail does."""
    return _MAIL.match(text) is not None


def is_html(text: str) -> bool:
    """Tell whether a text begins as a page of the web does."""
    return _HTML.match(text) is not None


def _zipped(content: bytes) -> str:
    """Return what a ZIP file is, after a look at how much is in it. Raises Unreadable."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_INSIDE:
                raise Unreadable("is far larger inside than it looks, so I did not open it. Please send the part that matters.")
            names = [part.filename for part in parts]
            if "mimetype" in names:
                declared = archive.read("mimetype")[:HEAD].decode(errors="replace").strip()
                if declared == "application/epub+zip":
                    return "epub"
                if "opendocument." in declared:
                    if "encryption-data" in archive.read("META-INF/manifest.xml").decode(errors="replace"):
                        raise Unreadable(PASSWORD)
                    return _OPEN_DOCUMENT.get(declared.rpartition("opendocument.")[2].removesuffix("-template"), "archive")
            if "[Content_Types].xml" in names:
                return next(
                    (kind for start, kind in _OFFICE.items() if any(name.startswith(start) for name in names)), "archive"
                )
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise Unreadable(f"is damaged, or was not sent whole. Please send it again. ({error})") from error
    return "archive"


def _compound(content: bytes) -> str:
    """Return what a file of the older Office programs is. Raises Unreadable."""
    try:
        with olefile.OleFileIO(BytesIO(content)) as compound:
            if compound.exists("EncryptedPackage"):
                raise Unreadable(PASSWORD)
            for stream, kind in (
                ("__properties_version1.0", "msg"),
                ("Workbook", "xls"),
                ("Book", "xls"),
                ("WordDocument", "doc"),
                ("PowerPoint Document", "ppt"),
            ):
                if compound.exists(stream):
                    return kind
    except OSError as error:
        raise Unreadable(f"is damaged, or was not sent whole. Please send it again. ({error})") from error
    return "unknown"
