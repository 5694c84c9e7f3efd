"""Taking over from the dead: who is dead, what becomes of their turns, and what a killer of workers is in for."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import insert, select, update

from bot import conversations, journal, takeover
from bot.errors import ClaimLost, Suspect
from bot.ports import Call
from bot.store.tables import inbox, turns, workers
from bot.store.treasury_tables import reservations
from bot.tools import Effect
from bot.turn import Turn
from tests.houses import ROOT, wait_until
from tests.room import Room
from tests.spenders import wish
from workers import liveness
from workers.liveness import Watch, held, is_held, lock_path, note_beat, note_death, place_of
from workers.sweep import Sweep

pytestmark = pytest.mark.both_stores
Holder = Callable[[Path], "subprocess.Popen[str]"]
HOLD_A_LOCK = """
import signal, sys
from pathlib import Path
from workers.liveness import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture
def holder() -> Iterator[Holder]:
    """A way to start processes that hold a lock."""
    with ExitStack() as stack:

        def start(path: Path) -> "subprocess.Popen[str]":
            path.parent.mkdir(exist_ok=True)
            command = [sys.executable, "-c", HOLD_A_LOCK, str(path)]
            process = stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            assert process.stdout is not None
            process.stdout.readline()
            return process

        yield start


def takes(room: Room, worker: str, conversation_id: int, *, suspects: bool = True) -> Turn | None:
    """Let a worker take a turn and do nothing with it."""
    return room.runner(worker).turns.take(conversation_id, suspects=suspects)


def dies(room: Room, worker: str) -> list[int]:
    """Let a worker be taken over from."""
    with room.database.write() as tx:
        return takeover.take_over(tx, worker, room.treasury, room.clock())


def test_a_dead_workers_turn_is_taken_up_again(room: Room) -> None:
    """Its reservation counts as spent, its message has one death to its name, and the turn goes on as it was."""
    conversation_id = room.takes_in("Hello")
    turn = takes(room, "one", conversation_id)
    assert turn is not None
    with turn.writing() as tx:
        room.treasury.reserve(tx, wish(100, 100, turn.spender), room.clock())
    assert takes(room, "two", conversation_id) is None
    assert dies(room, "one") == [conversation_id]
    with room.database.read() as tx:
        assert tx.scalar(select(reservations.c.state)) == "settled"
        assert tx.scalar(select(inbox.c.kills)) == 1
    with pytest.raises(ClaimLost), turn.writing():
        pass
    again = takes(room, "two", conversation_id)
    assert again is not None
    assert (again.id, again.resumed) == (turn.id, True)


def test_a_suspect_is_handed_over(room: Room) -> None:
    """A worker that is not running suspects claims nothing of one."""
    conversation_id = room.takes_in("Hello")
    takes(room, "one", conversation_id)
    dies(room, "one")
    with pytest.raises(Suspect):
        takes(room, "two", conversation_id, suspects=False)
    with room.database.read() as tx:
        assert conversations.has_work(tx, conversation_id, room.clock())
    handed: list[int] = []
    room.runner("two").run_turn(conversation_id, handed.append)
    assert handed == [conversation_id]
    room.claude.says("Innocent.")
    room.runner("two").run_turn(conversation_id, None)
    assert room.replies(conversation_id) == ["Innocent."]


def test_the_messages_of_a_turn_are_tried_one_by_one(room: Room) -> None:
    """Of three messages whose turn killed a worker, the killer is parked and the other two are answered."""
    for text in ("one", "killer", "two"):
        conversation_id = room.takes_in(text)
    takes(room, "w0", conversation_id)
    dies(room, "w0")
    room.claude.says("One.")
    one = takes(room, "w1", conversation_id)
    assert one is not None
    room.runner("w1")._work(one)  # noqa: SLF001 - one turn and no further
    for death in range(takeover.DEATHS_ALONE):
        assert takes(room, f"w2{death}", conversation_id) is not None
        dies(room, f"w2{death}")
    room.claude.says("Two.")
    room.runner("w3").run_turn(conversation_id, None)
    with room.database.read() as tx:
        states = {row.text: row.state for row in tx.execute(select(inbox.c.text, inbox.c.state))}
    assert states == {"one": "answered", "killer": "parked", "two": "answered"}
    assert "killer" not in str(room.claude.message_requests[-1].body["messages"])


