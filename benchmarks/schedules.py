"""Schedules: from a due time to the turn that is begun, what the clock costs while nothing is due, and listing them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

from benchmarks.bots import house, memory
from benchmarks.speed import ask
from benchmarks.table import Figure, at_most, middle, p99, spread
from benchmarks.vendors import Claude, Telegram
from tests.houses import House, wait_until
from tests.storms import UNLIMITED

MANY = 10_000
SOON = timedelta(seconds=3)
IDLE_SECONDS = 30
LISTS = 20

_FILL = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO schedules (butler, name, source, purpose, person_id, form, spec, zone, follows, anchor, prompt, silent, urgent,
        exact, catch_up, is_on, next_at, fire_at, failures, made_at)
    SELECT 'assistant', 'bench ' || i, 'chat', 'task', 1, 'cron', '0 8 1 1 *', 'Europe/Berlin', 0, ?, 'Brief me.', 1, 0,
        0, 'latest', 1, ?, ?, 0, ? FROM n"""
_DUE = """
    UPDATE schedules SET next_at = ?, fire_at = ?, exact = ?
    WHERE id IN (SELECT id FROM schedules WHERE name GLOB 'bench *' ORDER BY id LIMIT ? OFFSET ?)"""
_SPREAD = "SELECT id, fire_at FROM schedules WHERE next_at = ? AND fire_at > next_at"
# A turn reserves money right after it was claimed, so that this is later than the claim.
_BEGUN = """
    SELECT schedule_id, min(reservations.made_at) FROM runs JOIN turns ON turns.run_id = runs.id
    JOIN reservations ON reservations.turn_id = turns.id WHERE due_at = ? GROUP BY schedule_id"""


def due_to_claimed(folder: Path) -> Iterator[Figure]:
    """Measure all of it in houses with ten thousand schedules."""
    with full_house(folder / "exact") as (running, _):
        late = fire(running, 500, 0, is_exact=True)
    told = f"{middle(late):.2f} / {p99(late):.2f} s"
    yield Figure("due → turn begun, 500 exact at one second, p50 / p99", told, "none", holds=True)
    with full_house(folder / "spread") as (running, telegram):
        yield from idle(running)
        yield from answers(telegram)
        for count, first, most in ((50, 0, 1.0), (500, 50, 5.0)):
            late = fire(running, count, first, is_exact=False)
            name = f"due → turn begun, {count} within a minute"
            yield Figure(f"{name}, p50", f"{middle(late):.3f} s{spread(late)}", "none", holds=True)
            yield at_most(f"{name}, p99", p99(late), most, "s")


@contextmanager
def full_house(folder: Path) -> Iterator[tuple[House, Telegram]]:
    """Give a running house with ten thousand schedules, and its chat."""
    with Claude() as claude, Telegram() as telegram:
        running = house(folder, telegram, claude)
        folder.mkdir()
        (folder / "providers.toml").write_text(UNLIMITED)
        running.env["BUTLER_PROVIDERS_PATH"] = str(folder / "providers.toml")
        with running:
            running.wait_until_ready()
            ask(telegram, "good morning")
            fill(running)
            yield running, telegram


def fill(running: House) -> None:
    """Keep ten thousand schedules of one person, of which none is due for long."""
    now, later = sql(datetime.now(UTC)), sql(datetime.now(UTC) + timedelta(days=40))
    running.execute(_FILL, MANY, now, later, later, now)


def fire(running: House, count: int, first: int, *, is_exact: bool) -> list[float]:
    """Let schedules be due at one moment; return by how many seconds each of their turns was late."""
    at = datetime.now(UTC) + SOON
    running.execute(_DUE, sql(at), sql(at), is_exact, count, first)
    planned: dict[object, object] = {}  # what is not spread is to be begun at once
    while datetime.now(UTC) < at + SOON:
        planned |= {number: fire_at for number, fire_at in running.rows(_SPREAD, sql(at))}  # noqa: C416 - rows are of any length
        sleep(0.05)
    wait_until(lambda: len(running.rows(_BEGUN, sql(at))) == count, "all have begun", 120)
    begun = running.rows(_BEGUN, sql(at))
    return [(moment(made_at) - moment(planned.get(number, sql(at)))).total_seconds() for number, made_at in begun]


def idle(running: House) -> Iterator[Figure]:
    """Measure what the clock takes while nothing is due."""
    sleep(5)
    pid = running.process("clock")
    before, begun = cpu(pid), monotonic()
    sleep(IDLE_SECONDS)
    share = 100 * (cpu(pid) - before) / (monotonic() - begun)
    yield at_most(f"the clock with {MANY:,} schedules, idle: PSS", memory(running)["clock"], 40, "MB")
    yield at_most("the same: share of one core", share, 2, "%")


def answers(telegram: Telegram) -> Iterator[Figure]:
    """Measure how soon /schedule is answered."""
    times = [ask(telegram, "/schedule", breath=1.1) for _ in range(LISTS)]
    yield at_most(f"/schedule with {MANY:,} schedules of one person, p99", p99(times), 100, "ms", spread(times))


def cpu(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sql(at: datetime) -> str:
    """Return a moment as the tables keep it."""
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


def moment(kept: object) -> datetime:
    """Return a moment of which the tables keep this."""
    return datetime.fromisoformat(str(kept)).replace(tzinfo=UTC)
