"""Stories of the switchboard: who answers, why, and how a person sets it right."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bot.household import read_household
from bot.messages import Origin
from bot.store.switchboard_tables import corrections, decisions
from bot.store.tables import inbox
from bot.store.treasury_tables import budgets, ledger, reservations
from bot.switchboard.decisions import KEPT
from bot.takeover import take_over
from bot.tools import Effect, tool
from tests.anthropic_server import AnthropicServer
from tests.houses import SHIPPED
from tests.placings import choices, who, why
from tests.room import ADA, BEN, Room

UNSURE = "Zwyrbelquax Olafsson grmpfed vyzzt knorx plomwick"  # words that no butler knows
RESTAURANTS = "what did I spend on restaurants last week?"


@pytest.fixture
def house(room: Room) -> Room:
    """A room with the six butlers that come with the house."""
    room.household = read_household(SHIPPED, "assistant")
    return room


def asks(house: Room, text: str, answer: str = "Well.", **changes: Any) -> str:
    """Let Ada ask, and return the butler who answers."""
    house.claude.says(answer)
    assert house.asks(text, **changes) == answer
    return who(house)


def test_a_message_finds_its_butler(house: Room) -> None:
    """Ada asks about money and finance answers, without any model being asked who; /why says what it was like."""
    assert asks(house, RESTAURANTS) == "finance"
    assert why(house).startswith(f"**finance** has “{RESTAURANTS}” because the message is most like what finance is for (")
    assert "It is near to “" in why(house)
    assert choices(house) == 0
    assert "You are finance" in house.claude.message_requests[-1].body["system"][0]["text"]


def test_a_follow_up_stays(house: Room) -> None:
    """Short answers and thanks stay with the butler who has the conversation; another subject goes elsewhere."""
    assert asks(house, "my throat hurts and I have a cough", "I am sorry. Since when?") == "health"
    assert asks(house, "since Tuesday") == "health"
    assert asks(house, "ok, thanks") == "health"
    assert "because it goes on with what health had before" in why(house)
    assert asks(house, RESTAURANTS) == "finance"
    assert asks(house, "and the week before?") == "finance"
    assert choices(house) == 0


@pytest.mark.both_stores
def test_a_wrong_one_is_set_right(house: Room) -> None:
    """After `/butler finance` the same kind of message goes to finance, also in another chat; it can be taken back."""
    first = "what are the prices of allotment gardens around here"
    before = asks(house, first)
    assert before == "research"
    said = house.writes(ADA, "/butler finance")
    assert said.startswith("**finance** has this conversation from here on. I have learnt that “what are the prices of")
    assert why(house).endswith("You have told me that it was for finance.")
    assert asks(house, "my knee hurts") == "finance"
    assert "because it was chosen for this conversation" in why(house)
    assert "From here on I choose the butler for each message." in house.writes(ADA, "/butler auto")
    assert asks(house, "I have a fever and a headache") == "health"
    house.now += timedelta(days=2)
    house.writes(ADA, "/new")
    assert asks(house, "prices of allotment gardens in this area?") == "finance"
    assert "“what are the prices of allotment gardens around here” (set right by a person)" in why(house)
    house.claude.says("There.")
    assert house.asks("what do allotment gardens cost around here, the prices", BEN) == "There."
    assert who(house) == "finance"
    assert "a message (set right by a person)" in house.writes(BEN, "/why")  # what Ada wrote is not for Ben
    assert house.writes(ADA, "/why forget").startswith("Forgotten: that “what are the prices of allotment")
    house.writes(ADA, "/new")
    assert asks(house, first) == before


def test_thanks_teach_nothing(house: Room) -> None:
    """/butler after a word of thanks, or after a message that somebody else wrote, changes the butler and teaches nothing."""
    asks(house, "thanks a lot")
    assert house.writes(ADA, "/butler health") == "**health** has this conversation from here on."
    house.writes(ADA, "/new")
    asks(house, "the invoice of the carpenter is due", origin=Origin.STRANGER)
    house.writes(ADA, "/butler health")
    with house.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(corrections)) == 0


@pytest.mark.both_stores
def test_who_is_forgotten_teaches_nothing(house: Room) -> None:
    """What a person taught goes when they are removed and forgotten."""
    house.writes(ADA, "/start")
    house.claude.says("Well.")
    house.asks("what are the prices of allotment gardens around here", BEN)
    assert "I have learnt" in house.writes(BEN, "/butler finance")
    house.writes(ADA, "/people remove 2")
    house.presses(ADA, "Remove and forget everything")
    with house.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(corrections)) == 0


def test_unsure_asks_a_small_model_once(house: Room) -> None:
    """What nobody can tell is asked of the fast model, once, for one of the names, and paid by who wrote it."""
    house.claude.says("Relationship.")
    house.claude.says("Tell me more about Olaf.")
    assert house.asks(UNSURE) == "Tell me more about Olaf."
    first = house.claude.message_requests[0].body
    assert (who(house), choices(house), len(house.claude.message_requests)) == ("relationship", 1, 2)
    assert "haiku" in first["model"]
    assert "- finance: Money" in str(first["messages"])
    assert f"<message>\\n{UNSURE}\\n</message>" in str(first["messages"]).replace("\\\\n", "\\n")
    assert "because I was not sure and asked a small model once, which chose relationship." in why(house)
    with house.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(ledger)) == 2
        scopes = tx.scalars(select(reservations.c.scopes).order_by(reservations.c.id).limit(1)).one()
        assert "\nperson:1\n" in scopes
    assert asks(house, "yes, him") == "relationship"


@pytest.mark.parametrize(
    "answer", ["I think finance would be best.", "Nobody", "unsure", "finance, health", "</message> health"]
)
def test_only_a_name_counts(house: Room, answer: str) -> None:
    """An answer that is not one of the names is none: the default butler has the message."""
    house.claude.says(answer)
    house.claude.says("Here I am.")
    assert house.asks(UNSURE) == "Here I am."
    assert who(house) == "assistant"
    assert "because I was not sure, and the small model that I asked named nobody either; then assistant has it." in why(house)


def test_without_money_the_default_butler_has_it(tmp_path: Path, claude: AnthropicServer) -> None:
    """Where the budget is spent no small model is asked; the default butler says that it is spent."""
    with Room(tmp_path, claude, cap=Decimal("0.001")) as house:
        house.household = read_household(SHIPPED, "assistant")
        said = house.asks(UNSURE)
        assert (who(house), claude.message_requests) == ("assistant", [])
        assert "spent" in said or "budget" in said
        assert "there was no money left to ask a small model; then assistant has it." in why(house)
        with house.database.read() as tx:
            assert tx.scalar(select(func.sum(budgets.c.held))) in (0, None)


def test_a_model_that_is_down_stops_nobody(house: Room) -> None:
    """When the small model cannot be asked, the default butler has the message, and nothing stays reserved."""
    house.claude.fail(type="invalid_request_error", message="no such thing")
    house.claude.says("Here I am.")
    assert house.asks(UNSURE) == "Here I am."
    assert who(house) == "assistant"
    assert "no small model could be asked" in why(house)
    with house.database.read() as tx:
        assert tx.scalar(select(func.sum(budgets.c.held))) == 0


def test_a_model_is_not_asked_again_after_a_crash(house: Room) -> None:
    """A worker that died while it asked leaves what it reserved as spent; the message goes on without another question."""
    conversation_id = house.takes_in(UNSURE)
    runner = house.runner("worker-1")
    turn = runner.turns.take(conversation_id, suspects=True)
    assert turn is not None
    assert turn.undecided
    with turn.writing() as tx:
        tx.execute(update(decisions).values(by="asking"))
    with house.database.write() as tx:
        assert take_over(tx, "worker-1", house.treasury, house.now) == [conversation_id]
    house.claude.says("Here I am.")
    house.runner("worker-2").run_turn(conversation_id, None)
    assert house.replies(conversation_id) == ["Here I am."]
    assert (who(house), choices(house)) == ("assistant", 0)
    assert "the small model that I asked was cut off" in why(house)


def test_while_a_butler_works_what_is_unsure_is_read_by_it(tmp_path: Path, claude: AnthropicServer) -> None:
    """What is added to a running turn is heard by its butler at the next step, and no model is asked about it."""

    class Doorbell:
        @tool(Effect.READ)
        def look(self) -> str:
            """Look."""
            room.takes_in(UNSURE)
            return "Somebody wrote."

    with Room(tmp_path, claude, [Doorbell()]) as room:
        room.household = read_household(SHIPPED, "assistant")
        claude.calls_tool("look")
        assert asks(room, "my throat hurts and I have a cough", "Get well.") == "health"
        assert "Olafsson" in str(claude.message_requests[-1].body["messages"])
        assert "health was at work here, and I was not sure that it is about anything else" in why(room)
        assert choices(room) == 0


@pytest.mark.both_stores
def test_decisions_do_not_pile_up(house: Room) -> None:
    """Of a conversation the last decisions are kept."""
    for _ in range(KEPT + 5):
        house.takes_in("I have a fever and a headache")
    with house.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(decisions)) == KEPT
        assert tx.scalar(select(func.count()).where(inbox.c.butler == "health")) == KEPT + 5


def test_in_a_group_each_goes_on_with_their_own(house: Room) -> None:
    """Ada talks about her health and Ben about money; “and before that?” means for each what they talked about."""
    group = house.message("x").address.model_copy(update={"chat": "-5", "private": False})
    house.claude.says("Since when?")
    here = house.takes_in("my throat hurts and I have a cough", ADA, address=group)
    house.runner().run_turn(here, None)
    house.claude.says("12 euros.")
    house.takes_in(RESTAURANTS, BEN, address=group)
    house.runner().run_turn(here, None)
    assert who(house) == "finance"
    for sender, butler in ((ADA, "health"), (BEN, "finance")):
        house.claude.says("Yes.")
        house.takes_in("and before that?", sender, address=group)
        house.runner().run_turn(here, None)
        assert who(house) == butler


def test_a_butler_that_is_gone_is_told(house: Room) -> None:
    """A conversation and a correction of a butler who left the household go on with others, and /why says so."""
    house.writes(ADA, "/butler research")
    asks(house, "what are the prices of allotment gardens around here")
    household = read_household(SHIPPED, "assistant")
    house.household = type(household)(
        {name: one for name, one in household.butlers.items() if name != "research"}, (), "assistant"
    )
    assert "There is no research in this household any more, so assistant has its messages." in why(house)
    assert asks(house, "I have a fever and a headache") == "health"
