"""Crashes while a conversation is summed up: nothing half-done is seen, no money is forgotten, and it is made again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anthropic_script import Answer
from tests.armed import Armed, armed, dies_at
from tests.houses import House, wait_until
from tests.long_talks import FILLER, Json, before, is_summary, talker, whole
from tests.storms import LONG

pytestmark = pytest.mark.crash
ADA = 7
STRIDE = 1 if LONG else 9  # every so many boundaries
LAST = 40  # of which there are about so many from the wish to the notice
HELD = "SELECT count(*) FROM reservations WHERE state = 'held'"
AT_WORK = "SELECT count(*) FROM compactions WHERE worker IS NOT NULL OR due_at IS NOT NULL OR asked_by IS NOT NULL"
NOTICES = "SELECT count(*) FROM outbox WHERE text LIKE 'Summed up%'"
ANSWERS = "SELECT count(*) FROM outbox WHERE kind = 'answer'"
SUMMARIES = "SELECT id, before_id, after_id, until_id FROM summaries ORDER BY id"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Armed]:
    """A house of its own whose processes can be told where to die."""
    with armed(tmp_path, talker()) as made:
        yield made


def long(words: str) -> str:
    """Return as much as a message of Telegram holds."""
    return f"{words}\n{FILLER * 37}"


def holds_together(house: House) -> None:
    """Make sure that nothing is left at work or reserved, and that each summary goes on from the one before it."""
    wait_until(lambda: house.value(HELD) == 0 and house.value(AT_WORK) == 0, "nothing is under way")
    found = house.rows(SUMMARIES)
    known = {None: 0} | {row[0]: row[3] for row in found}
    for _, before_id, after_id, until_id in found:
        assert before_id in known
        assert (after_id, int(str(until_id)) > int(str(known[before_id]))) == (0, True)
    (place,) = house.rows("SELECT summary_id, prompt_from FROM conversations")
    assert place == (found[-1][0], found[-1][3])


def test_a_worker_dies_while_it_sums_up(fresh: Armed) -> None:
    """What it had reserved is spent, another makes the summary, the asker reads so once, and the promise is in it."""
    house, telegram, claude, _ = fresh
    ada = telegram.person(ADA)
    ada.writes(long("Remind me to pay the gardener on 2027-03-04."))
    ada.reads()
    ada.writes(long("And the weather?"))
    ada.reads()
    asked = len(claude.message_requests)
    with claude.hold():
        ada.writes("/compact")
        claude.wait_until(lambda: len(claude.message_requests) > asked and claude.in_flight > 0, 20, "the summary is asked for")
        assert house.rows("SELECT 1 FROM summaries") == []
        house.kill("worker")
        wait_until(lambda: house.value(HELD) == 0, "what the dead worker had reserved is spent")
    assert "I am summing up" in ada.reads()
    assert "Summed up: at each message I read a summary and " in ada.reads(30)
    holds_together(house)
    assert house.value(NOTICES) == 1
    assert house.value("SELECT count(*) FROM ledger WHERE reported = 0") == 1
    ada.writes("What did you promise?")
    ada.reads()
    assert "Remind me to pay the gardener on 2027-03-04." in before(claude.message_requests[-1].body)


def test_no_boundary_leaves_a_summary_half_done(fresh: Armed) -> None:
    """A process dies at each commit and request from the wish to the notice: one notice, one summary more, all in order."""
    house, telegram, claude, file = fresh
    ada = telegram.person(ADA)
    said: list[str] = []

    def script(request: Json) -> Answer:
        if not is_summary(request):
            said.append(whole(request))
        return talker()(request)

    claude.script = script
    ada.writes(long("Good morning."))
    ada.reads()
    for rounds, number in enumerate(range(STRIDE, LAST, STRIDE), 1):
        ada.writes(long(f"The code of door {rounds} is {7000 + rounds}."))
        wait_until(lambda n=rounds: house.value(ANSWERS) == n + 1, "it is answered")  # type: ignore[misc]
        dies_at(file, number)
        ada.writes("/compact")
        wait_until(lambda n=rounds: house.value(NOTICES) == n, f"the notice after boundary {number}", 40)  # type: ignore[misc]
        file.with_suffix(".chosen").unlink(missing_ok=True)
        holds_together(house)
    ada.writes("And the codes?")
    wait_until(lambda: bool(said) and str(7000 + rounds) in said[-1], "the next prompt has it all")
    assert all(str(7000 + one) in said[-1] for one in range(1, rounds + 1))
