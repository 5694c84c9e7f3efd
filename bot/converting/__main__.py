"""Reads a task as JSON and the file in its working folder, and writes what became of it."""

import sys
from collections.abc import Callable
from pathlib import Path

from bot.converting import kinds
from bot.converting.confinement import confine
from bot.converting.results import FILE, Converted, Task, Unreadable

GIVES_UP_AFTER = 60  # seconds: whoever asked no longer waits, or is dead
_CLOSED = {
    "archive": "is an archive. Please unpack it and send me the files that matter.",
    "sound": "is a sound file, which I cannot listen to. Please write what is in it, or send it as a voice message.",
    "video": "is a video, which I cannot watch. Please send a picture of the moment that matters.",
    "program": "is a program, which I do not open.",
    "database": "is a database, which I do not open. Please send what you need of it as CSV.",
    "doc": "is of an old kind of Word file. Please save it as .docx or PDF, and send that.",
    "ppt": "is of an old kind of PowerPoint file. Please save it as .pptx or PDF, and send that.",
    "unknown": "is of a kind that I do not know. Please send it as PDF, as a picture or as text.",
}


def convert(task: Task, content: bytes) -> Converted:
    """Convert a file by what it is. Raises Unreadable, or whatever a library says of a file that is broken."""
    kind = kinds.kind_of(content)
    if kind in _CLOSED:
        raise Unreadable(_CLOSED[kind])
    if kind == "pdf":
        from bot.converting.pdf import read_pdf  # noqa: PLC0415 - each library is imported where a file needs it

        return read_pdf(content, task.pages)
    if kind == "image":
        from bot.converting.pictures import read_picture  # noqa: PLC0415

        return read_picture(content)
    text = _reader(kind)(content)
    if not text.strip():
        raise Unreadable("holds no words that I can read. If there are pictures in it, please send it as PDF.")
    from bot.converting.texts import keep  # noqa: PLC0415

    return Converted(media_type=f"text/{kind}", has_text=True, note=keep(text))


def _reader(kind: str) -> Callable[[bytes], str]:
    match kind:
        case "docx" | "pptx" | "odt" | "odp":
            from bot.converting import office  # noqa: PLC0415

            return {"docx": office.docx_text, "pptx": office.pptx_text}.get(kind, office.opendocument_text)
        case "xlsx" | "xls" | "ods":
            from bot.converting.sheets import sheet_text  # noqa: PLC0415

            return sheet_text
        case "msg":
            from bot.converting.mail import outlook_text  # noqa: PLC0415

            return outlook_text
        case "rtf":
            from bot.converting.markup import rtf_text  # noqa: PLC0415

            return rtf_text
        case "epub":
            from bot.converting.markup import book_text  # noqa: PLC0415

            return book_text
        case _:
            return _text


def _text(content: bytes) -> str:
    """Return a text, as a mail or a page of the web is read where it is one."""
    from bot.converting.plain import decode  # noqa: PLC0415
    from bot.converting.texts import tidy  # noqa: PLC0415

    text = decode(content)
    if kinds.is_mail(text):
        from bot.converting.mail import mail_text  # noqa: PLC0415

        return mail_text(content)
    if kinds.is_html(text):
        from bot.converting.markup import html_text  # noqa: PLC0415

        return html_text(text) or tidy(text)
    return tidy(text)


def main() -> None:
    """Convert one file."""
    task = Task.model_validate_json(sys.stdin.buffer.read())
    content = Path(FILE).read_bytes()
    confine(GIVES_UP_AFTER)
    try:
        converted = convert(task, content)
    except Unreadable as error:
        converted = Converted(sentence=str(error))
    except (MemoryError, RecursionError):
        converted = Converted(sentence="is too large inside for me to open. Please send the part that matters.")
    sys.stdout.write(converted.model_dump_json())


if __name__ == "__main__":
    main()
