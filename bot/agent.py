"""The loop: settle open calls, reserve money, ask the model, record, repeat."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from bot import shown, transcript
from bot.compaction.compaction import Compaction
from bot.errors import AllDry, BudgetSpent, ContextFull, ModelError, Refused, ThinkingRejected, TooManySteps
from bot.household import Butler
from bot.listening import Listening
from bot.messages import Origin, ReplyKind
from bot.ports import Answer, Block, Call, Content, Ending, Interrupt, Model, Prompt, Route, Text
from bot.prompt import system_prompt
from bot.redaction import Redactor
from bot.search.history import Speaker
from bot.settling import Settling
from bot.skill_notes import SkillNote
from bot.tools import Toolbox
from bot.transcript import Entry
from bot.treasury import counting, reckoning
from bot.treasury.alerts import Alert
from bot.treasury.choice import Wish
from bot.treasury.estimate import weigh
from bot.treasury.reservation import Reservation
from bot.treasury.treasury import Treasury
from bot.turn import WORDLESS, Turn

GO_ON = (Text(text="[the house] Go on."),)
MAX_OUTPUT = 16_000  # tokens: a long answer with its thoughts
COUNT_MARGIN, COUNT_FRAME = 1.05, 256  # by which a provider's own count, which it calls an estimate, may be too small
LENGTH_NOTE = "\n\n[My answer reached its greatest length here. Say “go on” for the rest.]"
REFUSED = "The model declined to answer this, so I have left it out of our conversation. Please ask in another way."
TOO_LONG = "This is longer than the model can read at once. Please send a shorter part, or begin anew with `/new`."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Agent:
    """What answers a turn: models by their providers, money, and the butler's tools.

    `tell` is how owners hear of alerts, `compaction` what shortens a conversation that no provider can read.
    """

    models: Callable[[str], Model]
    treasury: Treasury
    settling: Settling
    toolbox: Callable[[Butler], Toolbox]
    notes: Sequence[SkillNote]
    redactor: Redactor
    show: Callable[[Turn, str], None]
    tell: Callable[[Connection, Alert, datetime], object]
    compaction: Compaction
    listening: Listening

    def run(self, turn: Turn, interrupt: Interrupt) -> bool:
        """Work until there is an answer; tell whether the conversation has more work.

        Raises TurnEnded, ModelError, or ClaimLost when the turn was stopped or taken over.
        """
        toolbox = self.toolbox(turn.butler)
        for step in range(turn.steps, turn.butler.max_steps):
            goes_on = step > 0 or turn.resumed
            if goes_on:  # the messages with which a turn begins have just been read
                self.settling.settle(turn, toolbox)
                turn.read_new_messages()
            if goes_on or turn.unheard:
                self.listening.listen(turn, interrupt)
            reservation, answer = self._ask(turn, toolbox, interrupt)
            more = self._record(turn, reservation, answer)
            if more is not None:
                return more
        self.settling.settle(turn, toolbox)
        raise TooManySteps(
            f"I stopped after {turn.butler.max_steps} steps without coming to an end. Tell me to go on, or ask for less."
        )

    def _ask(self, turn: Turn, toolbox: Toolbox, interrupt: Interrupt) -> tuple[Reservation, Answer]:
        """Ask by one key after the other until one answers. Raises AllDry when none is left, and BudgetSpent."""
        avoid: dict[str, str] = {}
        full: ContextFull | None = None  # nothing is forgotten as long as another provider may read all of it
        while True:
            with turn.database.read() as tx:
                entries = transcript.load(tx, turn.conversation.id, turn.butler.name)
            prompt = self._prompt(turn, toolbox, entries)
            try:
                reservation = self._reserve(turn, prompt, avoid)
            except AllDry:
                if full is None:
                    raise
                if not self.compaction.shrink(turn, prompt.size):
                    self._forget_older_half(turn, full, entries)
                full, avoid = None, {}
                continue
            prompt = prompt.model_copy(update={"max_output": reservation.max_output})
            try:
                model = self.models(reservation.route.provider)
                return reservation, model.answer(prompt, reservation.route, lambda text: self.show(turn, text), interrupt)
            except ModelError as error:
                if not self._can_ask_again(turn, reservation, error, entries, avoid):
                    raise
                full = error if isinstance(error, ContextFull) else full

    def _forget_older_half(self, turn: Turn, full: ContextFull, entries: Sequence[Entry]) -> None:
        """Shorten a conversation that no provider can read. Raises ContextFull when there is nothing to leave out."""
        with turn.writing() as tx:
            if not transcript.drop_older_half(tx, turn.conversation.id, turn.id, entries):
                raise full

    def _reserve(self, turn: Turn, prompt: Prompt, avoid: Mapping[str, str]) -> Reservation:
        """Reserve by the size of the prompt; where a cap is near, by the provider's own count, and for a shorter answer."""
        wish = Wish(turn.spender, turn.butler.tier, prompt.size, prompt.max_output, weigh(prompt), avoid=avoid)
        try:
            with turn.writing() as tx:
                return self.treasury.reserve(tx, wish, turn.clock(), turn.zone)
        except (BudgetSpent, AllDry) as refused:
            count_by = refused.count_by
        wish = replace(wish, counted=self._count(turn, prompt, count_by), counted_by=count_by, near=True)
        with turn.writing() as tx:
            return self.treasury.reserve(tx, wish, turn.clock(), turn.zone)

    def _count(self, turn: Turn, prompt: Prompt, route: Route | None) -> int | None:
        """Return the most that a provider counts a prompt to have; None where it counts none, or may not be asked now."""
        if route is None:
            return None
        with turn.database.read() as tx:
            if not counting.may_count(tx, route, turn.clock()):
                return None
        try:
            counted = self.models(route.provider).count(prompt, route)
        except ModelError as error:
            error.reason = self.redactor.clean(error.reason)
            log.warning("a prompt could not be counted: %s", error.reason)
            with turn.writing() as tx:
                counting.note_refusal(tx, route, error, turn.clock())
            return None
        return None if counted is None else int(counted * COUNT_MARGIN) + COUNT_FRAME

    def _can_ask_again(
        self, turn: Turn, reservation: Reservation, error: ModelError, entries: Sequence[Entry], avoid: dict[str, str]
    ) -> bool:
        """Account for a request that failed; tell whether another key, or another prompt, may fare better."""
        with turn.writing() as tx:
            keys = reckoning.blame(tx, self, reservation, error, turn.clock())
            if isinstance(error, ThinkingRejected):
                return transcript.drop_thoughts(tx, turn.conversation.id, entries)
            if isinstance(error, Refused) and shown.take_away(tx, entries):
                return True
        avoid.update(dict.fromkeys(keys, error.reason))
        return reservation.key_id in avoid

    def _prompt(self, turn: Turn, toolbox: Toolbox, entries: Sequence[Entry]) -> Prompt:
        return Prompt(
            system=system_prompt(turn.butler, self.notes),
            tools=toolbox.forms,
            messages=transcript.prompt_messages(shown.make_room(entries)),
            max_output=MAX_OUTPUT,
        )

    def _record(self, turn: Turn, reservation: Reservation, answer: Answer) -> bool | None:
        """Keep the answer, settle the money and close the turn if it is over, all in one transaction."""
        with turn.writing() as tx:
            usage = answer.usage if answer.usage_reported else None
            reckoning.settle(tx, self, reservation, usage, answer.organisation, turn.clock())
            turn.note_step(tx, reservation.model)
            content = self._clean(answer)
            transcript.append(tx, turn.conversation.id, turn.id, "butler", content, Origin.BUTLER, turn.clock())
            words = transcript.words_of(content)
            # What a butler says after it read a stranger's text may be that stranger's words, wherever it is found again.
            origin = Origin.STRANGER if transcript.stranger_was_read(tx, turn.conversation.id) else Origin.BUTLER
            turn.note_said(tx, Speaker.BUTLER, turn.butler.name, words, origin)
            return self._conclude(tx, turn, answer.ending, words)

    def _conclude(self, tx: Connection, turn: Turn, ending: Ending, words: str) -> bool | None:
        if ending is Ending.CALLS:
            return None
        if ending is Ending.PAUSE or (ending is Ending.CONTEXT and self._make_room(tx, turn)):
            transcript.append(tx, turn.conversation.id, turn.id, "user", GO_ON, Origin.HOUSE, turn.clock())
            return None
        if ending is Ending.REFUSAL:
            transcript.withdraw(tx, turn.id)
        words = "\n\n".join(filter(None, (*transcript.words_before(tx, turn.id, GO_ON), words)))
        kind, text = {
            Ending.DONE: (ReplyKind.ANSWER, words or WORDLESS),
            Ending.LENGTH: (ReplyKind.ANSWER, words + LENGTH_NOTE),
            Ending.REFUSAL: (ReplyKind.FAILURE, REFUSED),
            Ending.CONTEXT: (ReplyKind.FAILURE, words or TOO_LONG),
        }[ending]
        return turn.end(tx, "answered" if kind is ReplyKind.ANSWER else "failed", kind, text)

    def _make_room(self, tx: Connection, turn: Turn) -> bool:
        entries = transcript.load(tx, turn.conversation.id, turn.butler.name)
        return transcript.drop_older_half(tx, turn.conversation.id, turn.id, entries)

    def _clean(self, answer: Answer) -> Content:
        """Mask secrets, and leave out calls that were cut off in the middle."""
        content: list[Block] = []
        for block in answer.content:
            if isinstance(block, Text):
                content.append(Text(text=self.redactor.clean(block.text)))
            elif not isinstance(block, Call):
                content.append(block)
            elif answer.ending is Ending.CALLS:
                content.append(block.model_copy(update={"arguments": self.redactor.clean_json(block.arguments)}))
        return tuple(content)
