"""Recordings for tests: real containers around packets of which only the length matters."""

import struct

FRAME = 960  # ticks of 20 ms


def ogg(seconds: float, claimed: float | None = None) -> bytes:
    """Return a voice note as Telegram sends it: OGG with a packet of Opus for each 20 ms; its position may lie."""
    count = max(1, round(seconds * 50))
    pages = [_page(0, [b"OpusHead\x01\x01" + struct.pack("<HIHB", 0, 48_000, 0, 0)]), _page(0, [b"OpusTags" + bytes(8)])]
    for first in range(0, count, 50):
        packets = [bytes((0x08,)) + b"\x55" * 20] * min(50, count - first)  # SILK, 20 ms, one frame
        end = (first + len(packets)) * FRAME
        pages.append(_page(end if claimed is None else int(claimed * 48_000), packets))
    return b"".join(pages)


def _page(position: int, packets: list[bytes]) -> bytes:
    table = bytes(len(packet) for packet in packets)
    return b"OggS\x00\x00" + struct.pack("<qIII", position, 1, 0, 0) + bytes((len(table),)) + table + b"".join(packets)


def wav(seconds: float, rate: int = 8_000) -> bytes:
    """Return samples of 16 bits."""
    data = bytes(int(seconds * rate) * 2)
    head = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + data


def vorbis(seconds: float, rate: int = 16_000) -> bytes:
    """Return OGG with Vorbis, of which each packet is a long block of 1,024 samples."""
    head = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, rate, 0, 0, 0, 0xB8, 1)
    count = max(1, round(seconds * rate / 1_024))
    pages = [_page(0, [head]), _page(0, [b"\x03vorbis", b"\x05vorbis"])]
    return b"".join(pages) + b"".join(_page(0, [b"\x00\x55\x55"] * min(200, count - at)) for at in range(0, count, 200))


def mp3(seconds: float, kbits: int = 64, *, xing: int = 0, tag: bytes = b"") -> bytes:
    """Return frames of MPEG 1, layer III, at 44,100 Hz; `xing` is how many the first one claims."""
    place = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320).index(kbits) + 1
    frame = b"\xff\xfb" + bytes((place << 4, 0xC0)) + b"\x55" * (144 * kbits * 1_000 // 44_100 - 4)
    first = frame[:21] + b"Xing" + struct.pack(">II", 1, xing) + frame[33:] if xing else b""
    return tag + first + frame * max(1, round(seconds * 44_100 / 1_152))


def id3(size: int) -> bytes:
    """Return a tag with a picture of so many bytes."""
    return b"ID3\x04\0\0" + bytes(size >> 7 * place & 0x7F for place in (3, 2, 1, 0)) + b"\xff\xfb\x90\xc0" * (size // 4)


def box(kind: bytes, *content: bytes) -> bytes:
    """Return a box of MPEG 4."""
    inside = b"".join(content)
    return struct.pack(">I", 8 + len(inside)) + kind + inside


def m4a(seconds: float, rate: int = 44_100, *, ticks: int = 1_024, edits: int = 0, more: bytes = b"") -> bytes:
    """Return AAC in MPEG 4; each sample claims so many ticks, and the whole is played as often as there are edits."""
    count = max(1, round(seconds * rate / 1_024))
    place = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000).index(rate)
    config = struct.pack(">H", 2 << 11 | place << 7 | 1 << 3)
    decoder = b"\x04" + bytes((15 + len(config),)) + b"\x40\x15" + bytes(11) + b"\x05" + bytes((len(config),)) + config
    esds = box(b"esds", bytes(4) + b"\x03" + bytes((len(decoder) + 3,)) + bytes(3) + decoder)
    entry = box(b"mp4a", bytes(6) + b"\0\1" + bytes(8) + struct.pack(">HHIHH", 1, 16, 0, rate % 65_536, 0) + esds)
    table = box(
        b"stbl",
        box(b"stsd", bytes(4) + struct.pack(">I", 1) + entry),
        box(b"stts", bytes(4) + struct.pack(">III", 1, count, ticks)),
        box(b"stsz", bytes(4) + struct.pack(">II", 20, count)),
    )
    length = int(count * ticks)
    media = box(
        b"mdia",
        box(b"mdhd", bytes(12) + struct.pack(">III", rate, length, 0)),
        box(b"hdlr", bytes(8) + b"soun" + bytes(13)),
        box(b"minf", table),
    )
    played = [struct.pack(">IiI", length, 0, 1 << 16)] * edits
    edts = box(b"edts", box(b"elst", bytes(4) + struct.pack(">I", edits), *played)) if edits else b""
    head = box(b"mvhd", bytes(12) + struct.pack(">II", rate, length) + bytes(80))
    return (
        box(b"ftyp", b"M4A \0\0\0\0M4A ")
        + box(b"moov", head, box(b"trak", edts, media), more)
        + box(b"mdat", b"\x55" * 20 * count)
    )


def element(name: int, content: bytes, *, is_open: bool = False) -> bytes:
    """Return an element of Matroska; one that is open has no size."""
    head = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return head + (b"\x01" + b"\xff" * 7 if is_open else struct.pack(">Q", 1 << 56 | len(content))) + content


def webm(
    seconds: float, *, duration: float | None = None, codec: bytes = b"A_OPUS", track: bytes = b"", is_open: bool = True
) -> bytes:
    """Return Opus as browsers record it, with packets of 20 ms and clusters of a second."""
    count = max(1, round(seconds * 50))
    told = b"" if duration is None else element(0x4489, struct.pack(">d", duration * 1_000))
    about = element(0x1549A966, element(0x2AD7B1, b"\x0f\x42\x40") + told)
    entry = element(0xAE, element(0xD7, b"\1") + element(0x83, b"\2") + element(0x86, codec) + track)
    packet = b"\x80\x08" + b"\x55" * 20
    clusters = []
    for first in range(0, count, 50):
        places = range(min(50, count - first))
        blocks = b"".join(element(0xA3, b"\x81" + struct.pack(">h", place * 20) + packet) for place in places)
        clusters.append(element(0x1F43B675, time_of_cluster(first // 50) + blocks, is_open=is_open))
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    return head + element(0x18538067, about + element(0x1654AE6B, entry) + b"".join(clusters), is_open=is_open)


def time_of_cluster(second: int) -> bytes:
    """Return the element that says when a cluster begins."""
    return element(0xE7, (second * 1_000).to_bytes(4, "big"))
