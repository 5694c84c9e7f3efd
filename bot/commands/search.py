"""/search: finds what was said, in all chats of the asker, or in the group that asks."""

from sqlalchemy import bindparam, select

from bot.commands.book import Asking, Command
from bot.search import looking, telling
from bot.search.looking import Found
from bot.search.telling import Reader
from bot.store.tables import inbox

PAGE = 8
MORE = "more"
USAGE = (
    "Write `/search` and words that were said, such as `/search locker code`. “Words in quotes” must follow each other, and "
    "`lock*` finds what begins so."
)
NOTHING = (
    "Nothing that was said here holds that. Try fewer words, or the beginning of one, such as `lock*`. `/memory` shows what I "
    "was told to remember."
)
_LOOKS_BACK = 60  # messages, for what was searched before somebody wants more
_LATEST = (
    select(inbox.c.text)
    .where(inbox.c.conversation_id == bindparam("conversation"), inbox.c.person_id == bindparam("person"))
    .order_by(inbox.c.id.desc())
    .limit(_LOOKS_BACK)
)


def search_command() -> Command:
    """Return the command."""
    return Command("search", "WORDS", "finds what was said, in all your chats", _search)


def _search(asking: Asking) -> str:
    words, page = _wanted(asking)
    if not words:
        return USAGE if page == 0 else "There is nothing to show more of. " + USAGE
    found = looking.find(asking.tx, asking.subject, words, asking.now)
    if not found.wish.terms:
        return USAGE
    if not found.rows:
        return NOTHING
    rows = found.rows[page * PAGE : (page + 1) * PAGE]
    if not rows:
        return "That was all."
    reader = Reader(asking.person.id, asking.conversation.id, asking.zone, "you")
    lines = "\n".join(f"- {line}" for line in telling.for_person(asking.tx, rows, found.wish, reader))
    return f"{_heading(found, page, len(rows))}\n{lines}{_footer(found, page)}"


def _wanted(asking: Asking) -> tuple[str, int]:
    """Return what is searched, and which page of it; more of the last search is the page after it."""
    if asking.arguments.casefold() != MORE:
        return asking.arguments, 0
    given = {"conversation": asking.conversation.id, "person": asking.person.id}
    page = 0
    for text in asking.tx.scalars(_LATEST, given):
        command, _, words = text.partition(" ")
        if command.casefold() == "/search":
            if words.strip().casefold() != MORE:
                return words.strip(), page
            page += 1
    return "", page


def _heading(found: Found, page: int, shown: int) -> str:
    if len(found.rows) == 1:
        return "Found once:" if not found.loosely else "Nothing holds all of that; this comes near:"
    first = page * PAGE + 1
    many = f"Found {len(found.rows)} times" if not found.is_cut else f"Found more than {len(found.rows)} times"
    many = f"Nothing holds all of that; {len(found.rows)} come near" if found.loosely else many
    return f"{many}:" if len(found.rows) <= PAGE else f"{many}; {first} to {first + shown - 1}, the best first:"


def _footer(found: Found, page: int) -> str:
    return "\n\n`/search more` shows more." if len(found.rows) > (page + 1) * PAGE else ""
