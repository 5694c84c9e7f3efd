"""Limits of a process that reads what anybody may have sent: time, memory, no network, no other program."""

import ctypes
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

CPU_SECONDS = 30
MEMORY = 1536 * 2**20  # bytes of address space; what a program reserves without using it counts
LARGEST_OUTPUT = 64 * 2**20
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_FORBIDDEN = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork")


def confine(seconds: int) -> None:
    """Set the limits, which nothing in this process can lift; it ends by itself after so many seconds."""
    signal.alarm(seconds)
    for limit, value in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, LARGEST_OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(limit)
        wanted = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (wanted, wanted))
    with suppress(OSError, AttributeError):  # where the kernel lets us: then there is no network for C code either
        ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    sys.addaudithook(_refuse)


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        raise PermissionError(f"a file that is read does no {event}")
