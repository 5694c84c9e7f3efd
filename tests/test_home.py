"""Where the house keeps its files, and the Valkey that it runs there."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pytest_mock import MockerFixture
from redis.exceptions import RedisError

from bot.errors import ConfigurationError
from tests.houses import House, wait_until
from workers import valkey
from workers.home import Home
from workers.queue import connect


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home."""
    made = Home(tmp_path)
    made.socket.parent.mkdir()
    return made


@contextmanager
def running(home: Home) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a Valkey, wait until it answers, and end it."""
    with valkey.start(home) as process:
        try:
            wait_until(lambda: answers(home), "Valkey answers")
            yield process
        finally:
            process.terminate()


def answers(home: Home) -> bool:
    """Tell whether a Valkey answers."""
    with connect(f"unix://{home.socket}") as redis, suppress(RedisError):
        return bool(redis.ping())
    return False


def test_a_valkey_that_outlived_its_house(home: Home) -> None:
    """What was left running is ended, in good order, and the next one takes its place with all that it held."""
    with running(home) as first:
        with connect(f"unix://{home.socket}") as redis:
            redis.set("kept", "yes")
        with running(home):
            assert first.wait(30) == 0
            with connect(f"unix://{home.socket}") as redis:
                assert redis.get("kept") == b"yes"


def test_a_socket_that_nobody_serves(home: Home) -> None:
    """The socket of a server that was killed does not keep the next one from starting."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(home.socket))
    with running(home):
        assert answers(home)


def test_a_home_with_a_long_path(pipe: House) -> None:
    """Where the path of Valkey's socket would be too long for the kernel, the house finds a shorter one."""
    pipe.env["BUTLER_HOME"] = str(pipe.home / ("deep" * 20) / "butlers")
    done = pipe.run("up", lines=["hello"])
    assert "rehearsal model" in done.stdout
    assert done.returncode == 0


def test_a_short_path_of_somebody_else(tmp_path: Path, mocker: MockerFixture) -> None:
    """A folder for the socket that another user made is refused."""
    home = Home(tmp_path / ("deep" * 30))
    home.socket.parent.mkdir()
    try:
        mocker.patch("workers.home.Path.stat", return_value=mocker.Mock(st_uid=os.getuid() + 1))
        with pytest.raises(ConfigurationError, match="belongs to somebody else"):
            _ = home.socket
    finally:
        mocker.stopall()
        home.socket.parent.rmdir()
