"""The tools by which a butler sends files and tables."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from bot.sending import Sending
from bot.tools import Context, Effect, ToolError, tool

LONGEST = 1_000_000  # characters
MOST_COLUMNS, MOST_ROWS = 50, 2_000
Cell = str | int | float | None


class Outgoing:
    """What goes into the chat of the turn beside its answer.

    They are a part of that answer, whoever's words were read before: they reach nobody whom the answer does not reach.
    """

    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    @tool(Effect.KEYED, own=True, rare=True)
    def send_file(
        self,
        context: Context,
        name: Annotated[str, Field(max_length=200)] = "",
        content: Annotated[str, Field(max_length=LONGEST)] = "",
        file: Annotated[int, Field(ge=0)] = 0,
    ) -> str:
        """Send a text as a file, such as report.md or trip.ics; or, by its number alone, a file that was sent here before."""
        if file:
            if content:
                raise ToolError("Give either the content of a new file or the number of one that was sent. Nothing was sent.")
            return _told(lambda: self._sending.again(context, file, name))
        return _told(lambda: self._sending.file(context, name, content.encode()))

    @tool(Effect.KEYED, own=True, rare=True)
    def send_table(
        self,
        context: Context,
        title: Annotated[str, Field(max_length=100)],
        columns: Annotated[list[str], Field(min_length=1, max_length=MOST_COLUMNS)],
        rows: Annotated[list[list[Cell]], Field(min_length=1, max_length=MOST_ROWS)],
    ) -> str:
        """Send a table."""
        cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
        return _told(lambda: self._sending.table(context, title, columns, cells))


def _told(do: Callable[[], str]) -> str:
    """Return what was done; what is wrong goes back to the model as a sentence."""
    try:
        return do()
    except ValueError as error:
        raise ToolError(str(error)) from None
