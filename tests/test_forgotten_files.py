"""Files that say what is forgotten: of those that were received and those that were sent nothing is left, and of others all."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from bot import files as received
from bot.attachments import title
from bot.forgetting.traces import Traces
from bot.messages import Attachment, FileKind
from bot.store.file_tables import blobs, files
from bot.store.forgetting_tables import forgettings
from bot.store.schedule_tables import held
from bot.store.tables import outbox
from tests.file_rooms import PHOTO, brings, file_states, sent
from tests.file_rooms import asks as asks_with
from tests.room import ADA, BEN, Room
from tests.sample_files import PNG, pdf, picture
from tests.test_forgetting import everything, goes_on
from tests.timing import keeps

CANARY = "quetzal8842"
MARK = "[forgotten on 2026-11-21]"
FACT = f"Ada's vault word is {CANARY}"
MENU = b"Pizza with anchovies.\nSoup of the day."


def tells(room: Room, fact: str = FACT, *attached: Attachment, **content: bytes) -> None:
    """Let Ada tell a fact, with files or without."""
    room.claude.calls_tool("remember", {"fact": fact})
    room.claude.says("Noted.")
    asks_with(room, "Keep it in mind", *attached, **content)


def sends(room: Room, name: str, content: str) -> None:
    """Let the butler send a file, and let it arrive."""
    room.claude.calls_tool("use_tool", {"name": "send_file", "arguments": {"name": name, "content": content}})
    room.claude.says("It is above.")
    room.asks("Send it to me")


def forgets(room: Room, number: int = 1) -> None:
    """Let Ada forget a fact, and all be carried out."""
    room.writes(ADA, f"/memory forget {number}")
    goes_on(room)
    with room.database.read() as tx:
        assert set(tx.scalars(select(forgettings.c.state))) == {"done"}


def states(room: Room) -> dict[str, str]:
    """Return the state of each file that was received, by its name."""
    with room.database.read() as tx:
        return {row.name: row.state for row in tx.execute(select(files).order_by(files.c.id))}


def kept(room: Room) -> Sequence[bytes]:
    """Return all bytes that are kept."""
    with room.database.read() as tx:
        return [bytes(data) for data in tx.scalars(select(blobs.c.data))]


def files_sent(room: Room) -> list[tuple[str, bool]]:
    """Return the words of what calls put into the outbox, and whether each is still a file."""
    with room.database.read() as tx:
        rows = tx.execute(select(outbox).where(outbox.c.made_by.is_not(None)).order_by(outbox.c.id)).all()
        return [(row.text, row.enclosure is not None) for row in rows]


@pytest.mark.both_stores
def test_a_received_file_that_says_it_is_gone(room: Room) -> None:
    """A PDF and a text that say it lose bytes and words, the rows stay and say why; a file that says nothing of it stays."""
    room.claude.says("Read.")
    attached = (sent("card.pdf"), sent("notes.txt"), sent("other.txt"))
    content = {"card": pdf(f"The vault word is {CANARY}, as told."), "notes": f"a\n{CANARY}\n".encode(), "other": b"the vault"}
    asks_with(room, "read these", *attached, **content)
    tells(room)
    assert content["card"] in kept(room)
    forgets(room)
    assert states(room) == {"card.pdf": "gone", "notes.txt": "gone", "other.txt": "kept"}
    assert kept(room) == [b"the vault"]
    assert CANARY.encode() not in everything(room)
    room.claude.calls_tool("read_file", {"file": 2})
    room.claude.says("It is forgotten.")
    assert room.asks("What is in my notes?") == "It is forgotten."
    prompt = str(room.claude.message_requests[-1].body["messages"])
    assert "File 2 was forgotten on 2026-11-21, as the person wished." in prompt
    assert "What was shown here is no longer kept." in prompt
    assert any("It was taken out of" in text for text in room.reads(ADA))


@pytest.mark.both_stores
def test_a_sent_file_that_says_it_is_gone(room: Room) -> None:
    """A file and a table that a butler sent lose it, with the calls that made them; another file and table row stay."""
    tells(room)
    sends(room, "vault.md", f"# Vault\n\n{CANARY}\n")
    sends(room, f"{CANARY}.md", "Open it.")
    sends(room, "list.md", "milk")
    rows = [["vault", CANARY], ["milk", 2]]
    room.claude.calls_tool(
        "use_tool", {"name": "send_table", "arguments": {"title": "All", "columns": ["a", "b"], "rows": rows}}
    )
    room.claude.says("Above.")
    room.asks("And all as a table")
    forgets(room)
    assert files_sent(room) == [
        (f"📎 vault.md {MARK}", False),
        (MARK, False),
        ("📎 list.md", True),
        (f"**All**\n\n| a | b |\n| :-- | :-- |\n{MARK}\n| milk | 2 |", False),
    ]
    assert kept(room) == [b"milk"]
    assert CANARY.encode() not in everything(room)


def test_a_table_s_row_says_it_with_all_its_cells(room: Room) -> None:
    """Where no cell alone says it and a row does, its cells are marked in the calls, too, and other rows stay."""
    tells(room, "Ada's vault word is xylophone")
    table = {"title": "", "columns": ["What", "It"], "rows": [["vault word", "xylophone"], ["a word", "milk"]]}
    room.claude.calls_tool("use_tool", {"name": "send_table", "arguments": table})
    room.claude.says("Above.")
    room.asks("As a table")
    forgets(room)
    assert b"xylophone" not in everything(room)
    assert b"a word" in everything(room)


def test_a_picture_goes_with_the_turn_that_told_it(room: Room) -> None:
    """What cannot be read goes with the message that told the fact, or says it; pictures of other messages stay."""
    tells(room, FACT, PHOTO, photo=PNG)
    room.claude.says("Nice.")
    asks_with(room, f"this is {CANARY}", sent("a.png", FileKind.PHOTO), a=picture("PNG", (41, 30)))
    room.claude.says("A cat.")
    asks_with(room, "my cat", sent("cat.png", FileKind.PHOTO), cat=picture("PNG", (42, 30)))
    forgets(room)
    assert file_states(room) == ["gone", "gone", "kept"]
    assert len(kept(room)) == 1


def test_a_name_says_it(room: Room) -> None:
    """A picture whose name says it is gone, and so is the name; of one that never came the name goes."""
    tells(room)
    room.claude.says("Seen.")
    asks_with(room, "look", sent(f"{CANARY}.png"), sent("b.png"), **{CANARY: PNG, "b": picture("PNG", (41, 30))})
    asks_with(room, "", sent(f"my {CANARY}.zip"), **{f"my {CANARY}": b"PK\x03\x04 no archive"})
    assert file_states(room) == ["kept", "kept", "failed"]
    forgets(room)
    with room.database.read() as tx:
        assert tx.execute(select(files.c.name, files.c.state).order_by(files.c.id)).all() == [
            (MARK, "gone"),
            ("b.png", "kept"),
            (MARK, "failed"),
        ]
    assert CANARY.encode() not in everything(room)


def test_a_single_word_erases_no_file_that_somebody_sent(room: Room) -> None:
    """To forget that Ada likes pizza leaves every menu that she sent, and takes what her butler wrote of it."""
    tells(room, "Ada likes pizza")
    room.claude.says("Read.")
    asks_with(room, "read it", sent("menu.txt"), menu=MENU)
    sends(room, "ada.md", "Ada likes pizza.")
    forgets(room)
    assert states(room) == {"menu.txt": "kept"}
    assert kept(room) == [MENU]


def test_what_another_sent_stays(room: Room) -> None:
    """The same bytes in somebody else's chat stay there."""
    tells(room)
    content = f"The vault word is {CANARY}".encode()
    for sender in (ADA, BEN):
        room.claude.says("Read.")
        here = room.takes_in("read it", sender, attachments=(sent(f"{sender.id}.txt"),))
        brings(room, **{sender.id: content})
        room.runner().run_turn(here, None)
    forgets(room)
    assert states(room) == {"7.txt": "gone", "8.txt": "kept"}
    assert kept(room) == [content]


