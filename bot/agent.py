"""The loop: settle open calls, reserve money, ask the model, record, repeat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from bot import transcript
from bot.errors import ContextFull, ModelError, ThinkingRejected, TooManySteps
from bot.household import Butler
from bot.messages import Origin, ReplyKind
from bot.ports import Answer, Block, Call, Content, Ending, Interrupt, Model, Prompt, Text
from bot.prompt import system_prompt
from bot.redaction import Redactor
from bot.settling import Settling
from bot.skill_notes import SkillNote
from bot.tools import Toolbox
from bot.transcript import Entry
from bot.treasury.treasury import Reservation, Treasury
from bot.turn import Turn

GO_ON = (Text(text="[the house] Go on."),)
MAX_OUTPUT = 16_000  # tokens: a long answer with its thoughts
LENGTH_NOTE = "\n\n[My answer reached its greatest length here. Say “go on” for the rest.]"
REFUSED = "The model declined to answer this, so I have left it out of our conversation. Please ask in another way."
WORDLESS = "I have nothing to say to this."
TOO_LONG = "This is longer than the model can read at once. Please send a shorter part, or begin anew with /new."


@dataclass(frozen=True)
class Agent:
    """What answers a turn: a model, money, and the butler's tools."""

    model: Model
    treasury: Treasury
    settling: Settling
    toolbox: Callable[[Butler], Toolbox]
    notes: Sequence[SkillNote]
    redactor: Redactor
    show: Callable[[Turn, str], None]

    def run(self, turn: Turn, interrupt: Interrupt) -> bool:
        """Work until there is an answer; tell whether the conversation has more work.

        Raises TurnEnded, ModelError, or ClaimLost when the turn was stopped or taken over.
        """
        toolbox = self.toolbox(turn.butler)
        for step in range(turn.steps, turn.butler.max_steps):
            if step > 0 or turn.resumed:  # the messages with which a turn begins have just been read
                self.settling.settle(turn, toolbox)
                turn.read_new_messages()
            reservation, answer = self._ask(turn, toolbox, interrupt)
            more = self._record(turn, reservation, answer)
            if more is not None:
                return more
        self.settling.settle(turn, toolbox)
        raise TooManySteps(
            f"I stopped after {turn.butler.max_steps} steps without coming to an end. Tell me to go on, or ask for less."
        )

    def _ask(self, turn: Turn, toolbox: Toolbox, interrupt: Interrupt) -> tuple[Reservation, Answer]:
        while True:
            with turn.database.read() as tx:
                entries = transcript.load(tx, turn.conversation.id)
            prompt = self._prompt(turn, toolbox, entries)
            with turn.writing() as tx:
                reservation = self.treasury.reserve(tx, turn.id, self.model.name, prompt.size, prompt.max_output, turn.clock())
            try:
                return reservation, self.model.answer(prompt, reservation.key_id, lambda text: self.show(turn, text), interrupt)
            except ModelError as error:
                if not self._can_ask_again(turn, reservation, error, entries):
                    raise

    def _can_ask_again(self, turn: Turn, reservation: Reservation, error: ModelError, entries: Sequence[Entry]) -> bool:
        """Account for a request that failed; tell whether another prompt may fare better."""
        with turn.writing() as tx:
            close = self.treasury.charge if error.charged else self.treasury.release
            close(tx, reservation, turn.clock())
            if isinstance(error, ContextFull):
                return transcript.drop_older_half(tx, turn.conversation.id, turn.id, entries)
            if isinstance(error, ThinkingRejected):
                return transcript.drop_thoughts(tx, turn.conversation.id, entries)
            return False

    def _prompt(self, turn: Turn, toolbox: Toolbox, entries: Sequence[Entry]) -> Prompt:
        return Prompt(
            system=system_prompt(turn.butler, self.notes),
            tools=toolbox.forms,
            messages=transcript.prompt_messages(entries),
            max_output=MAX_OUTPUT,
        )

    def _record(self, turn: Turn, reservation: Reservation, answer: Answer) -> bool | None:
        """Keep the answer, settle the money and close the turn if it is over, all in one transaction."""
        with turn.writing() as tx:
            self.treasury.settle(tx, reservation, answer.usage, turn.clock())
            turn.note_step(tx)
            content = self._clean(answer)
            transcript.append(tx, turn.conversation.id, turn.id, "butler", content, Origin.BUTLER, turn.clock())
            return self._conclude(tx, turn, answer.ending, transcript.words_of(content))

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
        entries = transcript.load(tx, turn.conversation.id)
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
