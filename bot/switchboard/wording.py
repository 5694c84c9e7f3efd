"""Why a butler has a message, in plain words."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from bot.commands.book import Asking
from bot.household import Household
from bot.names import escaped
from bot.switchboard import corrections, decisions
from bot.switchboard.decisions import AT_WORK, UNHEARD, By

LONGEST_QUOTE = 60
LEAST_SHOWN = 0.05  # of how likely a butler seemed
_LITTLE = "your message says too little to tell"
_WHY_DEFAULT = {
    "no rule": "no rule of any butler matches it",
    "says little": _LITTLE,
    "not heard": "I could not hear what you said",
    "failed": "something went wrong before I could tell",
    "cut off": "I was not sure, and the small model that I asked was cut off",
    "no answer": "I was not sure, and the small model that I asked named nobody either",
    "no money": "I was not sure, and there was no money left to ask a small model",
    "no model": "I was not sure, and no small model could be asked",
}


def quoted(text: str) -> str:
    """Return the beginning of a message in quotes, its letters as they are."""
    line = " ".join(text.split())
    return f"“{escaped(line[:LONGEST_QUOTE])}{'…' if len(line) > LONGEST_QUOTE else ''}”"


def in_words(asking: Asking, household: Household, row: Row[Any]) -> str:
    """Return what was decided about a message and why, and how that is set right."""
    if row.butler is None:
        if row.reason.get("why") == UNHEARD:
            return f"{_what(row)} is not given to anybody yet: I listen to it first."
        return f"{_what(row)} is not given to anybody yet: I am not sure, and a small model is asked once.{_odds(row)}"
    words = f"**{row.butler}** has {_what(row)} {_reason(asking, household, row)}"
    if row.butler not in household.butlers:
        words += f" There is no {row.butler} in this household any more, so {household.default} has its messages."
    taught = corrections.of_message(asking.tx, row.inbox_id)
    if taught is not None:
        gone = "" if taught in household.butlers else ", who is not in this household any more, so that it teaches nothing"
        words += f" You have told me that it was for {taught}{gone}."
    elif row.by == By.PINNED:
        words += " `/butler auto` lets me choose for each message."
    elif row.by != By.NAMED:
        words += " If that was wrong, `/butler NAME` sets it right, and I learn from it."
    return words


def _what(row: Row[Any]) -> str:
    return quoted(row.text) if row.text else "your message"


def _reason(asking: Asking, household: Household, row: Row[Any]) -> str:
    name, reason = row.butler, row.reason
    if row.by == By.RULE:
        return _rule(name, reason)
    sure = "" if row.confidence is None else f" ({row.confidence:.0%} sure)"
    why = _WHY_DEFAULT.get(str(reason.get("why")), _LITTLE)
    goes_on = {
        AT_WORK: f"{name} was at work here, and I was not sure that it is about anything else",
        **{why: f"{_WHY_DEFAULT[why]}, and {name} had the conversation before" for why in ("not heard", "failed")},
    }
    reasons = {
        By.NAMED: f"the message begins with @{name}, which gives the conversation to that butler",
        By.PINNED: "it was chosen for this conversation",
        By.LIKENESS: f"the message is most like what {name} is for{sure}",
        By.FOLLOW_UP: goes_on.get(str(reason.get("why")), f"it goes on with what {name} had before{sure}"),
        By.MODEL: f"I was not sure and asked a small model once, which chose {name}",
        By.DEFAULT: f"{why}; then {household.default} has it",
    }
    return f"because {reasons[row.by]}.{_likes(asking, reason) if row.by == By.LIKENESS else ''}{_odds(row)}"


def _rule(butler: str, reason: dict[str, Any]) -> str:
    words = f"by a rule of {butler}: {_matched(reason['kind'], reason['what'])}."
    others = [f"{name} ({_matched(kind, what)})" for name, kind, what in reason["others"]]
    if not others:
        return words
    how = "both say as much, and the message is more like the first" if reason["tied"] else "the one that says more wins"
    return f"{words} A rule of {' and '.join(others)} matches, too; {how}."


def _matched(kind: str, what: str) -> str:
    if kind == "place":
        return f"it takes what comes from {escaped(what)}"
    return f"the {kind} “{escaped(what)}” stands in it" if kind == "word" else f"the pattern `{what}` matches it"


def _likes(asking: Asking, reason: dict[str, Any]) -> str:
    """Return what a message is like: of what others wrote, only what was said where it is read."""
    shown = []
    for what, _ in reason["near"]:
        if isinstance(what, str):
            shown.append(quoted(what))
            continue
        found = corrections.words_of(asking.tx, what)
        if found is not None:
            person_id, conversation_id, text = found
            mine = conversation_id == asking.conversation.id or (person_id == asking.person.id and asking.is_private)
            shown.append(f"{quoted(text) if mine else 'a message'} (set right by a person)")
    return f" It is near to {_listed(shown)}." if shown else ""


def _odds(row: Row[Any]) -> str:
    others = [
        f"{name} {share:.0%}" for name, share in decisions.shares(row).items() if name != row.butler and share >= LEAST_SHOWN
    ]
    return f" Others: {', '.join(others)}." if others else ""


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
