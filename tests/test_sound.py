"""How long a recording can be at most, and in which form it is, by its own bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sound import measure
from tests.recordings import ogg, wav


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


def test_other_forms() -> None:
    """Samples are counted exactly, compressed forms by the least that a second takes."""
    assert length(wav(3)) in (3, 4)
    for head in (b"ID3\x04", b"\xff\xfb\x90", b"\0\0\0 ftypM4A ", b"\x1aE\xdf\xa3"):
        found = length(head + bytes(60_000))
        assert found is not None
        assert 60 <= found <= 130
    lying = bytearray(wav(3))
    struct.pack_into("<I", lying, 28, 10**6)  # bytes of a second, by which no player goes
    assert length(bytes(lying)) in (3, 4)


@pytest.mark.parametrize("content", [b"", b"#!AMR\n", b"fLaC", b"MThd", b"\xff", b"Ogg", bytes(64)])
def test_what_is_no_speech(content: bytes) -> None:
    """Anything else is not taken."""
    assert measure(content) is None


HEADS = [b"OggS", b"RIFF0000WAVE", b"RIFF0000WAVEfmt ", b"ID3", b"0000ftyp", b"\x1aE\xdf\xa3"]


@given(st.binary(max_size=300), st.sampled_from(HEADS))
def test_any_bytes_are_measured(content: bytes, head: bytes) -> None:
    """No bytes break it, and none are longer than could be."""
    sound = measure(head + content)
    assert sound is not None
    assert 1 <= sound.seconds <= 1 + len(head + content)
