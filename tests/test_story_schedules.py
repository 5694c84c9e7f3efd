"""What people on Telegram have done at times, in two zones: what they write, and what they read."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import House, wait_until
from tests.telegram_people import Group, Person
from tests.telegram_server import TelegramServer

SOON = timedelta(seconds=0.5)
HOUR = timedelta(hours=1)
NEW_YORK = "America/New_York"


@pytest.fixture
def ben(ben: Person) -> Person:
    """Somebody in New York; the house, and Ada, are in Berlin."""
    assert says(ben, f"/settings zone {NEW_YORK}").startswith(f"Your zone is {NEW_YORK}; it is ")
    return ben


def says(person: Person, text: str, chat: Group | None = None, thread: int | None = None) -> str:
    """Write something and return what the house answers."""
    person.writes(text, chat=chat, thread=thread)
    return (chat or person).reads()


def is_due(house: House, number: str) -> None:
    """Let the clock's time for a schedule be in a moment."""
    at = datetime.now(UTC) + SOON
    kept, said = f"{at:%Y-%m-%d %H:%M:%S.%f}", at.isoformat()
    house.execute("UPDATE schedules SET next_at = ?, fire_at = ? WHERE id = ?", kept, kept, int(number))
    house.execute("UPDATE schedules SET spec = ? WHERE id = ? AND form = 'once'", said, int(number))


def number_in(echo: str) -> str:
    """Return the number that the house gave to a schedule."""
    return str(re.findall(r"\(schedule (\d+)\)", echo)[0])


def outcome_of(house: House, number: str) -> list[tuple[object, ...]]:
    """Return what became of a schedule's runs."""
    return house.rows("SELECT state, told FROM runs WHERE schedule_id = ? ORDER BY id", int(number))


def buttons(telegram: TelegramServer, chat: Person | Group) -> list[str]:
    """Return the buttons below the newest message."""
    keyboard = (telegram.messages(chat.id)[-1].reply_markup or {}).get("inline_keyboard") or []
    return [str(button["text"]) for row in keyboard for button in row]  # type: ignore[attr-defined]


def asked(claude: AnthropicServer) -> str:
    """Return all that the model was told last."""
    return str(claude.message_requests[-1].body["messages"])


def test_a_briefing_from_its_wish_to_its_removal(
    ada: Person, house: House, telegram: TelegramServer, claude: AnthropicServer
) -> None:
    """A task is kept, listed, shown, carried out, paused, taken up again, changed and removed, each with a plain answer."""
    assert says(ada, "/schedule").startswith("Nothing is done at times for you here.")
    echo = says(ada, "/schedule add every weekday 7:30 :: Brief me on *my* day")
    number = number_in(echo)
    assert echo.startswith(f"assistant will do it: Brief me on my day (schedule {number}). Every weekday at 07:30 (Europe/Ber")
    assert buttons(telegram, ada) == ["Pause", "Remove"]
    claude.says("Two meetings: Ben at ten, the bank at three.")
    is_due(house, number)
    assert ada.reads() == "Two meetings: Ben at ten, the bank at three."
    claude.says("I cannot move the bank.")
    assert says(ada, "Can you move the second one?") == "I cannot move the bank."
    assert "the bank at three" in asked(claude)
    listed = says(ada, "/schedule")
    assert listed.count("\n") == 1, listed
    first, second = listed.splitlines()
    assert first.startswith(f"• Brief me on my day ({number}, assistant): Every weekday at 07:30 (Europe/Berlin). Next: ")
    assert re.fullmatch(r"  ◦ Last: \w{3} \d+ \w{3} \d\d:\d\d, told\. Cost so far: (under )?\$0\.\d\d\.", second)
    shown = says(ada, "/schedule show brief me on my day")
    assert shown.endswith("told\n\nBrief me on my day")
    assert shown == says(ada, f"/schedule {number}")
    assert says(ada, f"/schedule pause {number}").startswith(f"Paused: Brief me on my day (schedule {number}). Every weekday")
    assert buttons(telegram, ada) == ["Resume", "Remove"]
    assert f"({number}, assistant): Every weekday at 07:30 (Europe/Berlin). Paused." in says(ada, "/schedule")
    assert says(ada, f"/schedule resume {number}").startswith(f"Brief me on my day (schedule {number}) goes on. Every weekday")
    assert says(ada, f"/schedule edit {number} every 3h").startswith(
        f"Changed: Brief me on my day (schedule {number}). Every 3"
    )
    assert says(ada, f"/schedule edit {number} :: Look at the mail").startswith(
        f"Changed: Look at the mail (schedule {number})"
    )
    assert says(ada, f"/schedule remove {number}") == f"Removed: Look at the mail (schedule {number})."
    assert says(ada, f"/schedule resume {number}").startswith(f"You have no schedule {number} here")


