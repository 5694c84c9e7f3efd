"""What the owner has before the eyes in each chat of the conformance test: texts and pictures, in their order."""

import re
from functools import singledispatch
from pathlib import Path
from urllib.parse import urlsplit

from tests.chat_benches import Bench, PipeBench, SlackBench, TelegramBench
from tests.houses import OWNER
from tests.letterbox_bench import LetterboxBench


@singledispatch
def page(bench: Bench) -> list[str | bytes]:
    """Return everything that stands in the chat."""
    return [*bench.texts()]


@page.register
def _(bench: TelegramBench) -> list[str | bytes]:
    """Return texts, and photos and documents without their captions."""
    files = (
        message.photo or (message.document and message.document.content) or message.text
        for message in bench.server.messages(OWNER)
    )
    return [*files]


@page.register
def _(bench: SlackBench) -> list[str | bytes]:
    """Return texts, and files."""
    shown: list[str | bytes] = []
    for message in bench.server.messages(bench.owner.dm):
        shown += [message.text] if message.text else []
        for file in message.files:
            kept = bench.server.files.content(urlsplit(file["url_private"]).path.removeprefix("/files/"))
            shown.append((kept and kept.content) or b"")
    return shown


@page.register
def _(bench: PipeBench) -> list[str | bytes]:
    """Return paragraphs; of a path of a picture or a file, what lies there."""
    return [Path(text).read_bytes() if re.fullmatch(r"/\S+\.\w+", text) else text for text in map(str.strip, bench.texts())]


@page.register
def _(bench: LetterboxBench) -> list[str | bytes]:
    """Return letters, and what else lies there."""
    letters = sorted(path for path in (bench.folder / "olga" / "out").iterdir() if path.suffix != ".writing")
    return [letter.read_text() if letter.suffix == ".txt" else letter.read_bytes() for letter in letters]
