"""The tool by which one butler asks another."""

from bot.asks import AskDesk
from bot.tools import Context, Effect, ToolError, tool


class Asking:
    """The other butlers of the house."""

    def __init__(self, desk: AskDesk) -> None:
        self._desk = desk

    @tool(Effect.KEYED, own=True, doing="asking another butler")
    def ask_butler(self, context: Context, butler: str, question: str) -> str:
        """Ask another butler what only they know; say all they need. The answer comes later, as a message."""
        try:
            return self._desk.ask(context, butler, question)
        except ValueError as error:
            raise ToolError(str(error)) from None
