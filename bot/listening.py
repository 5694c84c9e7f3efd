"""Listening: speech that came with a turn's messages becomes the words of who spoke, once, and under a reservation."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import Connection, Row

from bot import blobs, files, hearing, spoken, transcript
from bot.errors import ModelError, TurnEnded
from bot.messages import Origin
from bot.people import person
from bot.ports import Interrupt, Text, Usage
from bot.redaction import Redactor
from bot.search import history
from bot.search.history import Speaker, Words
from bot.showing import as_heard
from bot.sounds.sound import FORMS, LARGEST, LONGEST, Sound, measure
from bot.switchboard.decisions import OPEN
from bot.transcribers import Heard, Transcriber
from bot.treasury import reckoning
from bot.treasury.alerts import Alert
from bot.treasury.choice import Wish
from bot.treasury.prices import ModelPrice
from bot.treasury.providers import Tier
from bot.treasury.reservation import Reservation
from bot.treasury.treasury import Treasury
from bot.turn import Turn

NOBODY = (
    "I cannot listen to voice notes yet: that takes a key of a provider that transcribes speech. Set GROQ_API_KEY or "
    "OPENAI_API_KEY for the house, or write to me what you said."
)
SILENCE = "I heard no words in your voice note. Please say it once more, or write it."
TOO_LARGE = f"Your voice note has more than the {LARGEST // 10**6} MB that I can listen to. Please send it in parts."
TOO_LONG = f"Your voice note may be longer than the {LONGEST // 3600} hours that I listen to. Please send it in parts."
UNPLAYABLE = f"I cannot play what you recorded. Please send it as {FORMS}, or write it."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listening:
    """Has speech transcribed by one key after the other until one answers."""

    transcribers: Callable[[str], Transcriber]
    treasury: Treasury
    redactor: Redactor
    tell: Callable[[Connection, Alert, datetime], object]

    def listen(self, turn: Turn, interrupt: Interrupt) -> None:
        """Hear what was said to a turn and nobody has heard yet. Raises TurnEnded, AllDry and ClaimLost."""
        with turn.database.read() as tx:
            notes = spoken.unheard(tx, turn.id)
        for note in notes:
            self._hear(turn, note, interrupt)

    def _hear(self, turn: Turn, note: Row[Any], interrupt: Interrupt) -> None:
        if not self._prices:
            raise TurnEnded(NOBODY)
        with turn.database.read() as tx:
            content = blobs.read(tx, note.sha256)
        reservation, heard = self._ask(turn, _playable(content), interrupt)
        words = self.redactor.clean(heard.text).strip()
        with turn.writing() as tx:
            now = turn.clock()
            reckoning.settle(tx, self, reservation, self._used(reservation, heard), heard.organisation, now)
            _keep(tx, turn, note, words, now)
        if not words:
            raise TurnEnded(SILENCE)

    def _ask(self, turn: Turn, sound: Sound, interrupt: Interrupt) -> tuple[Reservation, Heard]:
        """Ask by one key after the other. Raises TurnEnded, also with what the provider says, and AllDry."""
        avoid: dict[str, str] = {}
        seconds = max(sound.seconds, *(price.least for price in self._prices))
        while True:
            wish = Wish(turn.spender, Tier.VOICE, seconds, 0, counted=seconds, avoid=avoid, aside=True)
            with turn.writing() as tx:
                reservation = self.treasury.reserve(tx, wish, turn.clock(), turn.zone)
            route = reservation.route
            try:
                return reservation, self.transcribers(route.provider).transcribe(sound, route, interrupt)
            except ModelError as error:
                with turn.writing() as tx:
                    keys = reckoning.blame(tx, self, reservation, error, turn.clock())
                if reservation.key_id not in keys:
                    raise TurnEnded(f"I could not listen to your voice note. Its provider says: {error.reason}") from error
                avoid.update(dict.fromkeys(keys, error.reason))

    @property
    def _prices(self) -> list[ModelPrice]:
        """What it costs to listen, with each provider that does and has a key."""
        providers = self.treasury.providers
        names = dict.fromkeys(key.provider for key in self.treasury.keys)
        found = ((name, providers.nearest_model(name, Tier.VOICE)) for name in names)
        return [providers[name].models[model] for name, model in found if model is not None]

    def _used(self, reservation: Reservation, heard: Heard) -> Usage | None:
        """Return the seconds that are to be paid, as far as the provider reported them."""
        if heard.seconds is None:
            return None
        price = self.treasury.providers[reservation.route.provider].models[reservation.model]
        return Usage(input=max(ceil(heard.seconds), price.least))


def _playable(content: bytes) -> Sound:
    """Return speech that a provider takes. Raises TurnEnded."""
    if len(content) > LARGEST:
        raise TurnEnded(TOO_LARGE)
    sound = measure(content)
    if sound is None:
        raise TurnEnded(UNPLAYABLE)
    if sound.seconds > LONGEST:
        raise TurnEnded(TOO_LONG)
    return sound


def _keep(tx: Connection, turn: Turn, note: Row[Any], words: str, now: datetime) -> None:
    """Keep what was heard, and let the butler read it as what its speaker wrote; at once where the message has been read."""
    files.note_words(tx, note.id, words)
    spoken.add_to_message(tx, note.inbox_id, words)
    if note.butler == OPEN:
        return
    address, origin = turn.conversation.address, Origin(note.origin)
    speaker, sent_at = person(tx, note.person_id), note.sent_at.astimezone(turn.zone)
    told = hearing.in_words(as_heard(words), origin, speaker, sent_at, private=address.private)
    transcript.append(tx, turn.conversation.id, turn.id, "user", (Text(text=told),), origin, now)
    where = (address.subject(note.person_id), turn.conversation.id, turn.id)
    history.note(tx, Words(*where, Speaker.PERSON, words, origin, note.sent_at, person_id=note.person_id))
