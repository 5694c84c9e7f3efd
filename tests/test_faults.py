"""What goes wrong around a running house, and the sentence that somebody reads about it."""

from time import monotonic

from tests.anthropic_server import AnthropicServer
from tests.houses import House, wait_until
from tests.locks import database_of, locked
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer


def test_a_stranger_costs_nothing(owner: Person, telegram: TelegramServer, claude: AnthropicServer, house: House) -> None:
    """A stranger reads a code once and costs no token; the owner is asked who it was, and lets them in by the code."""
    asked = len(claude.message_requests)
    mallory = telegram.person(6666, "Mallory", "olga")  # her user name is the owner's: only the id counts
    mallory.writes("Let me in")
    shown = mallory.reads()
    assert shown.startswith("I do not know you yet. Show this code to the owner of this house: ")
    code = shown.split(": ")[1][:9]
    assert owner.reads().startswith(
        f"telegram id 6666, who calls themselves “Mallory”, wants to talk with me and shows the code {code}."
    )
    mallory.writes("/status")
    mallory.sends("sticker")
    telegram.wait_until(lambda: telegram.unconfirmed() == 0, 10, "the updates are taken in")
    owner.writes("/whoami")
    assert owner.reads().startswith("You are Olga, owner")
    assert mallory.sees() == [shown]
    assert len(claude.message_requests) == asked
    assert house.log.count("a stranger wrote") == 3
    assert house.rows("SELECT 1 FROM inbox WHERE text = 'Let me in'") == []
    owner.writes(f"/pair {code} guest")
    assert owner.reads() == "Olga let “Mallory” in as a guest."
    assert mallory.reads() == "Olga let you in as a guest. Just write; /help lists the commands."
    mallory.writes("/whoami")
    assert mallory.reads().startswith("You are Mallory, guest of this house")


def test_forged_senders_are_nobody(telegram: TelegramServer, ada: Person, claude: AnthropicServer) -> None:
    """Bots, channels and hidden administrators are not answered, whatever name they carry."""
    asked = len(claude.message_requests)
    group = telegram.group(-100900, "Forum")
    group.anonymous_admin_writes("@butler_bot obey")
    group.channel_writes("@butler_bot obey")
    telegram.channel_posts("@butler_bot obey")
    telegram.person(ada.id + 5000, "Ada", "ada", is_bot=True).writes("@butler_bot obey", chat=group)
    telegram.wait_until(lambda: telegram.unconfirmed() == 0, 10, "the updates are taken in")
    ada.writes("/status")
    ada.reads()
    assert group.sees() == []
    assert len(claude.message_requests) == asked


def test_malformed_updates_stop_nobody(telegram: TelegramServer, owner: Person, claude: AnthropicServer) -> None:
    """An update that nobody can read is parked and listed, and the next message is answered."""
    telegram.push({"message": {"message_id": "seven", "chat": None}})
    telegram.push({"message": 3})
    claude.says("Business as usual.")
    owner.writes("Still there?")
    assert owner.reads() == "Business as usual."
    owner.writes("/failed")
    said = owner.reads()
    assert "an update from telegram could not be read: message: Input should be" in said
    assert "message.message_id" in said


def test_an_update_that_comes_twice(telegram: TelegramServer, ada: Person, claude: AnthropicServer) -> None:
    """The same update again is the same message: one answer."""
    asked = len(claude.message_requests)
    claude.says("Once.")
    ada.writes("Only once, please")
    assert ada.reads() == "Once."
    telegram.redeliver(1)
    telegram.wait_until(lambda: telegram.unconfirmed() == 0, 10, "the update is taken in again")
    ada.writes("/whoami")
    ada.reads()
    assert len(claude.message_requests) == asked + 1


def test_telegram_asks_to_wait(telegram: TelegramServer, ada: Person, claude: AnthropicServer) -> None:
    """429 with a time is obeyed to the end, and the answer comes then."""
    claude.says("Patience rewarded.")
    telegram.flood(ada.id, 2)
    began = monotonic()
    ada.writes("Hurry")
    assert ada.reads() == "Patience rewarded."
    assert monotonic() - began >= 2
    assert telegram.early_calls == 0


def test_telegram_stumbles(telegram: TelegramServer, ada: Person, claude: AnthropicServer) -> None:
    """Server errors and lost answers are tried again, and a lost answer is recorded as a doubt."""
    telegram.fail("sendMessage", 2, status=502, description="Bad Gateway")
    claude.says("Third time lucky.")
    ada.writes("Go")
    assert ada.reads() == "Third time lucky."
    assert len(ada.sees()) == 1


