"""run_turn: works on a conversation until nothing waits in it, and states every failure to the person."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import journal, logs, outbox, transcript
from bot.agent import Agent
from bot.errors import ClaimLost, KeyRefused, ModelError, Refused, Suspect, TurnEnded, Unavailable
from bot.messages import Origin, ReplyKind
from bot.notices import tell_owners
from bot.pauses import growing_pause
from bot.people import Gate
from bot.ports import Text
from bot.redaction import Redactor
from bot.treasury.treasury import Treasury
from bot.turn import Turn, Turns
from workers.interrupts import Interrupts, TurnInterrupt
from workers.live import Newsroom

MOST_ATTEMPTS = 8  # requests that fail in a row: with growing pauses, about two minutes
LONGEST_PAUSE = 60.0  # seconds, where the provider did not ask for more
LONGEST_WAIT = 6 * 3600.0  # what a provider may ask for before the person is told to come back instead
TELL_AFTER = 5.0
INSIDE = "Something went wrong inside the house; the log says what. Please try again."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TurnRunner:
    """What a worker does when it is rung for; `wake` rings a conversation again at a later time."""

    turns: Turns
    agent: Agent
    treasury: Treasury
    gate: Gate
    redactor: Redactor
    interrupts: Interrupts
    news: Newsroom
    wake: Callable[[int, datetime], None]

    def run_turn(self, conversation_id: int, hand_over: Callable[[int], None] | None) -> None:
        """Answer what waits in a conversation; leave at once when somebody else is at it.

        `hand_over` gets the conversation when a worker died before over its turn; without it, such a turn is run.
        """
        try:
            while (turn := self.turns.take(conversation_id, suspects=hand_over is None)) is not None:
                with logs.about(turn=turn.id, conversation=conversation_id, butler=turn.butler.name):
                    more = self._work(turn)
                if not more:
                    return
        except Suspect:
            if hand_over is not None:
                hand_over(conversation_id)

    def _work(self, turn: Turn) -> bool:
        """Run a turn to an end, of whatever kind; tell whether the conversation has more work."""
        try:
            with self.interrupts.running(turn.token) as interrupt:
                try:
                    return self._answer(turn, interrupt)
                except TurnEnded as ending:
                    return self._fail(turn, str(ending))
                except ModelError as error:
                    return self._after(error, turn)
                except ClaimLost:
                    raise
                except Exception:  # one of the two places: a job's failure becomes a stated failure for the person
                    log.exception("the turn failed")
                    return self._fail(turn, INSIDE)
        except ClaimLost:
            log.info("the turn was stopped or taken over")
            return False
        finally:
            self.news.over(turn)

    def _answer(self, turn: Turn, interrupt: TurnInterrupt) -> bool:
        self.news.begun(turn)
        if turn.resumed:
            with turn.writing() as tx:
                self.treasury.charge_left(tx, turn.id, turn.clock())
        return self.agent.run(turn, interrupt)

    def _after(self, error: ModelError, turn: Turn) -> bool:
        """Wait or give up, as the provider's error asks for."""
        reason = self.redactor.clean(error.reason)
        log.warning("the model did not answer: %s", reason)
        if isinstance(error, Unavailable):
            pause = error.wait if error.wait is not None else growing_pause(turn.attempts, LONGEST_PAUSE)
            if turn.attempts + 1 < MOST_ATTEMPTS and pause <= LONGEST_WAIT:
                return self._wait(turn, pause, reason)
            return self._fail(turn, f"The model cannot be reached, and I have given up for now. Its provider says: {reason}")
        if isinstance(error, KeyRefused):
            self._tell_owners(turn, f"The provider of {self.agent.model.name} does not accept the house's key: {reason}")
            return self._fail(turn, f"The model's provider does not accept the house's key; the owner knows. It says: {reason}")
        return self._fail(
            turn,
            f"The model's provider refused this request. It says: {reason}\n\nIf that happens again, begin anew with /new.",
            withdraw=isinstance(error, Refused),
        )

    def _wait(self, turn: Turn, pause: float, reason: str) -> bool:
        """Give the turn back until the provider may be asked again; a long wait is said."""
        now = turn.clock()
        until = now + timedelta(seconds=pause)
        with turn.writing() as tx:
            if pause >= TELL_AFTER:
                words = f"The model's provider asks to wait: {reason}. I go on by myself at {_clock_time(until, turn)}."
                outbox.add(tx, turn.conversation.id, ReplyKind.NOTICE, words, now)
            turn.wait(tx, until, reason)
        self.wake(turn.conversation.id, until)
        return False

    def _fail(self, turn: Turn, sentence: str, *, withdraw: bool = False) -> bool:
        with turn.writing() as tx:
            self.treasury.charge_left(tx, turn.id, turn.clock())
            journal.give_up(tx, turn.id, turn.clock())
            if withdraw:
                transcript.withdraw(tx, turn.id)
            said = (Text(text=sentence),)
            transcript.append(tx, turn.conversation.id, turn.id, "butler", said, Origin.HOUSE, turn.clock())
            return turn.end(tx, "failed", ReplyKind.FAILURE, sentence)

    def _tell_owners(self, turn: Turn, sentence: str) -> None:
        with turn.writing() as tx:
            tell_owners(tx, self.gate, f"key:{sentence}", sentence, turn.clock())


def _clock_time(moment: datetime, turn: Turn) -> str:
    local = moment.astimezone(turn.zone)
    today = local.date() == turn.clock().astimezone(turn.zone).date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M}"
