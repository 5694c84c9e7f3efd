"""Conversion under attack: bombs, programs that break, random bytes; each ends in a sentence, within limits."""

import asyncio
import io
import os
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from bot import conversion
from bot.conversion import DAMAGED, NOT_NOW, TOO_LARGE, TOO_LONG, Reading, convert
from bot.converting.results import Converted, Task
from tests.houses import children
from tests.sample_files import (
    letter,
    mail,
    open_document,
    pdf,
    picture,
    scan,
    sheet,
    slides,
    zipped,
)
from tests.test_conversion import reads, says

BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    f'<!ENTITY {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">'.encode() for level in range(9)
)


def test_bombs() -> None:
    """What unfolds to far more than it was ends in a sentence, within limits, whoever folded it."""
    huge = picture("PNG", (11_000, 11_000))
    assert "is larger than I can open" in says(huge)
    many: dict[str, str | bytes] = {f"word/{number}": bytes(32_000_000) for number in range(10)}
    assert "is far larger inside than it looks" in says(zipped({"[Content_Types].xml": "", **many}))
    laughs = BOMB + b"]><office:document-content>&j;</office:document-content>"
    laughing = zipped(
        {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": laughs, "META-INF/manifest.xml": ""}
    )
    assert says(laughing)
    assert says(zipped({"[Content_Types].xml": laughs, "word/document.xml": laughs}))
    assert says(zipped({"[Content_Types].xml": laughs, "xl/workbook.xml": laughs}))


def test_a_sheet_of_too_many_cells() -> None:
    """Millions of cells are cut at the most that is kept, or refused; the process stays within its memory and time."""
    rows = "".join(f'<row r="{row}">' + "<c><v>1</v></c>" * 1000 + "</row>" for row in range(1, 2001))
    with zipfile.ZipFile(io.BytesIO(sheet())) as book:
        parts: dict[str, str | bytes] = {name: book.read(name) for name in book.namelist()}
    data = parts["xl/worksheets/sheet1.xml"]
    assert isinstance(data, bytes)
    before, _, after = data.decode().partition("<sheetData>")
    parts["xl/worksheets/sheet1.xml"] = f"{before}<sheetData>{rows}</sheetData>{after.partition('</sheetData>')[2]}"
    reading = reads(zipped(parts))
    assert len(reading.text) > 1_000_000 or reading.converted.sentence


@pytest.fixture
def program(mocker: MockerFixture, tmp_path: Path) -> Path:
    """A program that stands where the one that converts stands."""
    script = tmp_path / "program.py"
    mocker.patch.object(conversion, "PROGRAM", (str(script),))
    return script


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        ("import signal; signal.pause()", TOO_LONG),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", TOO_LARGE),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", DAMAGED),
        ("import os; os.abort()", TOO_LARGE),
        ("raise MemoryError", TOO_LARGE),
        ("raise ValueError('odd')", DAMAGED),
        ("print('no JSON')", NOT_NOW),
    ],
)
def test_a_process_that_breaks(program: Path, does: str, sentence: str, mocker: MockerFixture) -> None:
    """However the process ends, somebody reads a sentence."""
    mocker.patch.object(conversion, "READ_WITHIN", 0.5 if "pause" in does else 30)
    program.write_text(does)
    assert reads(b"x").converted == Converted(sentence=sentence)


def test_it_is_confined(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads a stranger's file sees no key of the house, has no network, starts no program, and has little memory."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    program.write_text("""
import os, socket, subprocess, sys
from bot.converting.confinement import confine
from bot.converting.results import Converted
confine(20)
def tries(what):
    try:
        what()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"
told = [
    str("ANTHROPIC_API_KEY" in os.environ),
    tries(lambda: socket.create_connection(("127.0.0.1", 9))),
    tries(lambda: subprocess.run(["true"])),
    tries(lambda: bytearray(2 * 2**30)),
]
print(Converted(sentence=" ".join(told)).model_dump_json())
""")
    assert says(b"x") == "False PermissionError PermissionError MemoryError"


ENDINGS = ["pdf", "png", "jpg", "heic", "docx", "xlsx", "pptx", "odt", "eml", "msg", "rtf", "html", "csv", "zip", ""]
SAMPLES = [pdf(), picture("JPEG"), picture("HEIF"), letter(), sheet(), slides(), mail(), open_document(), scan()]


def damaged(seed: int) -> bytes:
    """Return a real file in which some bytes were changed, or which was cut."""
    chosen = random.Random(seed)  # noqa: S311 - no secret hangs on it
    content = bytearray(chosen.choice(SAMPLES))
    for _ in range(chosen.randint(1, 40)):
        content[chosen.randrange(len(content))] = chosen.randrange(256)
    return bytes(content[: chosen.randrange(len(content) // 2, len(content) + 1)])


@settings(max_examples=int(os.environ.get("BUTLERS_FUZZ", "4")), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.binary(max_size=2000), st.sampled_from(ENDINGS), st.integers(0, 10**6)), min_size=2, max_size=4))
def test_random_bytes(files: list[tuple[bytes, str, int]]) -> None:
    """Whatever bytes under whatever ending: a sentence, or something to read, and never a fault of the house."""

    async def all_of_them() -> list[Reading]:
        contents = [(content, ending) for content, ending, _ in files] + [(damaged(seed), ending) for _, ending, seed in files]
        tasks = [convert(content, Task(name=f"x.{ending}", media_type="")) for content, ending in contents]
        return list(await asyncio.gather(*tasks))

    for reading in asyncio.run(all_of_them()):
        assert reading.converted.sentence or reading.text or reading.pictures
        assert reading.converted.sentence != NOT_NOW
        reading.text.encode()


def test_it_ends_with_who_asked(program: Path) -> None:
    """Who is cancelled while a file is read leaves no process behind."""
    program.write_text("import signal; signal.pause()")

    async def run() -> None:
        work = asyncio.create_task(convert(b"x", Task(name="", media_type="")))
        while not running():
            await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    def running() -> bool:
        lines = [Path(f"/proc/{child}/cmdline") for child in children(os.getpid())]
        return any("program.py" in line.read_text() for line in lines if line.exists())

    asyncio.run(run())
    assert not running()
