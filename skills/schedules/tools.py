"""The schedule tools of a butler."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from bot.schedules.book import Purpose
from bot.schedules.desk import START, Desk, Wish
from bot.tools import Context, Effect, ToolError, tool

Number = Annotated[int, Field(ge=1, le=10**15)]


class Schedules:
    """What is done at times, for the person of the turn by this butler."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @tool(Effect.READ, rare=True, doing="looking at the house")
    def status(self, context: Context) -> str:
        """Show how you and the house stand."""
        return self._desk.status(context)

    @tool(Effect.UPSERT, rare=True, doing="looking for what is due")
    def tick(self, context: Context) -> str:
        """Carry out now what is due."""
        return self._desk.tick(context)

    @tool(Effect.KEYED, rare=True, doing="starting a task")
    def trigger(self, context: Context, prompt: str, background: Annotated[str, Field(alias="context")] = "") -> str:
        """Begin a turn of its own now."""
        words = f"{prompt.strip()}\n\n{background.strip()}" if prompt.strip() else ""
        return _told(lambda: self._desk.begin(context, Wish(purpose=Purpose.TRIGGER, prompt=words, name=prompt[:START])))

    @tool(Effect.READ, doing="reading the schedules")
    def schedule_list(self, context: Context) -> str:
        """List all."""
        return self._desk.listed(context)

    @tool(Effect.KEYED, doing="making a schedule")
    def schedule_create(
        self,
        context: Context,
        name: str,
        when: str,
        prompt: str,
        zone: str = "",
        silent: bool = False,  # noqa: FBT001, FBT002
    ) -> str:
        """Have a prompt carried out at times: "every weekday 7:30", "every 2h", ISO or cron."""
        wish = Wish(purpose=Purpose.TASK, prompt=prompt, name=name, zone=zone, silent=silent)
        return _told(lambda: self._desk.make(context, when, wish))

    @tool(Effect.UPSERT, rare=True, doing="changing a schedule")
    def schedule_update(
        self,
        context: Context,
        id: Number,  # noqa: A002 - the model's name for it
        name: str = "",
        when: str = "",
        prompt: str = "",
        zone: str = "",
        on: bool | None = None,  # noqa: FBT001 - the same
    ) -> str:
        """Change, pause or resume one."""
        given = {"name": name, "when": when, "prompt": prompt, "zone": zone}
        values = {field: words.strip() for field, words in given.items() if words.strip()}
        return _told(lambda: self._desk.change(context, id, values, on=on))

    @tool(Effect.UPSERT, rare=True, doing="removing a schedule")
    def schedule_delete(self, context: Context, id: Number) -> str:  # noqa: A002 - the same
        """Remove one."""
        return _told(lambda: self._desk.remove(context, id))

    @tool(Effect.KEYED, doing="setting a reminder")
    def remind(self, context: Context, when: str, text: str) -> str:
        """Say these words at a time."""
        return _told(lambda: self._desk.make(context, when, Wish(purpose=Purpose.REMINDER, prompt=text)))

    @tool(Effect.KEYED, rare=True, doing="planning a word to you")
    def nudge(
        self,
        context: Context,
        prompt: str,
        when: str,
        key: str = "",
        silent: bool = False,  # noqa: FBT001, FBT002 - the same
    ) -> str:
        """Prompt yourself later, of your own accord."""
        wish = Wish(purpose=Purpose.NUDGE, prompt=prompt, silent=silent)
        return _told(lambda: self._desk.replace_or_make(context, when, " ".join(key.split()), wish))


def _told(do: Callable[[], str]) -> str:
    """Return what was done; what is wrong goes back to the model as a sentence."""
    try:
        return do()
    except ValueError as error:
        raise ToolError(str(error)) from None
