"""run_turn: works on a conversation until nothing waits in it, and states every failure to the person."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import journal, logs, outbox, transcript
from bot.agent import Agent
from bot.compaction.compaction import Compaction
from bot.errors import AllDry, BudgetSpent, ClaimLost, ModelError, Refused, Suspect, TurnEnded
from bot.messages import Origin, ReplyKind
from bot.pauses import growing_pause
from bot.ports import Text
from bot.redaction import Redactor
from bot.schedules.ending import Fault
from bot.switchboard.choosing import Chooser
from bot.treasury.treasury import Treasury
from bot.turn import Turn, Turns
from workers.interrupts import Interrupts, TurnInterrupt
from workers.live import Newsroom

MOST_ATTEMPTS = 8  # requests that fail in a row: with growing pauses, about two minutes
LONGEST_PAUSE = 60.0  # seconds, where the provider did not ask for more
LONGEST_WAIT = 24 * 3600.0  # a day of UTC: for more, the person is told to come back instead
LONGEST_WAIT_OF_RUNS = 240.0  # then the run of a schedule is tried again by the schedule's own rule
TELL_AFTER = 5.0
INSIDE = "Something went wrong inside the house; the log says what. Please try again."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TurnRunner:
    """What a worker does when it is rung for; `wake` rings a conversation again at a later time."""

    turns: Turns
    agent: Agent
    chooser: Chooser
    treasury: Treasury
    redactor: Redactor
    interrupts: Interrupts
    news: Newsroom
    wake: Callable[[int, datetime], None]
    ring: Callable[[Sequence[int]], object]
    compaction: Compaction

    def run_turn(self, conversation_id: int, hand_over: Callable[[int], None] | None) -> None:
        """Answer what waits in a conversation; leave at once when somebody else is at it.

        `hand_over` gets the conversation when a worker died before over its turn; without it, such a turn is run.
        """
        try:
            while (turn := self.turns.take(conversation_id, suspects=hand_over is None)) is not None:
                with logs.about(turn=turn.id, conversation=conversation_id, butler=turn.butler.name):
                    more = self._work(turn)
                if turn.ask is not None:  # its answer waits where it was asked
                    self.ring([turn.ask.conversation_id])
                if not more:
                    break
            self.compaction.tend(conversation_id)
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
                    return self._fail(turn, str(ending), Fault.SPENT if isinstance(ending, BudgetSpent) else Fault.LASTING)
                except AllDry as dry:
                    return self._after_all(dry, turn)
                except ModelError as error:
                    return self._after(error, turn)
                except ClaimLost:
                    raise
                except Exception:  # one of the two places: a job's failure becomes a stated failure for the person
                    log.exception("the turn failed")
                    return self._fail(turn, INSIDE, Fault.PASSING)
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
        if turn.undecided:
            self.agent.listening.listen(turn, interrupt)
            turn = self.chooser.decide(turn)
        return self.agent.run(turn, interrupt)

    def _after_all(self, dry: AllDry, turn: Turn) -> bool:
        """Wait until a key can be used again, or give up when that is not to be expected."""
        pauses = [growing_pause(turn.attempts, LONGEST_PAUSE)] if dry.may_try_again else []
        if dry.until is not None:
            pauses.append(max((dry.until - turn.clock()).total_seconds(), 0.0))
        longest = LONGEST_WAIT if turn.frame is None and turn.ask is None else LONGEST_WAIT_OF_RUNS
        if pauses and turn.attempts + 1 < MOST_ATTEMPTS and min(pauses) <= longest:
            return self._wait(turn, min(pauses), dry.reason)
        hope = "I have given up for now" if pauses else "an owner has to look after that"
        then = "" if dry.until is None else f" It may be asked again from {_clock_time(dry.until, turn)} on."
        return self._fail(turn, f"No model can be asked, and {hope}. {dry.reason}{then}", Fault.PASSING)

    def _after(self, error: ModelError, turn: Turn) -> bool:
        """End a turn whose request no provider will ever take."""
        # The turn of a schedule is a new conversation each time.
        then = "" if turn.frame is not None else "\n\nIf that happens again, begin anew with `/new`."
        sentence = f"The model's provider refused this request. It says: {error.reason}{then}"
        return self._fail(turn, sentence, withdraw=isinstance(error, Refused))

    def _wait(self, turn: Turn, pause: float, reason: str) -> bool:
        """Give the turn back until a key may be used again; a long wait is said."""
        now = turn.clock()
        until = now + timedelta(seconds=pause)
        with turn.writing() as tx:
            if pause >= TELL_AFTER and turn.frame is None and turn.ask is None:
                words = f"I have to wait until {_clock_time(until, turn)}, and go on by myself then. {reason}"
                outbox.add(tx, turn.conversation.id, ReplyKind.NOTICE, words, now)
            turn.wait(tx, until, reason)
        self.wake(turn.conversation.id, until)
        return False

    def _fail(self, turn: Turn, sentence: str, fault: Fault = Fault.LASTING, *, withdraw: bool = False) -> bool:
        turn = self.chooser.give_up(turn)
        with turn.writing() as tx:
            self.treasury.charge_left(tx, turn.id, turn.clock())
            journal.give_up(tx, turn.id, turn.clock())
            if withdraw:
                transcript.withdraw(tx, turn.id)
            said = (Text(text=sentence),)
            transcript.append(tx, turn.conversation.id, turn.id, "butler", said, Origin.HOUSE, turn.clock())
            return turn.end(tx, "failed", ReplyKind.FAILURE, sentence, fault)


def _clock_time(moment: datetime, turn: Turn) -> str:
    local = moment.astimezone(turn.zone)
    today = local.date() == turn.clock().astimezone(turn.zone).date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M}"
