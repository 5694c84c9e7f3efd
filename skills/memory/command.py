"""/memory: shows a person what a butler was told, corrects it, and forgets it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, or_, select

from bot import questions
from bot.commands.book import Asking, Command, is_number
from bot.erasing import KIND, OPTIONS, QUESTION
from bot.forgetting import wishes
from bot.forgetting.traces import Traces
from bot.forgetting.wishes import CLEANING
from bot.household import Household
from bot.names import plain
from bot.questions import Question
from bot.search import folding
from bot.store.database import Database
from bot.store.schedule_tables import ON, schedules
from skills.memory import facts
from skills.memory.facts import Fact, Telling
from skills.memory.telling import Traced, forgotten, in_words

ASKED_FOR = timedelta(hours=1)
LONGEST = 2_000
MOST_PAGES = 1_000_000
USAGE = (
    "`/memory` lists what I was told, `/memory WORDS` finds some of it, `/memory correct 3 NEW WORDS`, `/memory history 3` and "
    "`/memory forget 3` are for the fact of that number, and `/memory forget everything` is for all of it."
)


def memory_command(household: Callable[[], Household], store_of: Callable[[str], Database]) -> Command:
    """Return the command."""
    usage = "[WORDS|correct|history|forget …]"
    return Command("memory", usage, "shows and changes what I was told", _Memory(household, store_of).answer, alone=True)


@dataclass(frozen=True)
class _Memory:
    household: Callable[[], Household]
    store_of: Callable[[str], Database]

    def answer(self, asking: Asking) -> str:
        """Answer the command."""
        butler = self.household().get(asking.conversation.butler).name
        traced = Traced(self.store_of(butler), butler)
        word, _, rest = asking.arguments.partition(" ")
        rest = rest.strip()
        if word == "forget" and rest.casefold() == "everything":
            return _ask_whether_all(asking)
        number, _, words = rest.partition(" ")
        if word == "page" and is_number(number) and not words:
            return _listed(asking, traced, "", min(max(int(number), 1), MOST_PAGES))
        of_one = {"forget": _forget, "correct": _correct, "history": _history}.get(word)
        if of_one is not None and is_number(number) and bool(words.strip()) is (word == "correct"):
            return of_one(asking, traced, int(number), words.strip())
        if of_one is not None and (not rest or is_number(number)):
            return USAGE
        if of_one is not None and number.isascii() and number.isdecimal():
            return f"There is no fact {number}."  # it is longer than any number that is kept
        return _listed(asking, traced, asking.arguments, 1)


def _listed(asking: Asking, traced: Traced, words: str, page: int) -> str:
    gone = wishes.pending(asking.tx, asking.subject, traced.butler)
    all_found = facts.find(traced.store, asking.subject, words, skip=(page - 1) * facts.MOST)
    found = [fact for fact in all_found if fact.id not in gone]
    if not found:
        about = " about that" if words else " more" if page > 1 else ""
        return f"**{traced.butler}** was told nothing{about}{'' if page > 1 else ' yet'}."
    lines = "\n".join(f"- {fact.id}: {plain(in_words(fact, asking.zone))}" for fact in found)
    more = f"`/memory page {page + 1}` shows older ones. " if not words and len(all_found) == facts.MOST else ""
    return f"**{traced.butler}** was told:\n{lines}\n\n{more}{USAGE}"


def _forget(asking: Asking, traced: Traced, number: int, _: str) -> str:
    chain = forgotten(asking.tx, traced, asking.subject, number, f"reply:{asking.reply_id}", asking.now, asking.reply_id)
    if not chain:
        return f"There is no fact {number}."
    before = f", and what it replaced ({len(chain) - 1})," if len(chain) > 1 else ""
    return " ".join((f"Fact {number}{before} is forgotten.", *_still_said(asking, chain), CLEANING))


def _still_said(asking: Asking, chain: list[Fact]) -> list[str]:
    """Return a sentence about the schedules that go on saying it: they are the person's own, who alone takes them back."""
    traces = Traces([fact.text for fact in chain], asking.now.date(), frozenset(folding.words(asking.person.name)))
    mine = or_(schedules.c.person_id == asking.person.id, schedules.c.conversation_id == asking.conversation.id)
    rows = asking.tx.execute(select(schedules.c.id, schedules.c.prompt, schedules.c.name).where(mine, ON)).all()
    return [
        f"Schedule {row.id} still says it; `/schedule remove {row.id}` removes that."
        for row in rows
        if traces.clean(row.prompt) != row.prompt or traces.clean(row.name) != row.name
    ]


def _correct(asking: Asking, traced: Traced, number: int, words: str) -> str:
    with traced.store.write() as tx:
        old = _standing(tx, asking, traced, number)
        if old is None:
            return f"There is no fact {number}."
        told = Telling(words[:LONGEST], asking.person.name, asking.now, about=old.about)
        later = None if old.replaced_by is None else facts.get(tx, asking.subject, old.replaced_by)
        if later is not None and later.text != told.text:  # the same words come again when a crash lost the answer
            return f"Fact {number} no longer holds: fact {later.id} took its place. Correct that one."
        kept = (later.id, False) if later is not None else facts.tell(tx, asking.subject, told, number)
    if kept is None:
        return f"There is no fact {number}."
    if kept[0] == number:
        return f"Fact {number} says that already."
    return f"Fact {kept[0]} holds now: {plain(told.text)}\n\nUntil today it was: {plain(old.text)} (fact {number})"


def _standing(tx: Connection, asking: Asking, traced: Traced, number: int) -> Fact | None:
    return None if number in wishes.pending(asking.tx, asking.subject, traced.butler) else facts.get(tx, asking.subject, number)


def _history(asking: Asking, traced: Traced, number: int, _: str) -> str:
    with traced.store.read() as tx:
        gone = _standing(tx, asking, traced, number) is None
        chain = [] if gone else facts.chain(tx, asking.subject, number)
    if not chain:
        return f"There is no fact {number}."
    return "\n".join(f"- {fact.id}: {plain(in_words(fact, asking.zone))}" for fact in chain)


def _ask_whether_all(asking: Asking) -> str:
    if not asking.is_private:
        return "I forget everything only in a private chat with me. Here, `/memory forget 3` forgets one fact."
    question = Question(KIND, {}, OPTIONS, asking.person.id, asking.now + ASKED_FOR)
    questions.ask_in(asking.tx, question, asking.reply_id, asking.now)
    return QUESTION
