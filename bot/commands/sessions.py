"""The command that lists what was done for somebody, and tells how one session went."""

from sqlalchemy import ColumnElement

from bot.commands.book import Asking, Command, is_number
from bot.names import escaped
from bot.roles import Right
from bot.sessions import listing, telling
from bot.sessions.listing import Session
from bot.store.tables import turns

PAGE = 6  # two lines each: what a telephone shows
MOST = 30
LONGEST_OUTCOME = 100  # characters
HOW = (
    "`/sessions` lists what was done, `/sessions more 12` what was done before session 12, `/sessions last 20` more at once, "
    "and `/sessions 12` tells how that one went."
)


def sessions_command() -> Command:
    """Return it."""
    return Command("sessions", "[ID|last N|more ID]", "lists what was done for you", _sessions)


def _sessions(asking: Asking) -> str:
    words = asking.arguments.lower().replace("#", "").split()
    match words:
        case []:
            return _listed(asking, PAGE)
        case ["more"]:
            return _listed(asking, PAGE, offset=PAGE)
        case ["more", number] if is_number(number):
            return _listed(asking, PAGE, (turns.c.id < int(number),))
        case ["last", number] if is_number(number):
            return _listed(asking, min(max(int(number), 1), MOST))
        case [number] if is_number(number):
            return _told(asking, int(number))
    return HOW


def _mine(asking: Asking) -> tuple[ColumnElement[bool], ...]:
    return listing.of_person(asking.person.id, None if asking.is_private else asking.conversation.id)


def _listed(asking: Asking, limit: int, earlier: tuple[ColumnElement[bool], ...] = (), offset: int = 0) -> str:
    found = listing.find(asking.tx, (*_mine(asking), *earlier), limit=limit + 1, offset=offset)
    if not found:
        before = " before that" if earlier or offset else " yet"
        return f"Nothing has been done for you{'' if asking.is_private else ' here'}{before}."
    costs = asking.person.may(Right.SEE_COSTS)
    lines = [_in_two_lines(one, asking, costs=costs) for one in found[:limit]]
    more = f" `/sessions more {found[limit - 1].id}` lists earlier ones." if len(found) > limit else ""
    return "\n".join(lines) + f"\n\n`/sessions {found[0].id}` tells how that one went.{more}"


def _in_two_lines(one: Session, asking: Asking, *, costs: bool) -> str:
    began = one.began_at.astimezone(asking.zone)
    today = began.date() == asking.now.astimezone(asking.zone).date()
    when = f"{began:%H:%M}" if today else f"{began:%a %d %b %H:%M}"
    trigger = "" if one.trigger == "message" else f" · {escaped(one.trigger)}"
    head = f"- **{one.id}** · {when} · {one.butler}{trigger} · {one.took(asking.now)} · {escaped(one.outcome, LONGEST_OUTCOME)}"
    return f"{head}\n  - {one.used(costs=costs)}"


def _told(asking: Asking, number: int) -> str:
    one = listing.get(asking.tx, number, _mine(asking))
    if one is None:
        return f"There is no session {number} of yours{'' if asking.is_private else ' here'}. `/sessions` lists what there is."
    costs = asking.person.may(Right.SEE_COSTS)
    return telling.in_short(asking.tx, one, asking.now, asking.zone, costs=costs, private=asking.is_private)
