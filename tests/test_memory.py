"""How a process stays small, also where the C library is another one."""

import ctypes

import pytest
from pytest_mock import MockerFixture

from workers import memory


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_another_c_library(platform: str, mocker: MockerFixture) -> None:
    """Without glibc's functions, nothing is done and nothing fails."""
    mocker.patch("sys.platform", platform)
    mocker.patch.object(ctypes, "CDLL", return_value=object())
    memory.use_one_heap()
    memory.give_back()
