"""Roles, and the one table of what each may do."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person is to the house."""

    OWNER = "owner"
    MEMBER = "member"
    GUEST = "guest"
    REMOVED = "removed"


class Right(StrEnum):
    """What a person may do, in words that follow "may"."""

    TALK = "talk with the butlers, have them look things up and keep notes"
    CHOOSE = "choose the butler"
    CHANGE = "have a butler change or send anything outside this house"
    SCHEDULE = "have things done at times"
    LINK = "join further chats to their own"
    STOP_OTHERS = "stop what is done for others in a group"
    SEE_COSTS = "see what the house spends"
    SEE_FAILURES = "see and retry what failed for others"
    KEEP_PEOPLE = "let people in, and list, change and remove them"
    KEEP_MONEY = "set budgets and look after keys"
    HEAR_TROUBLE = "hear of strangers and of the house's troubles"


_GUEST = frozenset({Right.TALK})
_MEMBER = _GUEST | {Right.CHOOSE, Right.CHANGE, Right.SCHEDULE, Right.LINK, Right.STOP_OTHERS, Right.SEE_COSTS}
MAY: Mapping[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.MEMBER: _MEMBER,
    Role.GUEST: _GUEST,
    Role.REMOVED: frozenset(),
}


def may(role: Role, right: Right) -> bool:
    """Tell whether a role has a right."""
    return right in MAY[role]


def refusal(right: Right) -> str:
    """Return the sentence for somebody without this right, which names who has it."""
    return f"Only {' and '.join(f'{role}s' for role in Role if may(role, right))} may {right}."


def a(role: Role) -> str:
    """Return a role with its article."""
    return f"an {role}" if role is Role.OWNER else f"a {role}"