def test_what_is_still_coming_is_waited_for(room: Room) -> None:
    """A file that was sent before and is fetched after the wish is gone, too; until then the wish is not done."""
    tells(room)
    here = room.takes_in("read it", attachments=(sent("notes.txt"),))
    room.writes(ADA, "/memory forget 1")
    goes_on(room)
    with room.database.read() as tx:
        assert tx.scalars(select(forgettings.c.state)).all() == ["wanted"]
    brings(room, notes=CANARY.encode())
    room.claude.says("Read.")
    room.runner().run_turn(here, None)
    goes_on(room)
    assert states(room) == {"notes.txt": "gone"}
    assert CANARY.encode() not in everything(room)


def test_what_is_being_delivered_is_waited_for(room: Room) -> None:
    """A file on its way to the chat is taken away when it is there: not under the hands of who delivers it."""
    tells(room)
    sends(room, "vault.md", CANARY)
    room.writes(ADA, "/memory forget 1")
    for _ in range(3):
        room.sweeps()
    assert files_sent(room) == [("📎 vault.md", True)]
    goes_on(room)
    assert files_sent(room) == [(f"📎 vault.md {MARK}", False)]


def test_what_waits_for_the_end_of_quiet_hours_is_gone(room: Room) -> None:
    """A schedule's file that says it and waits for the morning is no file any more."""
    tells(room)
    room.takes_in("/quiet 22:00-09:00")
    keeps(room, "0 8 * * *")
    room.claude.calls_tool("use_tool", {"name": "send_file", "arguments": {"name": "day.md", "content": CANARY}})
    room.claude.says("Your day.")
    room.waits_until(room.now.replace(hour=7, minute=30) + timedelta(days=1))
    forgets(room)
    with room.database.read() as tx:
        day = room.now.date()
        assert tx.execute(select(held.c.text, held.c.enclosure).order_by(held.c.id)).all() == [
            (f"📎 day.md [forgotten on {day}]", None),
            ("Your day.", None),
        ]
    assert kept(room) == []


def test_pages_that_were_drawn_meanwhile_are_not_kept(room: Room) -> None:
    """A turn that draws pages of a file while it is forgotten leaves none of them."""
    room.claude.says("Read.")
    here = room.takes_in("read it", attachments=(sent("card.pdf"),))
    brings(room, card=pdf(f"The vault word is {CANARY}, as told."))
    room.runner().run_turn(here, None)
    with room.database.read() as tx:
        file = received.visible(tx, 1, 1, 1)
    assert file is not None
    assert title(file.kind, file.name) == "The file “card.pdf”"
    tells(room)
    forgets(room)
    with room.database.write() as tx:
        assert received.add_pictures(tx, file, [(None, PNG)]) == ()  # type: ignore[list-item] # it is not looked at
    assert kept(room) == []


def test_numbers_in_a_row_are_not_one() -> None:
    """A long number is found however it is grouped, and not where the cells of a row hold its digits one after the other."""
    traces = Traces(["Ada's account is 12345678"], date(2026, 11, 21)).strict
    for text in ("1234 5678", "12.345.678", "(1234) 5678", "AT12 1234 5678 90"):
        assert traces.says(f"It is {text}."), text
    for text in ("12\t34\t56\t78", "12 of 34, with 5678", "1234 and 5678"):
        assert not traces.says(text), text
