"""The house's errors, sorted by what the one who catches them must do.

ButlersError
    ConfigurationError      refuse to start; say what is wrong and how to mend it
    TurnEnded               end the turn and tell the person why
        BudgetSpent · TooManySteps · Repeating
    AllDry                  no key can be used: wait until `until`, when that is known
    ClaimLost               stop at once and write nothing: the turn belongs to somebody else now, or was stopped
    Suspect                 run the turn when no other one that killed a worker runs
    ModelError              what a model's provider answered instead of a message
        KeyRefused          no use trying with this key until somebody replaces it
        NoCredit            no use trying with this key until its account has money again
        RateLimited         no use trying with this organisation's keys for this model until a time
        Overloaded          no use trying with this provider for a while
        ModelMissing        no use asking for this model with this key
        Unavailable         this time the provider could not answer, or could not be reached
        Refused             no use trying again: the request itself is wrong
        ContextFull         try again with a shorter prompt
        ThinkingRejected    try again without the thoughts of earlier steps
    DeliveryError           what a chat's vendor answered instead of taking a message
        RetryLater · Doubtful · BadFormat · ChatGone · MessageGone · NotChanged
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


class ButlersError(Exception):
    """Any error that the house itself raises; its text may be shown to a person."""


_IN_PLAIN_WORDS = {
    "missing": "is missing",
    "decimal_parsing": "is no number; write it like 5 or 0.50",
    "decimal_max_places": "has too many digits behind the point",
    "int_parsing": "is no whole number",
    "int_type": "is no whole number",
    "string_type": "is no text in quotes",
    "model_type": "is no table",
    "dict_type": "is no table",
    "string_pattern_mismatch": "takes lower-case letters, digits and hyphens, a letter first, 32 at most",
    "string_too_short": "is empty",
}


def in_plain_words(problem: Mapping[str, Any]) -> str:
    """Return what pydantic found wrong as a person reads it."""
    return _IN_PLAIN_WORDS.get(problem["type"]) or str(problem["msg"]).removeprefix("Value error, ")


class ConfigurationError(ButlersError):
    """The house cannot start as it is set up."""


class TurnEnded(ButlersError):
    """The turn ends here, with this sentence as its answer."""


@dataclass
class BudgetSpent(TurnEnded):
    """No money is left for the next request; `count_by` is the model that could count what it takes more exactly."""

    reason: str
    count_by: Any = None

    def __str__(self) -> str:
        """Return the sentence for the person."""
        return self.reason


@dataclass
class AllDry(ButlersError):
    """No key can be used; `until` is when the first one can be, and `may_try_again` says that it may be so at any moment.

    `count_by` is the model that could count what the request takes more exactly, where a key lacks only tokens.
    """

    reason: str
    until: datetime | None
    may_try_again: bool = False
    count_by: Any = None

    def __str__(self) -> str:
        """Return why, in the providers' words."""
        return self.reason


class TooManySteps(TurnEnded):
    """The turn took as many steps as its butler may take."""


class Repeating(TurnEnded):
    """The butler did the same thing with the same result again and again."""


class ClaimLost(ButlersError):
    """The conversation is no longer this worker's."""


class Suspect(ButlersError):
    """A worker died before over this turn."""


@dataclass
class ModelError(ButlersError):
    """A request to a model failed.

    `reason` is the provider's own sentence. `charged` says whether the provider may have billed the request all the same.
    `organisation` is whose limits the key shares, as far as the provider said. Each subclass says who is to blame.
    """

    reason: str
    charged: bool = False
    organisation: str | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        """Return the provider's own sentence."""
        return self.reason


@dataclass
class KeyRefused(ModelError):
    """The provider does not accept the key (401, 403)."""


@dataclass
class NoCredit(ModelError):
    """The key's account has no money left, or reached a limit of its own (402); `until` is when it has access again."""

    until: datetime | None = None
    wait: float | None = None  # what it asked for, in seconds, where it named no time


@dataclass
class RateLimited(ModelError):
    """The key's organisation asked too often for this model (429); `wait` is what the provider asked for, in seconds."""

    wait: float | None = None


@dataclass
class Overloaded(ModelError):
    """The provider has too much to do, whoever asks (529); `wait` is what it asked for, in seconds."""

    wait: float | None = None


@dataclass
class Unavailable(ModelError):
    """The provider cannot answer now, or cannot be reached; `wait` is what it asked for, in seconds."""

    wait: float | None = None


@dataclass
class ModelMissing(ModelError):
    """The provider has no such model, or has it no more, or not for this key (404)."""


@dataclass
class Refused(ModelError):
    """The provider will never take this request."""


@dataclass
class ContextFull(ModelError):
    """The prompt is longer than the model's context."""


@dataclass
class ThinkingRejected(ModelError):
    """The provider no longer accepts the thoughts that it gave out earlier."""


@dataclass
class DeliveryError(ButlersError):
    """A chat's vendor did not take a message; `reason` is the vendor's sentence."""

    reason: str

    def __str__(self) -> str:
        """Return the vendor's own sentence."""
        return self.reason


@dataclass
class RetryLater(DeliveryError):
    """Surely not taken; to be sent again after `wait` seconds, if the vendor said how many."""

    wait: float | None = None


@dataclass
class Doubtful(DeliveryError):
    """Perhaps taken: the answer was lost."""


@dataclass
class FileRefused(DeliveryError):
    """The vendor never gives a file out; `reason` goes on after the file's name, and says what to do instead."""


@dataclass
class BadFormat(DeliveryError):
    """The vendor takes the text, but not its formatting."""


@dataclass
class NotChanged(DeliveryError):
    """The message already reads exactly so."""


@dataclass
class ChatGone(DeliveryError):
    """Nobody can be reached there any more."""


@dataclass
class MessageGone(DeliveryError):
    """The message that was to be changed is no longer there."""
