"""What people have done at times: new schedules of their words, and old ones that say something else."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.commands.book import Asking
from bot.household import Household
from bot.people import TERMINAL
from bot.schedules import book, english, naming, reading, standing
from bot.schedules.book import Draft, OffBy, Purpose, Schedule, Source
from bot.schedules.when import When

BETWEEN = "::"
NO_WORDS = f"After {BETWEEN} stands what is to be done, and nothing stands there."
URGENT = {"urgent": True, "not urgent": False}
_FILLERS = re.compile(r"(?:me|us)\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Wish:
    """What somebody wants to have done, and when."""

    when: When
    prompt: str


def add(asking: Asking, household: Callable[[], Household], purpose: Purpose) -> Schedule:
    """Keep what somebody wants done at a time. Raises ValueError with a sentence."""
    wish = _read(asking, purpose)
    naming.refuse_long(wish.prompt)
    naming.refuse_more(asking.tx, asking.person.id)
    is_main = asking.conversation.address.channel == TERMINAL  # it is open only now and then
    draft = Draft(
        butler=household().get(asking.conversation.butler).name,
        name=naming.name_for(asking.tx, asking.person.id, wish.prompt),
        source=Source.CHAT,
        purpose=purpose,
        person_id=asking.person.id,
        conversation_id=None if is_main else asking.conversation.id,
        when=wish.when,
        follows=wish.when.zone == asking.zone,
        prompt=wish.prompt,
        exact=purpose is Purpose.REMINDER,
    )
    return book.add(asking.tx, draft, asking.now)


def edit(asking: Asking, schedule: Schedule, words: str) -> Schedule:
    """Let a schedule say something else: another time, other words, both, or how urgent. Raises ValueError with a sentence."""
    if not words:
        number = schedule.id
        raise ValueError(
            f"Say what shall be otherwise: `/schedule edit {number} every 3h`, `/schedule edit {number} :: new words`, or both "
            f"at once; `/schedule edit {number} urgent` lets it not wait for the end of quiet hours."
        )
    if words.lower() in URGENT:
        return book.change(asking.tx, schedule, replace(schedule, urgent=URGENT[words.lower()]), asking.now)
    time, between, prompt = (part.strip() for part in words.partition(BETWEEN))
    if between and not prompt:
        raise ValueError(NO_WORDS)
    changed: Draft = schedule
    if prompt:
        naming.refuse_long(prompt)
        is_ours = naming.is_name_of(schedule.name, schedule.prompt)
        name = naming.name_for(asking.tx, asking.person.id, prompt) if is_ours else schedule.name
        changed = replace(changed, prompt=prompt, name=name)
    if time:
        # A schedule that keeps a zone of its own is read in that.
        zone = asking.zone if schedule.follows else schedule.when.zone
        when = reading.read_when(time, asking.now, zone)
        is_same = when.is_like(schedule.when)
        follows = schedule.follows and when.zone == asking.zone
        # The same interval goes on from where it began.
        changed = replace(changed, when=schedule.when if is_same else when, follows=follows, until=None)
    made = book.change(asking.tx, schedule, changed, asking.now)
    return book.switch_on(asking.tx, made, asking.now) if time and schedule.off_by is OffBy.DONE else made


def quiet_note(asking: Asking, schedule: Schedule) -> str:
    """Return a sentence for who will not hear of a schedule at its time, or nothing."""
    if not schedule.is_on:
        return ""
    for at in english.next_times(schedule, asking.now):
        until = standing.held_until(asking.tx, schedule, asking.person, at)
        if until is not None:
            return (
                f" At {_clock(at, asking.zone)} you have quiet hours, so you hear of it at {_clock(until, asking.zone)}; "
                f"`/schedule edit {schedule.id} urgent` changes that."
            )
    return ""


def _read(asking: Asking, purpose: Purpose) -> Wish:
    """Read a time and what is to be done then; where nothing stands between both, the time is as long as it can be."""
    text = asking.arguments
    if purpose is Purpose.REMINDER:
        text = _FILLERS.sub("", text, count=1) if _FILLERS.match(text) else text
    if BETWEEN in text:
        time, _, prompt = (part.strip() for part in text.partition(BETWEEN))
        if not prompt:
            raise ValueError(NO_WORDS)
        return Wish(reading.read_when(time, asking.now, asking.zone), prompt)
    when, prompt = reading.split_when(text, asking.now, asking.zone)
    return Wish(when, prompt.removeprefix("to ") if purpose is Purpose.REMINDER else prompt)


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"
