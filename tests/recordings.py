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
