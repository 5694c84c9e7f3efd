"""The first five minutes: no account, a pipe or a terminal, and the rehearsal model."""

import re
from datetime import UTC, datetime, timedelta

from tests.houses import House


def test_a_newcomer_is_answered_and_remembered(pipe: House) -> None:
    """Each line of a pipe is answered in order by real tools, and a second run still knows what the first was told."""
    first = pipe.run("up", lines=["hello", "remember that my locker code is 4711", "what is my locker code?"])
    answers = first.stdout.split("\n\n(rehearsal model")
    assert first.returncode == 0, first.stderr
    assert "There is no model key yet" in answers[0]
    assert "I will remember that my locker code is 4711." in answers[1]
    assert "my locker code is 4711 (told by" in answers[2]
    second = pipe.run("up", lines=["what is my locker code?"])
    assert "4711" in second.stdout
    assert second.returncode == 0


def test_the_rehearsal_model_uses_real_tools(pipe: House) -> None:
    """The clock, forgetting and an honest "nothing" come from the house's own tools."""
    lines = ["what time is it in Tokyo", "remember that Ben likes tea", "what do you know about Ben?", "forget fact 1"]
    said = pipe.run("up", lines=[*lines, "what do you know about Ben?"]).stdout
    assert "in Asia/Tokyo" in said
    assert "Ben likes tea (told by" in said
    assert "Forgotten: fact 1." in said
    assert "Nothing is known about that." in said


def test_commands_need_no_model(pipe: House) -> None:
    """Commands are answered by the house itself, and an unknown one by the nearest that is known."""
    said = pipe.run("up", lines=["/status", "/whoami", "/butlers", "/stauts", "/help"]).stdout
    assert "model: rehearsal" in said
    assert "owner of this house" in said
    assert "general: Generalist" in said
    assert "Did you mean /status?" in said
    assert "/retry ID" in said


def test_nothing_is_said_to_an_empty_pipe(pipe: House) -> None:
    """A pipe without lines ends with status 0 and without a word."""
    done = pipe.run("up", lines=[])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_question_is_still_open_after_a_restart(pipe: House) -> None:
    """A question that was left open is shown again with its numbers, and a number answers it once."""
    pipe.run("up", lines=["hello"])
    pipe.execute("INSERT INTO people (name, role, created_at) VALUES ('Ben', 'member', '2026-11-21 12:00:00')")
    pipe.execute("INSERT INTO identities (channel, external_id, person_id, source) VALUES ('sms', '8', 2, 'paired')")
    assert "3. Cancel" in pipe.run("up", lines=["/people remove 2"]).stdout
    again = pipe.run("up", lines=["3", "3", "hello", "3"]).stdout
    assert again.index("3. Cancel") < again.index("Nothing was changed.") < again.index("That was answered already")
    assert again.count("answered already") == 1  # when something else was typed, a 3 is a 3
    assert "Type the number" not in pipe.run("up", lines=["hello"]).stdout


def test_a_number_below_a_schedule_is_good_for_the_next_line(pipe: House) -> None:
    """Buttons that nobody was asked to press are numbers for the next line only, and are not shown when one comes back."""
    said = pipe.run("up", lines=["/remind in 9 minutes tea", "2", "/remind in 9 minutes milk", "hello", "2"]).stdout
    assert "Removed: tea (schedule" in said
    assert "Removed: milk" not in said
    again = pipe.run("up", lines=["2", "/schedule"]).stdout
    assert "Pause" not in again
    assert "• milk (" in again
    assert "• tea (" not in again


def test_what_was_due_while_the_house_was_off(pipe: House) -> None:
    """A reminder that came due meanwhile is said as soon as the house is there again, once, with when it was due."""
    pipe.run("up", lines=["/remind in 9 minutes take out the bread"])
    due = datetime.now(UTC) - timedelta(minutes=5)
    kept = f"{due:%Y-%m-%d %H:%M:%S.%f}"
    pipe.execute("UPDATE schedules SET next_at = ?, fire_at = ?, spec = ? WHERE form = 'once'", kept, kept, due.isoformat())
    said = "".join(pipe.run("up", lines=lines).stdout for lines in (["hello", "hello"], ["hello"], ["/agenda"]))
    assert re.search(r"take out the bread was due at (?:\S+ )?\d\d:\d\d; the house was not there then\.", said)
    assert said.count("⏰ take out the bread") == 1
    assert re.search(r"take out the bread \(\d+\): late, begun (?:\w{3} \d+ \w{3} )?\d\d:\d\d, told", said)
