"""Conversion: a file becomes what a model reads, in a process of its own, which a file that is evil cannot leave."""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from bot.converting.results import FILE, TEXT, Converted, Picture, Task

READ_WITHIN = 40.0  # seconds
PROGRAM = ("-m", "bot.converting")
LONGEST_COMPLAINT = 500  # characters of what the program said, in the log
# Nothing else of the environment, where the house's keys stand, is the business of who reads a stranger's file.
_PASSED = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ")
TOO_LONG = "takes too long to open: it is too large inside. Please send the part that matters."
TOO_LARGE = "is too large inside for me to open. Please send the part that matters."
DAMAGED = "cannot be opened: it is damaged, or not what its name says. Please save it anew and send that."
NOT_NOW = "could not be opened by a fault of mine. Please send it again later."
_LIMITS = {-signal.SIGXCPU: TOO_LONG, -signal.SIGALRM: TOO_LONG, -signal.SIGABRT: TOO_LARGE, -signal.SIGKILL: TOO_LARGE}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """What a file gave: its pictures with their bytes, and its words."""

    converted: Converted
    pictures: tuple[tuple[Picture, bytes], ...] = ()
    text: str = ""


async def convert(content: bytes, task: Task) -> Reading:
    """Convert a file; whatever it does to the process that reads it, the answer says it in a sentence."""
    try:
        with TemporaryDirectory(prefix="butlers-file-") as name:
            folder = Path(name)
            await asyncio.to_thread((folder / FILE).write_bytes, content)
            converted = await _converted(task, folder)
            return await asyncio.to_thread(_gather, converted, folder)
    except TimeoutError:
        return _failed(TOO_LONG)
    except (OSError, ValidationError):
        log.exception("a file cannot be converted")
        return _failed(NOT_NOW)


def _failed(sentence: str) -> Reading:
    return Reading(Converted(sentence=sentence))


def _gather(converted: Converted, folder: Path) -> Reading:
    pictures = tuple((one, (folder / one.file).read_bytes()) for one in converted.pictures)
    return Reading(converted, pictures, (folder / TEXT).read_text("utf-8") if converted.has_text else "")


async def _converted(task: Task, folder: Path) -> Converted:
    env = {name: os.environ[name] for name in os.environ if name in _PASSED or name.startswith("COVERAGE")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *PROGRAM, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=folder, env={**env, "HOME": str(folder)}
    )
    try:
        async with asyncio.timeout(READ_WITHIN):
            told, complaint = await process.communicate(task.model_dump_json().encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return Converted.model_validate_json(told)
    said = complaint.decode(errors="replace").strip()[-LONGEST_COMPLAINT:]
    log.warning("a file could not be converted, status %s: %s", process.returncode, said)
    is_memory = "MemoryError" in said or "memory allocation" in said
    return Converted(sentence=_LIMITS.get(process.returncode or 0, TOO_LARGE if is_memory else DAMAGED))
