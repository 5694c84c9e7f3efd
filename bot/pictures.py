"""Pictures that replies carry, drawn by a process of its own right before they are sent."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from tempfile import TemporaryDirectory

from bot.errors import BadFormat
from bot.ports import Json

DRAWN_WITHIN = 20.0  # seconds
NOT_SHOWN = "I could not show you the picture. In words:"
PROGRAM = ("-m", "bot.drawing")
LONGEST_COMPLAINT = 500  # characters of what the program said, in the log


async def draw(chart: Json) -> bytes:
    """Draw a chart, given as JSON, and return it as PNG. Raises BadFormat, so that the chat is sent its words instead.

    What it takes to draw would make the bot half as large again, and its loop would stand still meanwhile.
    """
    try:
        with TemporaryDirectory(prefix="butlers-drawing-") as folder:
            return await _drawn(json.dumps(chart).encode(), folder)
    except TimeoutError as error:
        raise BadFormat(f"the picture was not drawn within {DRAWN_WITHIN:.0f} s") from error
    except OSError as error:
        raise BadFormat(f"the picture cannot be drawn: {error}") from error


async def _drawn(chart: bytes, folder: str) -> bytes:
    # Its working folder is empty, so that nothing that lies about is taken for a module of its own.
    env = {**os.environ, "MPLCONFIGDIR": folder}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *PROGRAM, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=folder, env=env
    )
    try:
        async with asyncio.timeout(DRAWN_WITHIN):
            picture, complaint = await process.communicate(chart)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or not picture:
        raise BadFormat(f"the picture cannot be drawn: {complaint.decode(errors='replace').strip()[-LONGEST_COMPLAINT:]}")
    return picture