def test_run_does_it_now(ada: Person, house: House, claude: AnthropicServer) -> None:
    """What is run by hand is done at once, and its time stays as it was; a reminder is said, and no model is asked."""
    number = number_in(says(ada, "/schedule add every monday 9:00 :: Tell a joke"))
    due = house.value("SELECT next_at FROM schedules WHERE id = ?", int(number))
    claude.says("A clock walks into a bar.")
    assert says(ada, f"/schedule run {number}") == f"assistant begins with Tell a joke (schedule {number}) now."
    assert ada.reads() == "A clock walks into a bar."
    assert house.value("SELECT next_at FROM schedules WHERE id = ?", int(number)) == due
    count = len(claude.message_requests)
    number = number_in(says(ada, "/remind every friday 17:00 timesheet"))
    assert says(ada, f"/schedule run {number}") == f"timesheet (schedule {number}) is said now."
    assert ada.reads() == "⏰ timesheet"
    assert len(claude.message_requests) == count


def test_two_zones(ada: Person, ben: Person, house: House) -> None:
    """Each reads and writes times in their own zone, hears of their own only, and takes them along when moving."""
    hers, his = (says(one, "/remind tomorrow 8:00 pills") for one in (ada, ben))
    assert hers.split(".")[1].endswith(" 08:00 (Europe/Berlin)")
    assert his.split(".")[1].endswith(f" 08:00 ({NEW_YORK})")
    due = [house.value("SELECT next_at FROM schedules WHERE id = ?", int(number_in(one))) for one in (hers, his)]
    for at, zone in zip(due, ("Europe/Berlin", NEW_YORK), strict=True):
        local = datetime.fromisoformat(str(at)).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        assert f"{local:%H:%M}" == "08:00"
    is_due(house, number_in(his))
    assert ben.reads() == "⏰ pills"
    assert ada.sees() == [hers]
    daily = number_in(says(ben, "/remind every day 8:00 vitamins"))
    assert says(ben, "/schedule zone asia/tokyo").endswith(" there. 1 schedule follows it.")
    assert f"vitamins ({daily}, reminder): Every day at 08:00 (Asia/Tokyo). Next: " in says(ben, "/schedule")
    assert says(ben, "/schedule zone Mars/Base").startswith("Mars/Base is no zone such as Europe/Berlin.")


def test_what_cannot_be_understood_is_not_kept(ada: Person, house: House) -> None:
    """An unclear time, none, no words and an unknown verb get a sentence each, and nothing is stored."""
    before = house.value("SELECT count(*) FROM schedules")
    for text, answer in (
        ("/remind at 8 call mum", "8 could be 08:00 or 20:00; write 8:00 or 20:00, or 8am or 8pm. Nothing was kept."),
        ("/remind the bread", "“the bread” does not begin with a time, and the time comes first: "),
        ("/schedule add every 2h", "What is to be done is missing; it stands after the time: "),
        ("/schedule resume", "Say which one, such as /schedule resume 3; /schedule lists them. Nothing was changed."),
        ("/schedule ad 8:00 :: x", "/schedule knows no ad. Did you mean add?"),
    ):
        assert says(ada, text).startswith(answer)
    assert house.value("SELECT count(*) FROM schedules") == before


def test_the_agenda(ada: Person, house: House) -> None:
    """/agenda says what is to come and what became of what was, each with the number that other commands take."""
    assert says(ada, "/agenda").endswith(" (Europe/Berlin)\nNothing is due.\n\nLast 24 hours\nNothing was due.")
    bread = number_in(says(ada, "/remind in 20 minutes take out the bread"))
    tea = number_in(says(ada, "/remind in 5 minutes tea"))
    first, second = re.findall(r"• (.+)", says(ada, "/agenda"))
    assert first.endswith(f" tea ({tea})")
    assert second.endswith(f" take out the bread ({bread})")
    is_due(house, tea)
    assert ada.reads() == "⏰ tea"
    to_come, been = says(ada, "/agenda").split("\n\nLast 24 hours\n")
    assert f" tea ({tea})" not in to_come
    assert been.endswith(f" tea ({tea}): told")


