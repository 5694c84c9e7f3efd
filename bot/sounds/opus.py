"""Opus: how long a packet is, as its first bytes tell (RFC 6716, 3.1)."""

RATE = 48_000  # ticks in a second
# How long a frame is, in ticks, by the groups of its configurations.
_SPEECH, _HYBRID, _MUSIC = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)


def length(packet: bytes) -> int:
    """Return how long a packet is, in ticks: the length of its frames times their number."""
    if not packet:
        return 0
    config, count = packet[0] >> 3, packet[0] & 3
    frame = _SPEECH[config % 4] if config < 12 else _HYBRID[config % 2] if config < 16 else _MUSIC[config % 4]  # noqa: PLR2004
    frames = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 1)[count]
    return frame * frames
