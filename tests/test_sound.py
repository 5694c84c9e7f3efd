"""How long a recording can be at most, and in which form it is, by its own bytes."""

import pytest

from bot.sounds.sound import measure
from tests.recordings import ogg


def length(content: bytes, told: int = 0) -> int | None:
    """Return how long it is taken to be."""
    sound = measure(content, told)
    return None if sound is None else sound.seconds


@pytest.mark.parametrize("seconds", [0.1, 1, 59.98, 60, 600])
def test_a_voice_note_is_measured_by_its_packets(seconds: float) -> None:
    """Each packet of Opus says how long it is, so that the length is right whatever the file claims of itself."""
    wanted = max(1, -(-int(seconds * 100) // 100))
    assert length(ogg(seconds)) == wanted
    assert length(ogg(seconds, claimed=1)) == wanted


def test_what_is_claimed_only_makes_it_longer() -> None:
    """A longer position, and what a vendor says, are believed where they are more."""
    assert length(ogg(2, claimed=40)) == 40
    assert length(ogg(2), told=7) == 7


@pytest.mark.parametrize(("config", "ticks"), [(0, 480), (3, 2880), (13, 960), (16, 120), (31, 960)])
@pytest.mark.parametrize(("count", "frames"), [(0, 1), (1, 2), (2, 2)])
def test_every_kind_of_packet(config: int, ticks: int, count: int, frames: int) -> None:
    """Frames of every length count, alone and by twos."""
    content = ogg(10).replace(b"\x08U", bytes((config << 3 | count,)) + b"U")
    assert length(content) == max(10, -(-500 * ticks * frames // 48_000))


@pytest.mark.parametrize("content", [b"", b"#!AMR\n", b"fLaC", b"MThd", b"\xff", b"Ogg", bytes(64)])
def test_what_is_no_speech(content: bytes) -> None:
    """Anything else is not taken."""
    assert measure(content) is None