def test_quiet_hours_and_their_end(ada: Person, house: House, claude: AnthropicServer) -> None:
    """What comes in quiet hours waits, and says so; what is urgent does not; at their end there is one message."""
    now = datetime.now(ZoneInfo("Europe/Berlin"))
    hours = f"{now - HOUR:%H:%M}-{now + 2 * HOUR:%H:%M}"
    assert says(ada, f"/quiet {hours}").endswith(" (Europe/Berlin) you hear nothing that you did not ask for.")
    assert says(ada, "/quiet").startswith(f"Quiet hours (Europe/Berlin): {hours}: what you did not ask for waits")
    echo = says(ada, "/remind in 5 minutes water the plants")
    plants = number_in(echo)
    assert echo.endswith(f"so you hear of it at {now + 2 * HOUR:%H:%M}; /schedule edit {plants} urgent changes that.")
    news = number_in(says(ada, "/schedule add in 7 minutes :: What is new?"))
    milk = number_in(says(ada, "/remind in 6 minutes the milk boils"))
    assert "you have quiet hours" not in says(ada, f"/schedule edit {milk} urgent")
    claude.says("Nothing *much*.")
    for one in (plants, news, milk):
        is_due(house, one)
        wait_until(lambda one=one: outcome_of(house, one)[-1:] == [("done", "told" if one == milk else "held")], one)  # type: ignore[misc]
    assert ada.reads() == "⏰ the milk boils"
    assert f" What is new ({news}): waits for the end of quiet hours" in says(ada, "/agenda")
    assert says(ada, "/quiet off") == "You have no quiet hours any more."
    digest = ada.reads()
    assert re.fullmatch(
        r"While it was quiet:\n\n\d\d:\d\d ⏰ water the plants\n\n\d\d:\d\d What is new\nNothing much\.", digest
    )
    claude.says("I watered them.")
    assert says(ada, "Did you?") == "I watered them."
    assert "water the plants" in asked(claude)


def test_in_your_own_words(ada: Person, house: House, claude: AnthropicServer) -> None:
    """A butler who is asked in plain words makes a schedule that the commands know, and tells there when it is due."""
    wish = {"name": "briefing", "when": "every weekday 8:00", "prompt": "Brief me."}
    claude.calls_tool("schedule_create", wish)
    claude.says("From now on, every weekday at eight.")
    assert says(ada, "Brief me every weekday at eight, please") == "From now on, every weekday at eight."
    ((number,),) = house.rows("SELECT schedules.id FROM schedules WHERE name = 'briefing'")
    assert "Every weekday at 08:00 (Europe/Berlin)" in asked(claude)
    claude.says("A quiet day.")
    is_due(house, str(number))
    assert ada.reads() == "A quiet day."
    claude.calls_tool("remind", {"when": "tomorrow at 8", "text": "bins"})
    claude.says("Eight in the morning, or in the evening?")
    assert says(ada, "And remind me of the bins tomorrow at 8") == "Eight in the morning, or in the evening?"
    assert "8 could be 08:00 or 20:00" in asked(claude)
    listed = says(ada, "/schedule")
    assert f"• briefing ({number}, assistant): Every weekday at 08:00 (Europe/Berlin). Next: " in listed
    assert "• reverie (" in listed  # what a butler does of its own accord is listed as well
    assert ", assistant, of its own accord): Every 30 minutes" in listed


def test_buttons_are_the_maker_s(ada: Person, ben: Person, house: House, telegram: TelegramServer) -> None:
    """A button does what it says once, for whom it is; in a group it is told there, and what was removed is gone."""
    club = telegram.group(-100700, "Club")
    club.opens_thread(5)
    number = number_in(says(ada, "/remind@butler_bot every friday 17:00 timesheet", club, 5))
    ben.presses("Remove", club)
    assert club.reads() == "That question is for Ada; nothing was done."
    ada.presses("Pause", club)
    telegram.wait_until(lambda: "Paused: timesheet" in club.sees()[0], 10, "the pause")
    assert club.sees()[0].endswith(f"\n\nPaused: timesheet (schedule {number}). /schedule resume {number} takes it up again.")
    says(ada, f"/schedule@butler_bot resume {number}", club, 5)
    is_due(house, number)
    assert club.reads() == "⏰ timesheet"
    assert telegram.messages(club.id)[-1].thread == 5
    assert says(ada, f"/schedule remove {number}").startswith("Removed: ")
    ada.presses("Pause", club)
    telegram.wait_until(lambda: any("That schedule is gone; nothing was changed." in text for text in club.sees()), 10, "that")


def test_words_in_all_letters(ada: Person, telegram: TelegramServer) -> None:
    """A name shows the letters that were written, whole words and addresses, and says when it is not all of them."""
    for words, name in (
        ("https://example.org/a_b?x=1 read", "https://example.org/a_b?x=1 read"),
        ("**Frühstück** für Ödön kochen 🥐 und danach ruhen", "Frühstück für Ödön kochen 🥐 und…"),
        ("تذكير", "\u2068تذكير\u2069"),
        ("[the report](https://example.org) for @anna_b", "the report for @\u2060anna_b"),
    ):
        echo = says(ada, f"/remind in 20 minutes {words}")
        assert echo.startswith(f"I shall remind you: {name} (schedule ")
        assert [entity["type"] for entity in telegram.messages(ada.id)[-1].entities if entity["type"] != "code"] == ["bold"]
    assert says(ada, "/schedule show frühstück für ödön kochen 🥐 und").endswith(
        "Frühstück für Ödön kochen 🥐 und danach ruhen"
    )