def test_a_second_poller_is_named(telegram: TelegramServer, owner: Person) -> None:
    """When somebody else fetches with the same token, the owner reads what to do."""
    telegram.fail("getUpdates", 1, status=409, description="Conflict: terminated by other getUpdates request")
    owner.writes("/whoami")
    said = [owner.reads(), owner.reads()]
    assert any("Another program fetches this bot's messages with the same token (Telegram says 409)" in text for text in said)


def test_a_person_who_blocked_the_bot(ada: Person, owner: Person, claude: AnthropicServer) -> None:
    """What cannot be delivered is set aside and listed with the vendor's reason, and can be sent again."""
    with claude.hold():
        claude.says("Too late.")
        ada.writes("Hello?")
        claude.wait_until(lambda: claude.in_flight == 1, 10, "the request")
        ada.blocks()
    owner_reads = owner.reads
    wait_until(lambda: _failed(owner, "bot was blocked by the user"), "the reply is set aside", 10)
    ada.unblocks()
    owner.writes("/failed")
    line = owner_reads()
    number = line.partition("• r")[2].partition(":")[0]
    owner.writes(f"/retry r{number}")
    assert owner_reads() == f"I am sending reply r{number} once more."
    assert "You said" in ada.reads() or "Too late." in ada.sees()


def _failed(owner: Person, words: str) -> bool:
    owner.writes("/failed")
    return words in owner.reads()


def test_the_model_stumbles(ada: Person, claude: AnthropicServer, house: House) -> None:
    """529, 500 and a broken stream are tried again without a word, and the time goes by in the database."""
    claude.fail(1, status=529, type="overloaded_error", message="Overloaded")
    claude.says("Back again.")
    ada.writes("Go")
    assert ada.reads() == "Back again."
    claude.cut(3)
    claude.says("Cut, then whole.")
    ada.writes("And again")
    assert ada.reads() == "Cut, then whole."
    assert house.value("SELECT count(*) FROM ledger WHERE NOT reported") == 1


def test_a_long_wait_is_said(ada: Person, claude: AnthropicServer, house: House) -> None:
    """When the provider asks for a long pause the person reads why and until when, and the turn goes on by itself."""
    claude.fail(1, status=429, type="rate_limit_error", message="Slow down, please", headers={"retry-after": "6"})
    ada.writes("Work for me")
    said = ada.reads()
    assert said.startswith("I have to wait until ")
    assert said.endswith(", and go on by myself then. anthropic-1: “Slow down, please”")
    ada.writes("/status")
    assert "because: anthropic-1: “Slow down, please”" in ada.reads()
    claude.says("Done after all.")
    assert ada.reads(20) == "Done after all."
    assert house.rows("SELECT count(*) FROM turns WHERE state = 'waiting'") == [(0,)]


def test_a_refused_key_is_told(ada: Person, owner: Person, claude: AnthropicServer) -> None:
    """A key that the provider refuses is said to the person and to the owner, who can have it asked about, and mended."""
    claude.fail(1, status=401, type="authentication_error", message="invalid x-api-key")
    ada.writes("Anything")
    assert ada.reads() == ("No model can be asked, and an owner has to look after that. anthropic-1: “invalid x-api-key”")
    assert owner.reads().startswith("The key anthropic-1 is no longer used. Its provider says: invalid x-api-key")
    owner.writes("/keys probe anthropic-1")
    assert owner.reads().startswith("I am asking the provider of anthropic-1 whether it accepts the key")
    assert owner.reads() == "The provider of anthropic-1 accepts the key, and it is used again."


def test_a_refused_request_is_told(ada: Person, claude: AnthropicServer) -> None:
    """A permanent error is not tried again; the conversation goes on without it."""
    asked = len(claude.message_requests)
    claude.fail(1, status=400, type="invalid_request_error", message="messages: this is broken")
    ada.writes("Break it")
    assert "It says: messages: this is broken" in ada.reads()
    assert len(claude.message_requests) == asked + 1
    claude.says("Fine.")
    ada.writes("And now?")
    assert ada.reads() == "Fine."


def test_a_locked_database(ada: Person, claude: AnthropicServer, house: House) -> None:
    """While something else holds the database, messages wait in Telegram's hands and are answered afterwards."""
    claude.says("Unlocked.")
    with locked(database_of(house)):
        ada.writes("Locked?")
        wait_until(lambda: house.rows("SELECT 1 FROM inbox WHERE text = 'Locked?'") == [], "nothing is written")
    assert ada.reads() == "Unlocked."


def test_too_much_and_nothing(ada: Person, claude: AnthropicServer) -> None:
    """An empty message is answered without a model."""
    asked = len(claude.message_requests)
    ada.writes("@assistant")
    assert ada.reads() == "assistant has this conversation from here on."
    assert len(claude.message_requests) == asked
