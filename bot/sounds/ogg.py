"""OGG: Opus, whose packets each say how long they are, and Vorbis, whose packets have a greatest length."""

from collections.abc import Iterator

from bot.sounds import opus
from bot.sounds.reading import MOST, Unreadable, little

_PAGE = 27  # bytes of a page's head
_HEAD = 30  # of a packet: what is looked at


def seconds(content: bytes) -> float:
    """Return how long all packets together are, whatever their positions say, and no less than these. Raises Unreadable."""
    ticks, packets, last = 0, 0, 0
    rate = longest = 0  # of Vorbis: samples in a second, and in a packet
    is_opus = False
    for position, found in _pages(content):
        last = max(last, position)
        if packets > MOST:
            raise Unreadable
        for packet in found:
            is_opus = is_opus or packet.startswith(b"OpusHead")
            if packet.startswith(b"\x01vorbis"):
                rate, longest = little(packet, 12, 4), 1 << (little(packet, 28, 1) >> 4)
            ticks += 0 if packet.startswith(b"Opus") else opus.length(packet)
            packets += 1
    if is_opus == bool(rate):  # neither, or one after the other
        raise Unreadable
    if is_opus:
        return max(ticks, last) / opus.RATE
    return max(packets * longest / 2, last) / rate  # halves of two windows overlap


def _pages(content: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Give each page's position, and the packets that end or go on in it; a part of one counts as one."""
    at = 0
    while (at := content.find(b"OggS", at)) >= 0 and at + _PAGE <= len(content):
        position = int.from_bytes(content[at + 6 : at + 14], "little", signed=True)
        table = content[at + _PAGE : at + _PAGE + content[at + 26]]
        start, packets, packet = at + _PAGE + len(table), list[bytes](), b""
        for size in table:
            packet = packet or content[start : start + _HEAD]
            start += size
            if size < 255:  # noqa: PLR2004 - a full lacing value: the packet goes on
                packets.append(packet)
                packet = b""
        yield position, [*packets, packet] if packet else packets
        at = start