def test_what_interrupted_is_not_torn_from_what_it_interrupted(room: Room) -> None:
    """A worker dies over the turn after an interruption: one answer is for both messages still, told to the model once each."""
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("Look up the weather")
    takes(room, "one", conversation_id)
    room.takes_in("No, in Rome")
    takes(room, "one", conversation_id)
    dies(room, "one")
    room.claude.says("Sunny.")
    room.runner("two").run_turn(conversation_id, None)
    assert room.replies(conversation_id)[1:] == ["Sunny."]
    told = str(room.claude.message_requests[-1].body["messages"])
    assert [told.count(words) for words in ("Look up the weather", "No, in Rome")] == [1, 1]


def test_three_deaths_alone_park_a_message(room: Room) -> None:
    """After one death in company and three alone the person reads what became of it; a retry begins at none."""
    conversation_id = room.takes_in("killer")
    for death in range(takeover.MOST_DEATHS):
        turn = takes(room, f"w{death}", conversation_id)
        assert turn is not None, death
        dies(room, f"w{death}")
    assert takes(room, "last", conversation_id) is None
    assert room.replies(conversation_id)[-1].startswith("My worker crashed 4 times over this message")
    with room.database.read() as tx:
        assert tx.execute(select(inbox.c.state, inbox.c.kills)).one() == ("parked", 4)
        assert tx.scalar(select(turns.c.state)) == "parked"
    room.takes_in("/retry 1")
    room.claude.says("It was not so bad.")
    room.runner("brave").run_turn(conversation_id, lambda _: pytest.fail("it is no suspect any more"))
    assert room.replies(conversation_id)[-1] == "It was not so bad."


def test_a_lock_tells_the_living_from_the_dead(tmp_path: Path, room: Room, holder: Holder) -> None:
    """A worker whose process holds its lock lives; when it is killed the kernel tells so at once, and it is buried."""
    watch = Watch(tmp_path)
    path = lock_path(tmp_path, "w1")
    process = holder(path)
    with room.database.write() as tx:
        tx.execute(insert(workers).values(id="w1", pid=process.pid, started_at=room.clock(), beat_at=room.clock()))
        assert watch.dead(tx) == []
    conversation_id = room.takes_in("Hello")
    takes(room, "w1", conversation_id)
    process.kill()
    process.wait()
    sweep = Sweep(room.database, room.treasury, watch, tmp_path, room.clock, room.belongings)
    wait_until(lambda: sweep.find() == [conversation_id], "the death is noticed", 5)
    assert not path.exists()
    with room.database.read() as tx:
        assert tx.execute(select(workers)).all() == []


def test_a_worker_that_hangs_is_ended(tmp_path: Path, room: Room, mocker: MockerFixture, holder: Holder) -> None:
    """One that lives but does not beat is killed, never taken over from while it might wake up."""
    mocker.patch.object(liveness, "STALE_AFTER", 0.0)
    process = holder(lock_path(tmp_path, "w1"))
    os.kill(process.pid, signal.SIGSTOP)
    watch = Watch(tmp_path)
    with room.database.write() as tx:
        tx.execute(insert(workers).values(id="w1", pid=process.pid, started_at=room.clock(), beat_at=room.clock()))
        assert watch.dead(tx) == []
        assert process.wait(30) == -signal.SIGKILL
        assert watch.dead(tx) == ["w1"]


def test_who_ends_a_moment_later_is_waited_for(tmp_path: Path, holder: Holder) -> None:
    """A house that starts right after another was killed takes what that one's processes still held."""
    process = holder(tmp_path / "bot.lock")
    ending = Timer(0.2, process.kill)
    ending.start()
    with held(tmp_path / "bot.lock", "A bot"):
        assert process.wait(10) == -signal.SIGKILL


