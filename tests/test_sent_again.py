"""Files that came and are sent once more: as they came, to nobody else, once, and no longer than they are kept."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bot import release
from bot.messages import Address, FileKind
from bot.sending import Sending
from bot.store.file_tables import blobs, files
from bot.store.tables import conversations
from bot.tools import Context
from tests.file_rooms import PHOTO, brings, sent
from tests.file_rooms import asks as asks_with
from tests.room import ADA, BEN, Room
from tests.sample_files import PNG, pdf, picture
from tests.telegram_server import TelegramServer
from tests.test_delivery import deliver
from tests.test_forgetting import everything, goes_on
from tests.test_sent_files import newest, page
from tests.timing import keeps

GROUP = Address(channel="telegram", chat="-100", private=False)
CANARY = "quetzal8842"
BILL = pdf("The bill of the baker.")


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server to which Ada has written."""
    with TelegramServer() as server:
        server.person(7).writes("/start")
        yield server


def gives(room: Room, *attached: object, **content: bytes) -> None:
    """Let Ada send files."""
    room.claude.says("Read.")
    asks_with(room, "read it", *attached, **content)  # type: ignore[arg-type] # attachments


def again(room: Room, number: int, sender: object = ADA, address: Address | None = None, **more: object) -> str:
    """Let somebody ask for a file, and return what the butler is told."""
    room.claude.calls_tool("use_tool", {"name": "send_file", "arguments": {"file": number, **more}})
    room.claude.says("It is above.")
    room.asks("Send it again", sender, **({"address": address} if address else {}))  # type: ignore[arg-type] # a sender
    return str(room.claude.message_requests[-1].body["messages"][-1]["content"][0]["content"])


@pytest.mark.both_stores
def test_a_file_goes_back_as_it_came(room: Room, telegram: TelegramServer) -> None:
    """A PDF comes back byte for byte under its name, or a new one, before the answer, after a stranger's words too."""
    gives(room, sent("bill.pdf"), bill=BILL)
    assert f"Sent, before your answer, as bill.pdf ({len(BILL) / 1000:.0f} kB)." in again(room, 1)
    assert "as baker.pdf (" in again(room, 1, name="baker")
    deliver(room, telegram, newest(room))
    assert page(telegram) == ["Read.", ("bill.pdf", BILL), "It is above.", ("baker.pdf", BILL), "It is above."]
    assert telegram.refusals == []


def test_a_photo_goes_back_as_a_picture(room: Room, telegram: TelegramServer) -> None:
    """What came without a name gets one, and what is a picture is shown as one."""
    gives(room, PHOTO, photo=PNG)
    assert "as photo-1.png (" in again(room, 1)
    deliver(room, telegram, newest(room))
    assert telegram.messages(7)[1].photo == PNG


def test_nobody_gets_what_is_anothers(room: Room) -> None:
    """A file goes into its sender's private chats, or the group it came in, and nowhere else."""
    gives(room, sent("bill.pdf"), bill=BILL)
    here = room.takes_in("@butler_bot read it", address=GROUP, attachments=(sent("plan.txt"),))
    brings(room, plan=b"the plan")
    room.claude.says("Read.")
    room.runner().run_turn(here, None)
    assert "There is no file 1 to be sent here." in again(room, 1, BEN)
    assert "There is no file 1 to be sent here." in again(room, 1, ADA, GROUP)
    assert "as plan.txt" in again(room, 2, BEN, GROUP)
    assert "There is no file 2 to be sent here." in again(room, 2, BEN)
    assert "as bill.pdf" in again(room, 1, ADA, Address(channel="telegram", chat="7", thread="9"))


def test_a_schedule_takes_no_private_file_into_a_group(room: Room) -> None:
    """A schedule whose answer goes into a group sends none of the files that its person sent in private."""
    gives(room, sent("bill.pdf"), bill=BILL)
    room.claude.says("Hello.")
    room.asks("@butler_bot hello", address=GROUP)
    with room.database.read() as tx:
        group = tx.scalar(select(conversations.c.id).where(conversations.c.chat == "-100"))
    for name, place in (("there", group), ("here", None)):
        kept = keeps(room, "0 8 * * *", name, conversation_id=place)
        room.claude.calls_tool("use_tool", {"name": "send_file", "arguments": {"file": 1}})
        room.claude.says(f"Done {name}.")
        room.waits_until(room.now + timedelta(days=1))
        room.takes_in(f"/schedule pause {kept.id}")
        told = str(room.claude.message_requests[-1].body["messages"][-1])
        assert ("no file 1 to be sent here" in told) == (name == "there"), told
    assert room.replies(group or 0)[1:] == ["Done there."]
    assert "📎 bill.pdf" in room.reads(ADA)


def test_what_cannot_be_sent_is_told(room: Room) -> None:
    """A file that is not kept, or was never read, and a call that gives content as well are refused in a sentence."""
    gives(room, sent("bill.pdf"), sent("all.zip"), bill=BILL, all=b"PK\x03\x04 no archive")
    assert "File 2 " in again(room, 2)
    assert "Give either the content of a new file or the number" in again(room, 1, content="x")
    with room.database.write() as tx:
        release.let_go(tx, [1])
    assert "File 1 is no longer kept. Nothing was sent." in again(room, 1)
    assert not any("📎" in text for text in room.reads(ADA))


@pytest.mark.both_stores
def test_the_same_call_twice_sends_once(room: Room) -> None:
    """A call that a crash repeats puts no second copy into the outbox, and says the same."""
    gives(room, sent("bill.pdf"), bill=BILL)
    context = Context("key", 1, 1, "Ada", "person:1", "assistant", room.clock(), ZoneInfo("Europe/Berlin"), stranger=False)
    assert len({Sending(room.database).again(context, 1) for _ in range(2)}) == 1
    assert room.reads(ADA) == ["Read.", "📎 bill.pdf"]


@pytest.mark.both_stores
@pytest.mark.parametrize("is_old", [False, True])
def test_what_is_forgotten_goes_from_both(room: Room, is_old: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A file that says what is forgotten goes with its copies, also where what came is not kept any more."""
    room.claude.calls_tool("remember", {"fact": f"Ada's vault word is {CANARY}"})
    room.claude.says("Noted.")
    room.asks("Keep it in mind")
    gives(
        room,
        sent("card.pdf"),
        sent("b.png", FileKind.PHOTO),
        card=pdf(f"Her vault word is {CANARY}, as told."),
        b=picture("PNG", (41, 30)),
    )
    again(room, 1)
    again(room, 2)
    if is_old:
        with room.database.write() as tx:
            tx.execute(files.update().values(at=room.now - release.KEPT_FOR - timedelta(days=1)))
            assert release.expire(tx, room.now) == 2
            assert tx.scalar(select(func.count()).select_from(blobs)) == 3  # both copies, and the words of one
    room.writes(ADA, "/memory forget 1")
    goes_on(room)
    assert "📎 card.pdf [forgotten on 2026-11-21]" in room.reads(ADA)
    assert CANARY.encode() not in everything(room)
    with room.database.read() as tx:
        assert picture("PNG", (41, 30)) in tx.scalars(select(blobs.c.data)).all()
