"""What happened to a turn beside its messages and calls, kept for whoever asks how it went."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert

from bot.store.busy_tables import turn_events

_NOTE = insert(turn_events)


class Happening(StrEnum):
    """What can happen to a turn."""

    WAITS = "waits"
    GOES_ON = "goes on"
    WORKER_DIED = "worker died"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    NOT_ANSWERED = "not answered"  # a request to a model failed


def note(tx: Connection, turn_id: int, kind: Happening, words: str, now: datetime) -> None:
    """Note what happened; words that came from outside are clean of secrets already."""
    tx.execute(_NOTE, {"turn_id": turn_id, "at": now, "kind": kind, "words": words})
