"""Pacing: a vendor is asked as fast as it allows and no faster, and no chat waits for another."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import pytest
from pytest_mock import MockerFixture

from adapters.chats.pace import LONGEST_WAIT, MOST_CHATS, Pace, Rate
from bot.errors import RetryLater

T = TypeVar("T")
FREELY = (1_000_000.0, 1_000_000)


class Clock:
    """A time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock(mocker: MockerFixture) -> Clock:
    """What the paces take for the time."""
    made = Clock()
    mocker.patch("adapters.chats.pace.monotonic", made)
    mocker.patch("adapters.chats.pace.asyncio", made)
    return made


def run(script: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run something that waits."""
    return asyncio.run(script())


@pytest.mark.parametrize(("a_second", "at_once"), [(1.0, 20), (1 / 3, 20), (5.0, 1), (30.0, 200)])
def test_a_rate_is_kept_over_any_time(clock: Clock, a_second: float, at_once: int) -> None:
    """Whoever waits as long as told asks never more often than allowed, and not less either."""
    rate, asked = Rate(a_second, at_once), []
    for _ in range(at_once + 100):
        clock.now += rate.wait()
        rate.take()
        asked.append(clock.now)
    assert asked[:at_once] == [1000.0] * at_once
    assert asked[-1] == pytest.approx(1000.0 + 100 / a_second)
    for later in range(at_once, len(asked)):
        assert asked[later] - asked[later - at_once] >= 1 / a_second - 1e-9


def test_a_burst_is_earned_by_silence(clock: Clock) -> None:
    """After a silence one may ask at once again, by as much as the silence was long and never more than at first."""
    rate = Rate(1.0, 5)
    for _ in range(5):
        rate.take()
    assert rate.wait() == pytest.approx(1.0)
    for silence, allowed in ((2.0, 2), (100.0, 5)):
        clock.now += silence
        for _ in range(allowed):
            assert rate.wait() == 0
            rate.take()
        assert rate.wait() > 0


def test_a_short_wait_is_waited_for(clock: Clock) -> None:
    """Within a second one's turn comes by itself; what would take longer is put off by so much, and counts for nothing."""
    pace = Pace(Rate(*FREELY))

    async def script() -> None:
        for _ in range(3):
            await pace.turn("7", 1.0, 2)
        assert clock.now == pytest.approx(1001.0)
        await pace.turn("8", 0.1, 1)
        for number in range(5):
            with pytest.raises(RetryLater) as error:
                await pace.turn("8", 0.1, 1)
            assert error.value.wait == pytest.approx(10 * (number + 1))  # each gets a time of its own
        clock.now += 10
        await pace.turn("8", 0.1, 1)
        assert clock.now == pytest.approx(1011.0)

    run(script)


def test_chats_do_not_wait_for_each_other(clock: Clock) -> None:
    """A chat that was written to as fast as may be slows no other down."""
    pace = Pace(Rate(*FREELY))

    async def script() -> None:
        await pace.turn("7", 0.1, 1)
        for number in range(100):
            await pace.turn(f"chat {number}", 0.1, 1)
        with pytest.raises(RetryLater):
            await pace.turn("7", 0.1, 1)

    run(script)
    assert clock.now == 1000.0


def test_all_chats_together_have_a_rate(clock: Clock) -> None:
    """What a vendor allows in all is shared by its chats."""
    pace = Pace(Rate(2.0, 4))

    async def script() -> None:
        for number in range(4):
            await pace.turn(f"chat {number}", 1.0, 1)
        assert clock.now == 1000.0
        for number in range(4, 10):
            await pace.turn(f"chat {number}", 1.0, 1)
        assert clock.now == pytest.approx(1003.0)

    run(script)


def test_turns_come_in_their_order() -> None:
    """Those who wait at the same time go in the order in which they came, by the real time."""
    pace, came = Pace(Rate(*FREELY)), []

    async def one(number: int) -> None:
        await pace.turn("7", 100.0, 1)
        came.append(number)

    async def script() -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*map(one, range(20)))
        return asyncio.get_running_loop().time() - began

    assert 19 / 100 - 0.01 <= run(script) < LONGEST_WAIT
    assert came == list(range(20))


def test_only_so_many_chats_are_remembered(clock: Clock) -> None:
    """Of many thousand chats the ones that were written to last are remembered, and a chat in use is none to be forgotten."""
    pace = Pace(Rate(*FREELY))

    async def script() -> None:
        await pace.turn("7", 0.001, 2)
        for number in range(MOST_CHATS + 100):
            await pace.turn(f"chat {number}", 1.0, 1)
            if number == MOST_CHATS - 10:
                await pace.turn("7", 0.001, 2)
        with pytest.raises(RetryLater):
            await pace.turn("7", 0.001, 2)
        await pace.turn("chat 0", 1.0, 1)

    run(script)
    assert clock.now == 1000.0
