"""/memory: shows a person what a butler was told, and forgets it."""

from collections.abc import Callable

from bot.commands.book import Asking, Command, is_number
from bot.household import Household
from bot.store.database import Database
from skills.memory import facts


def memory_command(household: Callable[[], Household], store_of: Callable[[str], Database]) -> Command:
    """Return the command."""

    def answer(asking: Asking) -> str:
        butler = household().get(asking.conversation.butler).name
        store = store_of(butler)
        words = asking.arguments.split()
        if len(words) == 2 and words[0] == "forget" and words[1].isdecimal():  # noqa: PLR2004 - forget NUMBER
            with store.write() as tx:
                forgotten = facts.forget(tx, asking.subject, int(words[1])) if is_number(words[1]) else None
            return f"Forgotten: {forgotten}" if forgotten else f"There is no fact {words[1]}."
        found = facts.find(store, asking.subject, asking.arguments)
        if not found:
            return f"**{butler}** was told nothing{' about that' if words else ''} yet."
        lines = "\n".join(
            f"- {fact.id}: {fact.text} ({fact.source}, {fact.at.astimezone(asking.zone):%Y-%m-%d})" for fact in found
        )
        return f"**{butler}** was told:\n{lines}\n\n`/memory forget NUMBER` forgets one."

    return Command("memory", "[WORDS]", "shows what I was told", answer, alone=True)
