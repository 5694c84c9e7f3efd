"""/compact: sums up the older part of a conversation now."""

from bot.commands.book import Asking, Command
from bot.compaction import record, stretch

LONGEST_FOCUS = 500  # characters


def compact_command() -> Command:
    """Return it."""
    return Command("compact", "[WHAT MATTERS]", "sums up the older part of this conversation", _compact)


def _compact(asking: Asking) -> str:
    tx, here = asking.tx, asking.conversation.id
    if len(asking.arguments) > LONGEST_FOCUS:
        return f"Please say in at most {LONGEST_FOCUS} characters what matters to you. Nothing was done."
    now = stretch.standing(tx, here)
    if not now.has_gap and stretch.choose(tx, here, now, stretch.KEPT_WHEN_ASKED, stretch.AT_ONCE) is None:
        return f"There is nothing to sum up: of this conversation I read {record.in_words(now)} at each message."
    record.ask(tx, here, asking.person.id, asking.arguments, now, asking.now)
    return f"I am summing up what was said here, {record.in_words(now)}. I say so when it is done; you can write on meanwhile."
