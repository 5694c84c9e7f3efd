"""The switchboard: decides at the door, without a model, which butler a message is for, or leaves that open for a worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select

from bot import conversations
from bot.conversations import Conversation
from bot.household import Household
from bot.messages import Origin, Sender
from bot.people import Mode, person
from bot.ports import Json
from bot.store.tables import OPEN as TURN_OPEN
from bot.store.tables import WAITING, inbox, turns
from bot.switchboard import decisions, routes
from bot.switchboard.board import Board, Boards
from bot.switchboard.classifier import Guess
from bot.switchboard.decisions import AT_WORK, OPEN, UNHEARD, By, Decision
from bot.switchboard.follow_up import LATER, Before, goes_on, says_little, subject_matters

SURE = 0.6  # how likely a guess has to be right
SAME = 0.75  # how like a corrected message is that goes before every rule
STAYS = 0.6  # how likely a message goes on with what was, where its words say nothing
SHOWN = 3
_IS_UNDECIDED = exists().where(inbox.c.turn_id == turns.c.id, inbox.c.butler == OPEN)
_AT_WORK = select(turns.c.butler, turns.c.person_id, turns.c.run_id, _IS_UNDECIDED.label("is_undecided")).where(
    turns.c.conversation_id == bindparam("conversation"), TURN_OPEN
)
_LEFT_OPEN = select(exists().where(inbox.c.conversation_id == bindparam("conversation"), WAITING, inbox.c.butler == OPEN))


@dataclass(frozen=True)
class Letter:
    """A message that is to be placed."""

    inbox_id: int
    conversation: Conversation
    person_id: int
    sender: Sender
    text: str
    origin: Origin
    named: str | None = None  # the butler that an @name asks for
    is_unheard: bool = False  # most of it may be speech, to which a worker has yet to listen
    is_taken: bool = False  # a worker has it, and knows all that there is to know


@dataclass(frozen=True)
class Switchboard:
    """Places messages."""

    household: Callable[[], Household]
    _boards: Boards = field(default_factory=Boards)

    def place(self, tx: Connection, letter: Letter, now: datetime) -> None:
        """Decide whom a message is for, and let its conversation go there."""
        decision = self.decide(tx, letter, now)
        if decision is None:
            return
        decisions.note(tx, letter.conversation.id, letter.inbox_id, letter.person_id, decision, now)
        if decision.butler is not None and decision.by not in (By.NAMED, By.PINNED):
            conversations.give(tx, letter.conversation.id, decision.butler)

    def decide(self, tx: Connection, letter: Letter, now: datetime) -> Decision | None:
        """Return whom a message is for; None in a household whose butlers say nothing about that."""
        household, here = self.household(), letter.conversation
        if letter.named is not None:
            return Decision(letter.named, By.NAMED)
        if here.pinned and here.butler in household.butlers:
            return Decision(here.butler, By.PINNED)
        board = self._boards.of(tx, household)
        if board.is_silent or len(household.butlers) == 1:
            return None
        if letter.is_unheard and says_little(letter.text):
            return self._unheard(tx, letter)
        known = here.butler in household.butlers
        before = decisions.before(tx, here.id, letter.person_id, letter.inbox_id, now) if known else None
        guess = board.classifier.guess(letter.text) if board.classifier is not None else None
        return _corrected(guess) or self._by_rule(board, letter, guess) or self._weigh(tx, letter, guess, before)

    def _by_rule(self, board: Board, letter: Letter, guess: Guess | None) -> Decision | None:
        """Decide by the rules; where those of several butlers say as much, the likelier of these has the message."""
        sender, address = letter.sender, letter.conversation.address
        found = routes.matches(board.routes, letter.text, f"{sender.channel}:{sender.id}", f"{address.channel}:{address.chat}")
        if not found:
            return None
        best = [one for one in found if one.rank == found[0].rank]
        if guess is not None:
            best.sort(key=lambda one: -guess.shares[one.butler])
        others = [[one.butler, one.kind, one.what] for one in found if one is not best[0]]
        reason = {"kind": best[0].kind, "what": best[0].what, "others": others[:SHOWN], "tied": len(best) > 1}
        return Decision(best[0].butler, By.RULE, reason)

    def _weigh(self, tx: Connection, letter: Letter, guess: Guess | None, before: Before | None) -> Decision:
        """Decide by what a message is like and what came before it."""
        stays = goes_on(letter.text, before) if before is not None else 0.0
        known = before.butler if before is not None and before.butler != OPEN else letter.conversation.butler
        if guess is None:
            if known is not None and stays >= STAYS:
                return Decision(known, By.FOLLOW_UP, {})
            return Decision(self.household().default, By.DEFAULT, {"why": "no rule"})
        shares = _with(guess.shares, known if before is not None else None, stays, subject_matters(letter.text))
        best = max(shares, key=lambda name: shares[name])
        reason: Json = {"shares": _rounded(shares), "near": _near(guess, best)}
        if shares[best] >= SURE:
            is_said = guess.shares[best] >= SURE or best != known
            return Decision(best, By.LIKENESS if is_said else By.FOLLOW_UP, reason, round(shares[best], 3))
        return self._unsure(tx, letter, before, known, reason)

    def _unsure(self, tx: Connection, letter: Letter, before: Before | None, known: str | None, reason: Json) -> Decision:
        """Leave a message to whoever is at work here, or open; what says next to nothing is worth no question."""
        open_for = {"why": UNHEARD} if letter.is_unheard else {}
        if not letter.is_taken:
            at_work = self._at_work(tx, letter)
            if at_work is not None and not at_work.is_undecided:
                return Decision(at_work.butler, By.FOLLOW_UP, reason | {"why": AT_WORK})
            if at_work is not None or tx.scalar(_LEFT_OPEN, {"conversation": letter.conversation.id}):
                return Decision(None, By.OPEN, reason | open_for)
        if says_little(letter.text) or letter.origin is not Origin.PERSON:
            if known is not None and before is not None and before.age <= LATER:
                return Decision(known, By.FOLLOW_UP, reason | {"why": "says little"})
            return Decision(self.household().default, By.DEFAULT, reason | {"why": "says little"})
        return Decision(None, By.OPEN, reason | open_for)

    def _unheard(self, tx: Connection, letter: Letter) -> Decision:
        """Leave speech open until it is heard, unless a butler is at work for who speaks: it is heard at the next step."""
        at_work = self._at_work(tx, letter)
        is_theirs = at_work is not None and at_work.person_id == letter.person_id and at_work.run_id is None
        if at_work is None or not is_theirs or at_work.is_undecided or person(tx, letter.person_id).mode is Mode.QUEUE:
            return Decision(None, By.OPEN, {"why": UNHEARD})
        return Decision(at_work.butler, By.FOLLOW_UP, {"why": AT_WORK})

    def _at_work(self, tx: Connection, letter: Letter) -> Row[Any] | None:
        """Return the turn that goes on in a conversation, unless its butler has left the household."""
        row = tx.execute(_AT_WORK, {"conversation": letter.conversation.id}).first()
        return row if row is not None and row.butler in self.household().butlers else None


def _corrected(guess: Guess | None) -> Decision | None:
    """Decide by a correction that says the same: somebody's word goes before every rule."""
    if guess is None or not guess.near:
        return None
    best = guess.near[0]
    if best.example.correction is None or best.likeness < SAME:
        return None
    reason = {"shares": _rounded(guess.shares), "near": _near(guess, best.example.butler)}
    return Decision(best.example.butler, By.LIKENESS, reason, round(guess.shares[best.example.butler], 3))


def _with(shares: Mapping[str, float], known: str | None, stays: float, subject: float) -> dict[str, float]:
    """Return how likely each butler is meant, knowing how likely the message goes on with what one of them had."""
    if known not in shares or len(shares) == 1:
        return dict(shares)
    others = (1 - stays) / (len(shares) - 1)
    weighed = {name: share**subject * (stays if name == known else others) for name, share in shares.items()}
    total = sum(weighed.values())
    return {name: one / total for name, one in weighed.items()}


def _rounded(shares: Mapping[str, float]) -> list[list[object]]:
    best = sorted(shares.items(), key=lambda one: -one[1])[:SHOWN]
    return [[name, round(share, 3)] for name, share in best]


def _near(guess: Guess, butler: str) -> list[list[object]]:
    """Return the nearest examples of the butler that was chosen: of people's corrections only the number is kept here."""
    mine = [one.example for one in guess.near if one.example.butler == butler]
    return [[one.correction or one.text, one.butler] for one in mine]
