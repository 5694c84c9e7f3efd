"""The two screens: one that a person types at, and one for pipes."""

import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.unfinished import parse_unfinished
from adapters.chats.terminal.text import to_ansi, to_plain

Say = Callable[[str], Awaitable[object]]
WIDEST = 100  # columns: longer lines are hard to read
PREVIEW_LINES = 12
WORKING = "…"


class PipeScreen:
    """Writes answers as plain text, and nothing of what is not finished."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def write(self, text: str) -> None:
        """Write an answer and an empty line after it."""
        self._out.write(f"{to_plain(parse(text))}\n\n")
        self._out.flush()

    def preview(self, text: str) -> None:
        """Do nothing."""


class PromptScreen:
    """A prompt with a history, above which answers appear while one goes on typing."""

    def __init__(self, history: Path) -> None:
        self._working = False
        self._unfinished = ""
        self._session: PromptSession[str] = PromptSession(
            self._prompt,
            history=FileHistory(str(history)),
            multiline=True,
            key_bindings=self._keys(),
            prompt_continuation="  ",
        )

    async def run(self, say: Say) -> None:
        """Hand each message that is typed to `say`, until Ctrl-D."""
        # Raw all the time: a Ctrl-C or Ctrl-D pressed while the terminal has its usual mode would be a signal, or lost.
        with self._session.input.raw_mode():
            while True:
                try:
                    text = await self._session.prompt_async()
                except EOFError:
                    return
                except KeyboardInterrupt:
                    # Ctrl-C: what is being done is stopped; where nothing is, the line was cleared.
                    if self._working:
                        await say("/stop")
                    continue
                if text.strip():
                    await say(text)

    def write(self, text: str) -> None:
        """Show a whole answer above the prompt."""
        self._working, self._unfinished = False, ""
        app = self._session.app
        if app.is_running:
            app.renderer.erase()
        app.output.write_raw(f"{to_ansi(parse(text), _width())}\n\n")
        app.output.flush()
        if app.is_running:
            app.renderer.request_absolute_cursor_position()
            app.invalidate()

    def preview(self, text: str) -> None:
        """Show an answer as far as it is written."""
        self._working, self._unfinished = True, text
        self._session.app.invalidate()

    def _prompt(self) -> FormattedText:
        if not self._working or self._session.app.is_done:
            return FormattedText([("bold", "> ")])
        shown = to_plain(parse_unfinished(self._unfinished)) if self._unfinished else ""
        lines = shown.splitlines()[-PREVIEW_LINES:]
        return FormattedText([("italic", "\n".join((*lines, WORKING, ""))), ("bold", "> ")])

    def _keys(self) -> KeyBindings:
        """Enter sends; Alt-Enter, or a paste, makes a new line."""
        keys = KeyBindings()

        @keys.add("enter")
        def send(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        def new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        return keys


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)
