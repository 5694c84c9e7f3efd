"""What the house needs from a provider that listens."""

from typing import Protocol, runtime_checkable

from bot.messages import Value
from bot.ports import Interrupt, Route
from bot.sounds.sound import Sound


class Heard(Value):
    """What was said in a recording; `seconds` are how long it was, where the provider says so."""

    text: str
    seconds: float | None = None
    organisation: str | None = None


@runtime_checkable
class Transcriber(Protocol):
    """One provider's models that listen."""

    def transcribe(self, sound: Sound, route: Route, interrupt: Interrupt) -> Heard:
        """Return what is said in a recording. Raises ModelError."""
        ...