def test_a_beating_worker_is_not_stale(tmp_path: Path, room: Room, mocker: MockerFixture) -> None:
    """A beat between two looks keeps a worker alive, however long ago the first was."""
    mocker.patch.object(liveness, "STALE_AFTER", 0.0)
    kill = mocker.patch("os.kill")
    watch = Watch(tmp_path)
    with held(lock_path(tmp_path, "w1")), room.database.write() as tx:
        tx.execute(insert(workers).values(id="w1", pid=1, started_at=room.clock(), beat_at=room.clock()))
        watch.dead(tx)
        kill.reset_mock()
        tx.execute(update(workers).values(beat_at=room.clock()))
        assert watch.dead(tx) == []
        kill.assert_not_called()
        note_death(tx, tmp_path, "w1")
    assert not is_held(lock_path(tmp_path, "w2"))


ELSEWHERE = {"home": "another one", "pid": 1}


def test_a_lease_ends_where_nothing_is_heard(tmp_path: Path, room: Room, mocker: MockerFixture) -> None:
    """Of a worker of another home its beat alone says whether it lives; what it began to do is not looked for then."""
    mocker.patch.object(liveness, "LEASE", 0.0)
    watch = Watch(tmp_path)
    sweep = Sweep(room.database, room.treasury, watch, tmp_path, room.clock, room.belongings)
    conversation_id = room.takes_in("Hello")
    turn = takes(room, "far", conversation_id)
    assert turn is not None
    with turn.writing() as tx:
        tx.execute(insert(workers).values(id="far", started_at=room.now, beat_at=room.now, **ELSEWHERE))
        call = Call(id="1", name="send", arguments={})
        journal.begin(tx, turn.id, {"a": (call, Effect.LOOK_UP), "b": (call, Effect.KEYED)}, room.now)
    assert sweep.find() == [conversation_id]
    with room.database.read() as tx:
        assert journal.begun(tx, ["a", "b"]) == {"a": Effect.BLIND, "b": Effect.KEYED}
    with pytest.raises(ClaimLost), turn.writing():
        pass


def test_a_beat_at_the_last_moment_keeps_the_lease(tmp_path: Path, room: Room, mocker: MockerFixture) -> None:
    """A worker that beats between the look and the taking over keeps what it has."""
    mocker.patch.object(liveness, "LEASE", 0.0)
    watch = Watch(tmp_path)
    with room.database.write() as tx:
        tx.execute(insert(workers).values(id="far", started_at=room.now, beat_at=room.now, **ELSEWHERE))
        watch.dead(tx)
        assert watch.dead(tx) == []
        assert watch.lapsed == ("far",)
        assert watch.is_still_silent(tx, "far")
        note_beat(tx, "far", room.clock(), tmp_path)
        assert not watch.is_still_silent(tx, "far")


def test_who_could_not_look_ends_no_lease(tmp_path: Path, room: Room, mocker: MockerFixture) -> None:
    """After an outage in which nobody could beat, nor look, every lease begins anew."""
    time = mocker.patch.object(liveness, "monotonic", return_value=0.0)
    watch = Watch(tmp_path)
    with room.database.write() as tx:
        tx.execute(insert(workers).values(id="far", started_at=room.now, beat_at=room.now, **ELSEWHERE))
        watch.dead(tx)
        for passed, lapsed in ((1000.0, ()), (1009.0, ()), (1018.0, ("far",))):
            time.return_value = passed
            watch.dead(tx)
            assert watch.lapsed == lapsed


def test_a_worker_that_wakes_is_known_again(tmp_path: Path, room: Room) -> None:
    """One that was taken for dead begins anew with its next beat, as one of its home."""
    with room.database.write() as tx:
        note_beat(tx, "w1", room.clock(), tmp_path)
        assert tx.scalar(select(workers.c.home)) == place_of(tmp_path)
