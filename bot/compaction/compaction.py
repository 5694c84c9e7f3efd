"""Compaction: sums up the older part of a conversation by the small model, when nobody waits for it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from uuid import uuid4

from sqlalchemy import Connection

from bot import transcript
from bot.compaction import form, record, stretch
from bot.compaction.essentials import Line, words_of
from bot.compaction.form import BadSummary
from bot.compaction.source import essentials, written
from bot.compaction.stretch import Standing, Stretch
from bot.errors import AllDry, BudgetSpent, ModelError
from bot.messages import Origin
from bot.pauses import growing_pause
from bot.small_model import SmallModel
from bot.store.database import Database
from bot.transcript import Entry
from bot.treasury.budgets import Spender
from bot.turn import Clock, Turn

MAX_OUTPUT = 4_000  # tokens
MOST_TRIES = 2  # of a model that gives no summary; then the house makes one by itself
MOST_STEPS = 50  # summaries in a row, of a log that was never summed up
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0  # seconds between tries that the money or the provider did not allow
MOST_HALVINGS = 3
MOST_FAILURES = 3  # of a provider, in a row; then the house makes a summary by itself
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Work:
    """A summary that is being made."""

    conversation_id: int
    token: str
    before: Standing
    stretch: Stretch
    entries: Sequence[Entry]
    origin: Origin
    spender: Spender

    @cached_property
    def essential(self) -> list[Line]:
        """What must not be lost, of the summary before it and of what came since."""
        focus = words_of(self.before.focus or "")
        return [*form.essentials_of(self.before.text or "", focus), *essentials(self.entries, focus)]


@dataclass(frozen=True)
class Compaction:
    """Makes summaries, one of a conversation at a time, and puts each in place at once and whole."""

    database: Database
    worker: str
    small: SmallModel
    clock: Clock

    def tend(self, conversation_id: int) -> None:
        """Shorten a conversation's prompt if that is due: after an answer is out, so that nobody waits for it."""
        for _ in range(MOST_STEPS):
            with self.database.read() as tx:
                here = stretch.standing(tx, conversation_id)
            if here.ready_id is not None and not self._put_in_place(conversation_id, here.ready_id):
                return
            if here.ready_id is None and not (self._is_due(here) and self._step(conversation_id, _kept(here), _at_once(here))):
                return

    def shrink(self, turn: Turn, size: int) -> bool:
        """Shorten the prompt of a turn that no provider can read; tell whether it is shorter now."""
        return self._step(turn.conversation.id, min(stretch.KEPT, size // 4), min(stretch.AT_ONCE, size // 2), turn)

    def _is_due(self, here: Standing) -> bool:
        now = self.clock()
        is_taken = here.begun_at is not None and here.begun_at > now - record.LEASE
        is_early = here.due_at is not None and here.due_at > now
        return not is_taken and not is_early and (here.is_long or here.asked_by is not None)

    def _put_in_place(self, conversation_id: int, summary_id: int, turn: Turn | None = None) -> bool:
        with self.database.write() as tx:
            return record.put_in_place(tx, conversation_id, summary_id, turn.token if turn else None)

    def _step(self, conversation_id: int, kept: int, at_once: int, turn: Turn | None = None) -> bool:
        """Sum up what is next and put it in place; tell whether there may be more to do."""
        with self.database.write() as tx:
            work = self._begin(tx, conversation_id, kept, at_once, turn)
        if work is None:
            return False
        try:
            summary = self._make(work)
        except (BudgetSpent, AllDry, ModelError) as error:
            if not isinstance(error, ModelError) or (work.before.failures or 0) < MOST_FAILURES:
                self._fail(work, error)
                return False
            summary = form.complete({}, work.essential)
        with self.database.write() as tx:
            now = self.clock()
            if not record.release(tx, conversation_id, self.worker, work.token, now):
                return False
            made = record.keep(tx, conversation_id, work.before, work.stretch, str(summary), work.origin, now)
            log.info("%s characters of conversation %s are summed up", work.stretch.characters, conversation_id)
            return record.put_in_place(tx, conversation_id, made, turn.token if turn else None)

    def _begin(self, tx: Connection, conversation_id: int, kept: int, at_once: int, turn: Turn | None) -> _Work | None:
        """Take on the next stretch; None where there is none, or somebody else is at it."""
        record.free_stale(tx, conversation_id, self.small.treasury, self.clock())
        here = stretch.standing(tx, conversation_id)
        chosen = stretch.choose(tx, conversation_id, here, kept, at_once)
        if chosen is None and here.asked_by is not None and here.worker is None:
            record.answer(tx, conversation_id, _done(here), self.clock())
        if chosen is None or (turn is not None and here.has_gap):  # what no summary covers does not make a prompt shorter
            return None
        payer = turn.id if turn is not None else chosen.turn_id
        token, now = uuid4().hex, self.clock()
        if not record.claim(tx, conversation_id, self.worker, token, payer, now):
            return None
        is_strange = here.origin == Origin.STRANGER or stretch.is_strange(tx, conversation_id, chosen)
        return _Work(
            conversation_id=conversation_id,
            token=token,
            before=here,
            stretch=chosen,
            entries=transcript.between(tx, conversation_id, chosen.after, chosen.until),
            origin=Origin.STRANGER if is_strange else Origin.HOUSE,
            spender=turn.spender if turn is not None else record.spender(tx, conversation_id, payer, here.asked_by),
        )

    def _make(self, work: _Work) -> form.Summary:
        """Return a summary that a model made and the house completed, or one that the house made by itself."""
        before, source, complaint = work.before.text or "", written(work.entries), ""
        for _ in range(MOST_TRIES):
            asked = form.request(before, source, work.before.focus or "", complaint)
            answer = self.small.ask(work.spender, form.INSTRUCTION, asked, MAX_OUTPUT)
            try:
                return form.complete(form.read(answer, f"{before}\n{source}"), work.essential)
            except BadSummary as error:
                complaint = str(error)
                log.warning("what a model gave is no summary: %s", complaint)
        return form.complete({}, work.essential)

    def _fail(self, work: _Work, error: Exception) -> None:
        pause = growing_pause(work.before.failures or 0, LONGEST_PAUSE, FIRST_PAUSE)
        log.warning("conversation %s could not be summed up: %s", work.conversation_id, error)
        with self.database.write() as tx:
            again_at = self.clock() + timedelta(seconds=pause)
            record.note_failure(tx, work.conversation_id, work.token, str(error), again_at)
            if work.before.asked_by is not None:
                words = f"What was said here could not be summed up, and stands as it was. {error}"
                record.answer(tx, work.conversation_id, words, self.clock())


def _kept(here: Standing) -> int:
    return stretch.KEPT if here.asked_by is None else stretch.KEPT_WHEN_ASKED


def _done(here: Standing) -> str:
    before = f"{here.was_entries or 0} messages ({here.was_characters or 0:,} characters)"
    return f"Summed up: at each message I read {record.in_words(here)} now; it was {before}. All that was said is kept."


def _at_once(here: Standing) -> int:
    """Return how much is summed up by one request: less after each failure, since the prompt may have been too long."""
    return stretch.AT_ONCE >> min(here.failures or 0, MOST_HALVINGS)
