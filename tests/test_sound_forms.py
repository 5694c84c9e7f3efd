"""Recordings in every form: how long they can be at most, and what is refused because nobody could say."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from bot.sounds.sound import measure
from tests.recordings import box, element, id3, m4a, mp3, ogg, time_of_cluster, vorbis, wav, webm

FORMS: dict[str, Callable[[float], bytes]] = {"ogg": ogg, "vorbis": vorbis, "wav": wav, "mp3": mp3, "m4a": m4a, "webm": webm}
RATE = struct.pack(">I", 44_100)
lengths = st.floats(0.1, 40)
HEADS = [b"OggS", b"RIFF0000WAVE", b"RIFF0000WAVEfmt ", b"ID3", b"\xff\xfb\x90\xc0", b"0000ftyp", b"\x1aE\xdf\xa3"]
changes = st.tuples(st.floats(0, 1), st.sampled_from(["set", "cut", "add", "double"]), st.binary(min_size=1, max_size=9))


def length(content: bytes) -> int | None:
    """Return how long it is taken to be."""
    sound = measure(content)
    return None if sound is None else sound.seconds


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seconds", [1.5, 59.5, 600.5])
def test_the_length_is_what_it_is(form: str, seconds: float) -> None:
    """Each form is measured to the second by what is in it, whatever it takes of space."""
    found = length(FORMS[form](seconds))
    assert found is not None
    assert seconds - 0.5 <= found <= seconds + 1


@pytest.mark.parametrize("kbits", [32, 64, 320])
def test_mp3_at_every_bit_rate(kbits: int) -> None:
    """Frames are counted, not bytes; a picture in a tag before them is no sound."""
    assert length(mp3(30, kbits)) in (30, 31)
    assert length(mp3(30, kbits, tag=id3(50_000))) in (30, 31)


def test_mp3_claims_and_breaks() -> None:
    """A claim of more frames is believed, one of fewer is not; what follows a break counts as the shortest frames."""
    assert length(mp3(30, xing=10)) in (30, 31)
    assert length(mp3(30, xing=38_282)) in (1_000, 1_001)
    for rest in (bytes(18_000), b"TAG" + bytes(17_997), b"\xff\xe3\x18\xc4" * 4_500):
        assert length(mp3(30) + rest) in range(129, 133)
    free = b"\xff\xfb\x00\xc0" + bytes(9)
    assert length(free * 100) is None  # of which nothing says how long it is
    assert length(mp3(1) + free * 1_000) in range(73, 76)


def test_m4a_says_it_in_several_places() -> None:
    """Samples take what the codec says, whatever their times claim; longer times, and pieces played again, are believed."""
    assert length(m4a(30, ticks=1)) in (30, 31)
    assert length(m4a(30, ticks=4_096)) in range(119, 123)
    assert length(m4a(30, edits=10)) in range(299, 303)
    assert length(m4a(30, 16_000)) in (30, 31)
    for rest in (struct.pack(">I4sQ", 1, b"free", 16), b"\0\0\0\0free and so on to the end"):
        assert length(m4a(30) + rest) in (30, 31)


@pytest.mark.parametrize(
    "content",
    [
        m4a(3, more=box(b"mvex")),  # in fragments
        m4a(3) + box(b"moof"),
        m4a(3) + box(b"moov"),  # which of them?
        m4a(3).replace(b"\x04\x11\x40", b"\x04\x11\x6b"),  # MP3 in MPEG 4
        m4a(3).replace(b"mp4a", b"samr"),
        m4a(3).replace(b"stts", b"sttx"),
        m4a(3)[:-1],
        m4a(3).replace(b"soun", b"vide"),  # no sound in it
        m4a(3).replace(b"mvhd" + bytes(12) + RATE, b"mvhd" + bytes(16)),  # no ticks in a second
        m4a(3).replace(b"stts" + bytes(4) + b"\0\0\0\1", b"stts" + bytes(4) + b"\0\0\0\x09"),  # rows beyond the end
        m4a(3).replace(b"mp4a" + bytes(6) + b"\0\1\0\0", b"mp4a" + bytes(6) + b"\0\1\0\1"),  # an older form
        m4a(3).replace(struct.pack(">H", 2 << 11 | 4 << 7 | 8), struct.pack(">H", 2 << 11 | 15 << 7 | 8)),  # no such rate
        m4a(3) + b"\0\0\0\4" * 4,  # a box that is smaller than its head
        box(b"ftyp", b"M4A ") + box(b"mdat", bytes(1_000)),
        webm(3, codec=b"A_VORBIS"),
        webm(3, track=element(0x6D80, b"")),  # packets without their beginnings
        webm(3).replace(b"\x80\x08U", b"\x82\x08U"),  # several packets in a block
        webm(3, is_open=False) + b"\xff",
        webm(3, is_open=False).replace(element(0xD7, b"\1"), element(0xD7, b"\1")[:-2] + b"\x09\1"),
        webm(3)[:-1],
        webm(3).replace(b"\x1fC\xb6u\x01", b"\x8e\x01"),  # parts that nobody knows, in which there may be anything
        b"\x1aE\xdf\xa3" + bytes(100),
        wav(3).replace(b"fmt \x10\0\0\0\x01", b"fmt \x10\0\0\0\x31"),  # of a codec
        wav(3).replace(b"WAVE", b"WAVE" + wav(3)[12:36]),
        wav(3).replace(struct.pack("<HH", 2, 16), struct.pack("<HH", 0, 0)),
        ogg(3) + vorbis(3),
        b"OggS" + bytes(100),
        b"ID3\x04\0\0\0\0\0\0" + bytes(100),
    ],
)
def test_what_cannot_be_bounded_is_refused(content: bytes) -> None:
    """Fragments, other codecs, laced, packed or broken recordings, and those that are two at once, are not sent to anybody."""
    assert measure(content) is None


def test_webm_claims() -> None:
    """What is told is believed where it is more than the packets, as where silence was left out; never where it is less."""
    assert length(webm(30, duration=1)) in (30, 31)
    assert length(webm(30, duration=90)) == 90
    assert length(webm(30).replace(time_of_cluster(29), time_of_cluster(300))) == 301
    assert measure(webm(3, duration=float("nan"))) is None
    assert length(webm(30, is_open=False)) in (30, 31)


def test_wav_is_not_what_looks_like_a_head() -> None:
    """A chunk that only holds the words of a head is walked over; how many bytes a second has is not believed."""
    lying = bytearray(wav(3))
    struct.pack_into("<I", lying, 28, 10**6)
    assert length(bytes(lying)) in (3, 4)
    decoy = b"LIST" + struct.pack("<I", 24) + b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, 192_000, 1, 8, 32)[:20]
    assert length(wav(3).replace(b"WAVE", b"WAVE" + decoy)) in (3, 4)


@given(st.sampled_from(sorted(FORMS)), lengths)
@settings(max_examples=50)
def test_the_bound_is_never_below(form: str, seconds: float) -> None:
    """No recording is longer than it is taken to be."""
    found = length(FORMS[form](seconds))
    assert found is not None
    assert found >= int(seconds - 0.1)


@given(st.sampled_from(sorted(FORMS)), st.lists(changes, max_size=8))
@settings(deadline=2_000)
def test_changed_recordings(form: str, changed: list[tuple[float, str, bytes]]) -> None:
    """Recordings in which bytes are changed, left out, added and doubled are measured or refused, and never break it."""
    content = FORMS[form](2)
    for where, how, what in changed:
        at = int(where * len(content))
        rest = {"set": at + len(what), "cut": at + 10 * len(what), "add": at, "double": max(0, at - 50)}[how]
        content = content[:at] + (b"" if how in ("cut", "double") else what) + content[rest:]
    sound = measure(content)
    assert sound is None or sound.seconds >= 1


@given(st.sampled_from(HEADS), st.binary(max_size=300))
def test_any_bytes_are_measured(head: bytes, content: bytes) -> None:
    """Whatever follows the beginning of a recording, it is measured or refused."""
    sound = measure(head + content)
    assert sound is None or sound.seconds >= 1


@pytest.mark.parametrize(
    ("form", "cap"),
    [("webm", "webm.MOST"), ("ogg", "ogg.MOST"), ("vorbis", "ogg.MOST"), ("m4a", "m4a._MOST"), ("wav", "wav._MOST")],
)
def test_only_so_many_parts_are_looked_at(mocker: MockerFixture, form: str, cap: str) -> None:
    """A recording of more parts than the most is refused, so that none takes for ever, however it is made."""
    content = FORMS[form](3)
    assert measure(content) is not None
    mocker.patch(f"bot.sounds.{cap}", 1)
    assert measure(content) is None
