"""Commands on Telegram: what a person asks of the house itself."""

from time import monotonic

from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.houses import House
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer


def test_stop_means_stop(ada: Person, claude: AnthropicServer, house: House) -> None:
    """/stop is answered within a second, cuts the request that is under way, and drops what waited behind it."""
    claude.answers(Answer(text="This will never be read", delay=30))
    ada.writes("Think for a long time")
    claude.wait_until(lambda: claude.in_flight == 1, 10, "the request")
    ada.writes("and this too")
    asked = monotonic()
    ada.writes("/stop")
    assert ada.reads() == "Stopped. 1 message that waited is dropped."
    assert monotonic() - asked < 1
    claude.wait_until(lambda: claude.message_requests[-1].outcome == "client gone", 3, "the socket is shut")
    assert house.rows("SELECT state FROM turns ORDER BY id DESC LIMIT 1") == [("stopped",)]
    assert house.rows("SELECT reported FROM ledger ORDER BY id DESC LIMIT 1") == [(0,)]
    claude.says("Here I am.")
    ada.writes("Hello again")
    assert ada.reads() == "Here I am."
    assert ada.sees() == ["Stopped. 1 message that waited is dropped.", "Here I am."]


def test_stop_in_the_middle_of_an_answer(ada: Person, claude: AnthropicServer, telegram: TelegramServer) -> None:
    """A stream is cut as well, and what was shown of it so far vanishes with the answer to /stop."""
    claude.answers(Answer(text="word " * 400, chunk=5, pause=0.05))
    ada.writes("Tell me everything")
    telegram.wait_until(lambda: bool(telegram.drafts(ada.id)), 10, "a draft")
    ada.writes("/stop")
    assert ada.reads() == "Stopped."
    claude.wait_until(lambda: claude.message_requests[-1].outcome == "client gone", 3, "the stream is cut")
    assert ada.sees_draft() is None


def test_nothing_to_stop(ada: Person) -> None:
    """/stop says so when nothing runs."""
    ada.writes("/stop")
    assert ada.reads() == "There is nothing to stop."


def test_new_begins_anew(ada: Person, claude: AnthropicServer) -> None:
    """After /new the model is told nothing of what was said before."""
    claude.says("Noted.")
    ada.writes("My dog is called Rex")
    ada.reads()
    ada.writes("/new")
    assert ada.reads() == "A new conversation begins; what I was told to remember stays."
    claude.says("I do not know.")
    ada.writes("What is my dog called?")
    ada.reads()
    assert "Rex" not in str(claude.message_requests[-1].body["messages"])


def test_butlers_are_chosen(ada: Person, claude: AnthropicServer) -> None:
    """@name and /butler choose, the conversation stays with that butler, and a wrong name is corrected."""
    claude.says("General speaking.")
    ada.writes("@general explain entropy")
    assert ada.reads() == "General speaking."
    assert "You are general" in str(claude.message_requests[-1].body["system"])
    assert claude.message_requests[-1].body["messages"][0]["content"][0]["text"].endswith("\nexplain entropy")
    claude.says("Still general.")
    ada.writes("and more")
    ada.reads()
    assert "You are general" in str(claude.message_requests[-1].body["system"])
    ada.writes("/butler asistant")
    assert ada.reads() == "There is no butler asistant. Did you mean assistant? /butlers lists all."
    ada.writes("/butler assistant")
    assert ada.reads() == "assistant has this conversation from here on."
    ada.writes("/butlers")
    assert "• assistant (has this conversation): Personal assistant" in ada.reads()


def test_status_shows_what_is_going_on(ada: Person, claude: AnthropicServer) -> None:
    """/status tells the butler, the running turn, workers, queue and money."""
    with claude.hold():
        ada.writes("Work")
        claude.wait_until(lambda: claude.in_flight == 1, 10, "the request")
        ada.writes("/status")
        said = ada.reads()
    assert "Butler: assistant, model: claude-sonnet-5-5" in said
    assert "at work since" in said
    assert "step 1" in said
    assert "Workers: 1" in said
    assert "Queue: reachable" in said
    assert "of $5.00 spent, $0." in said
    ada.reads()


def test_sessions_and_whoami(ada: Person, ben: Person, claude: AnthropicServer) -> None:
    """/sessions lists one's own turns with what they took; /whoami tells who one is to the house."""
    claude.calls_tool("current_time", {"place": "Tokyo"})
    claude.says("Late.")
    ada.writes("What time is it in Tokyo?")
    ada.reads()
    ada.writes("/sessions")
    said = ada.reads()
    assert "· assistant · " in said
    assert "s · answered" in said
    assert "2 steps · 1 call · " in said
    ben.writes("/sessions")
    assert ben.reads() == "Nothing has been done for you yet."
    ben.writes("/whoami")
    assert ben.reads().startswith("You are Ben, member of this house")


def test_memory_is_shown_and_forgotten(ada: Person, ben: Person, claude: AnthropicServer) -> None:
    """/memory shows one's own facts and forgets them; another person sees and forgets nothing."""
    claude.calls_tool("remember", {"fact": "Ada's locker code is 4711"})
    claude.says("Kept.")
    ada.writes("Remember that my locker code is 4711")
    assert ada.reads() == "Kept."
    ada.writes("/memory")
    said = ada.reads()
    assert "Ada's locker code is 4711" in said
    number = said.partition("• ")[2].partition(":")[0]
    ben.writes("/memory")
    assert "was told nothing yet" in ben.reads()
    ben.writes(f"/memory forget {number}")
    assert ben.reads() == f"There is no fact {number}."
    ada.writes(f"/memory forget {number}")
    assert ada.reads() == f"Fact {number} is forgotten. I am taking it out of all that was said."
    ada.writes("/memory locker")
    assert "was told nothing about that yet" in ada.reads()


def test_nothing_failed(ada: Person) -> None:
    """/failed and /retry say so when nothing is set aside."""
    ada.writes("/failed")
    assert ada.reads() == "Nothing is set aside."
    ada.writes("/retry 12345")
    assert ada.reads().startswith("There is nothing set aside under that number.")
    ada.writes("/retry soon")
    assert ada.reads().startswith("There is nothing set aside under that number.")


def test_start_greets(ada: Person) -> None:
    """/start says who is here and where to find the commands."""
    ada.writes("/start")
    assert ada.reads() == "Good day, Ada. You are talking with assistant. Just write; /help lists the commands."
