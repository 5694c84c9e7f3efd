"""A process that has loaded all that a house is made of, and forks one for each start: most tests need no new interpreter.

What starts there is `butler` as a shell would start it: its words, its environment, its folder, its files, its exit status.
"""

import gc
import json
import os
import pkgutil
import posix
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Self

import adapters
import skills
import workers
from bot.__main__ import main

LONGEST = 1 << 17  # bytes of a request
READY = b"ready\n"
ENDS_WITHIN = 10.0


class Child:
    """A process that the nursery has begun; it is handled like a `subprocess.Popen`."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.pid = int(line.recv(32))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit status, None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit status, negative for a signal. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                said = self._line.recv(32)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired("butler", timeout or 0) from None
            assert said, "the nursery has died"
            self.returncode = int(said)
            self._line.close()
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Nursery:
    """The tests' side of it; it is begun when a house is first asked for, as loading takes two seconds."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="butlers-nursery-")
        self._address = f"{self._folder.name}/socket"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Wait to be asked."""
        return self

    def _begin(self) -> None:
        root = Path(__file__).parent.parent
        env = {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "error"}
        command = [sys.executable, "-m", "tests.nursery", self._address]
        self._process = subprocess.Popen(command, cwd=root, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == READY

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate(timeout=ENDS_WITHIN)
        self._folder.cleanup()

    def start(self, words: Sequence[str], env: Mapping[str, str], folder: Path, files: Sequence[int]) -> Child:
        """Start `butler` with these words, in a folder, with an environment, and three files for what it reads and says."""
        if self._process is None:
            self._begin()
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.connect(self._address)
        socket.send_fds(line, [json.dumps([words, dict(env), str(folder)]).encode()], files)
        return Child(line)


class _Start(NamedTuple):
    """What a fork is to be."""

    words: list[str]
    env: dict[str, str]
    folder: str
    files: list[int]


class _Forks:
    """The nursery's side: forks whoever is asked for, and tells each line how its process ended."""

    def __init__(self, address: str) -> None:
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._door.bind(address)
        self._door.listen()
        self._woken, self._wakes = os.pipe()
        self._lines: dict[int, socket.socket] = {}
        for end in (self._woken, self._wakes):
            os.set_blocking(end, False)
        self._selector = selectors.DefaultSelector()

    def serve(self) -> _Start | None:
        """Fork until whoever started this is gone; in a fork, return what it is to be."""
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for source in (sys.stdin.fileno(), self._door.fileno(), self._woken):
            self._selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fd == sys.stdin.fileno():
                    return None
                if key.fd == self._woken:
                    os.read(self._woken, 512)
                elif (start := self._fork()) is not None:
                    return start
            self._tell_who_ended()

    def _fork(self) -> _Start | None:
        line, _ = self._door.accept()
        asked, files, *_ = socket.recv_fds(line, LONGEST, 3)
        pid = os.fork()
        if pid == 0:
            self._leave()
            line.close()
            words, env, folder = json.loads(asked)
            return _Start(words, env, folder, files)
        for file in files:
            os.close(file)
        line.send(str(pid).encode())
        self._lines[pid] = line
        return None

    def _leave(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for line in (self._door, *self._lines.values()):
            line.close()
        for end in (self._woken, self._wakes):
            os.close(end)

    def _tell_who_ended(self) -> None:
        for pid in [*self._lines]:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with self._lines.pop(pid) as line, suppress(BrokenPipeError):
                    line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _load() -> None:
    """Load everything that processes of a house load, and let forks share it."""
    gc.disable()
    for package in (adapters, skills, workers):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    gc.freeze()


def _measure_each_once() -> None:
    """Let what is measured in a fork be saved by it alone: `coverage` would save all that its parents had loaded, too."""
    patched = []

    def forget() -> None:
        patched.append(os._exit)
        os._exit = posix._exit  # noqa: SLF001 - what it is before anything patches it

    def remember() -> None:
        os._exit = patched.pop()

    os.register_at_fork(before=forget, after_in_parent=remember)


def _be(start: _Start) -> int:
    for ours, file in enumerate(start.files):
        os.dup2(file, ours)
        os.close(file)
    os.environ.clear()
    os.environ.update(start.env)
    time.tzset()
    os.chdir(start.folder)
    _look_in(start.env["PYTHONPATH"])
    return main(start.words)


def _look_in(path: str) -> None:
    """Do with PYTHONPATH what an interpreter does with it when it starts."""
    more = [folder for folder in path.split(os.pathsep) if folder not in sys.path]
    sys.path[1:1] = more
    if any(Path(folder, "sitecustomize.py").exists() for folder in more):
        sys.modules.pop("sitecustomize", None)
        import_module("sitecustomize")


if __name__ == "__main__":
    forks = _Forks(sys.argv[1])
    _load()
    _measure_each_once()
    sys.stdout.write(READY.decode())
    sys.stdout.flush()
    wanted = forks.serve()
    sys.exit(0 if wanted is None else _be(wanted))
