"""Awakening: a house that is restored during open work does nothing twice, drops nothing silently, and says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import delete, func, insert, select, update

from bot import journal, outbox, questions, transcript
from bot.archive import loading, manifest, writing
from bot.archive.reading import Archive
from bot.awakening import Awakening
from bot.messages import Origin, ReplyKind
from bot.people import person
from bot.ports import Call
from bot.questions import Question
from bot.store import migrate
from bot.store.ask_tables import asks
from bot.store.code_tables import codes as code_rows
from bot.store.database import Database
from bot.store.schedule_tables import held, runs, schedules
from bot.store.tables import calls, conversations, inbox, parts, turns, workers
from bot.store.tables import outbox as replies
from bot.tools import Effect
from bot.treasury import audit
from tests.room import ADA, BEN, Room
from tests.spenders import wish
from tests.stores import address
from workers.arrival import INDEXES
from workers.liveness import note_birth
from workers.stores import BUTLER_HISTORIES

HOUR = timedelta(hours=1)
ARCHIVE = "house.zip"


@pytest.fixture
def room(room: Room) -> Room:
    """A room that both have entered; it is Saturday, 13:00 in Berlin."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    with room.database.write() as tx:
        tx.execute(update(replies).values(state="sent"))
    return room


def backs_up(room: Room) -> None:
    """Keep the room in a file."""
    with writing.private(room.folder / ARCHIVE) as out:
        writing.write(out, {manifest.HOUSE: room.database, "butler:assistant": room.store})


@contextmanager
def restored(room: Room, after: timedelta = HOUR) -> Iterator[Room]:
    """Restore the room in another place, a while after the back-up."""
    folder = room.folder / "elsewhere"
    folder.mkdir()
    with Archive(room.folder / ARCHIVE) as archive, Room(folder, room.claude, room.holders) as new:
        archive.check()
        new.database.close()
        new.store.close()
        new.database, new.store = Database(address(folder / "restored")), Database(address(folder / "restored butler"))
        house, butler = archive.manifest.databases
        with new.database.write() as tx:
            loading.load(tx, archive, house, migrate.HOUSE, INDEXES)
            Awakening(room.gate, room.treasury).wake(tx, room.now, room.now + after)
            loading.continue_numbers(tx)
        with new.store.write() as tx:
            loading.load(tx, archive, butler, BUTLER_HISTORIES, INDEXES)
        new.now = room.now + after
        new._numbers = count(1000)  # noqa: SLF001 - what is written now has other numbers
        yield new


def open_turn(room: Room, text: str, *begun: str, asked: str = "") -> int:
    """Let a worker begin a turn that calls tools, of which some are begun, and let it get no further."""
    turn = room.runner("w").turns.take(room.takes_in(text), suspects=True)
    assert turn is not None
    wanted = tuple(Call(id=name, name=name, arguments={"n": 1}) for name in (*begun, *([asked] if asked else [])))
    with room.database.write() as tx:
        note_birth(tx, "w", room.clock())
        room.treasury.reserve(tx, wish(spender=turn.spender), room.clock())
        if wanted:
            transcript.append(tx, turn.conversation.id, turn.id, "butler", wanted, Origin.BUTLER, room.clock())
            found = transcript.open_calls(tx, turn.conversation.id)
            assert found is not None
            keys = {journal.call_key(turn.id, found[0].id, n): (call, Effect.BLIND) for n, call in enumerate(wanted)}
            some = {key: value for key, value in keys.items() if value[0].name in begun}
            journal.begin(tx, turn.id, some, room.clock())
    return turn.id


def number_in(room: Room, text: str) -> int:
    """Return the number of a message."""
    with room.database.read() as tx:
        return int(tx.scalars(select(inbox.c.id).where(inbox.c.text == text)).one())


def test_what_was_being_done(room: Room) -> None:
    """A turn that was under way is not gone on with; its calls, begun or only asked for, may have happened, as is said."""
    open_turn(room, "send it", "send_mail", asked="post_it")
    backs_up(room)
    number = number_in(room, "send it")
    with restored(room) as new:
        said = new.reads(ADA)[1]
        assert said.startswith("I was restored from the back-up of Sat 21 Nov 2026 13:00, when")
        assert "I was not done with this: “send it”. I may have answered it since" in said
        assert f"`/retry {number}` does it once more." in said
        assert "I cannot tell whether this was done, so please check: send_mail(n: 1); post_it(n: 1)" in said
        with new.database.read() as tx:
            assert tx.scalars(select(turns.c.state)).all() == ["stopped"]
            assert set(tx.scalars(select(calls.c.state))) == {"unknown"}
            assert tx.scalar(select(func.count()).select_from(workers)) == 0
            assert tx.scalars(select(conversations.c.claim)).all() == [None, None]
            assert transcript.load(tx, 1, "assistant") == []
        assert new.fires() == []
        new.sweeps()
        assert new.rung == []
        assert f"{number}" in new.writes(ADA, "/failed")
        assert new.asks(f"/retry {number}") != said
        with new.database.read() as tx:
            assert tx.scalars(select(turns.c.state)).all() == ["stopped", "answered"]


def test_what_waited(room: Room) -> None:
    """Messages that nobody had begun with may be answered by now: they are named where they were written, each once."""
    room.takes_in("first", BEN)
    room.takes_in("second " * 40, BEN)
    backs_up(room)
    with restored(room) as new:
        (_, said) = new.reads(BEN)
        assert "“first”; “second second" in said
        assert "`/retry 3` and `/retry 4` does it once more." in said
        new.sweeps()
        assert new.rung == []
        new.asks("/retry 3", BEN)
        assert new.reads(BEN)[-1] not in (said, "")


def test_what_was_on_its_way(room: Room) -> None:
    """A reply that may have arrived comes once more with a word about that; an edit of what stands there just comes."""
    with room.database.write() as tx:
        reply = outbox.add(tx, 1, ReplyKind.ANSWER, "the answer", room.clock())
        tx.execute(insert(parts).values(reply_id=reply, position=0, payload={"text": "the answer"}, state="sending"))
        edit = outbox.add(tx, 1, ReplyKind.NOTICE, "better", room.clock())
        tx.execute(update(replies).where(replies.c.id == edit).values(replaces="77"))
    backs_up(room)
    with restored(room) as new, new.database.read() as tx:
        texts = tx.scalars(select(replies.c.text).where(replies.c.state == "pending").order_by(replies.c.id)).all()
        doubt = "_This may have come before: I was restored from the back-up of Sat 21 Nov 2026 13:00._"
        assert texts[:2] == [f"{doubt}\n\nthe answer", "better"]
        assert tx.scalar(select(func.count()).select_from(parts)) == 0


def test_what_one_butler_asked_another(room: Room) -> None:
    """A question of a butler to another is asked no more, and whoever waits for what comes of it reads so."""
    turn_id = open_turn(room, "what may I spend?")
    with room.database.write() as tx:
        who = {"person_id": 1, "subject": "person:1", "asker": "assistant", "butler": "general", "depth": 1}
        where = {"root_id": turn_id, "turn_id": turn_id, "conversation_id": 1, "state": "open", "made_by": "key"}
        tx.execute(insert(asks).values(**who, **where, made_at=room.now))
        tx.execute(update(inbox).values(state="answered"))
        tx.execute(update(turns).values(state="answered"))
    backs_up(room)
    with restored(room) as new:
        assert any(
            "when general had not answered me yet. I may have told you the answer since" in text for text in new.reads(ADA)
        )
        with new.database.read() as tx:
            assert tx.scalars(select(asks.c.state)).all() == ["stopped"]


def test_money(room: Room) -> None:
    """What was reserved is spent, and the books balance."""
    open_turn(room, "think")
    backs_up(room)
    with restored(room) as new, new.database.read() as tx:
        standing = new.treasury.standing(tx, new.clock())
        assert standing.held == 0
        assert standing.spent > 0
        assert audit.imbalances(tx) == []


def test_no_key_is_given_twice(room: Room) -> None:
    """Calls of a restored house have other keys than those of the house that went on after the back-up."""
    backs_up(room)
    with restored(room) as new, new.database.read() as tx, room.database.read() as old:
        assert journal.era(old) is None
        assert journal.call_key(1, 1, 0, journal.era(tx)) != journal.call_key(1, 1, 0)


def test_codes_and_buttons(room: Room) -> None:
    """A code and a button of before do nothing, and no button in any chat answers a question that is asked later."""
    with room.database.write() as tx:
        about = Question("raise", {}, ("Yes", "No"), 1, room.now + HOUR * 9)
        old = questions.ask(tx, about, [1], "Shall I?", room.clock())
    assert "code" in room.writes(ADA, "/link")
    backs_up(room)
    with restored(room) as new:
        with new.database.read() as tx:
            assert set(tx.scalars(select(code_rows.c.state))) == {"void"}
        with new.database.write() as tx:
            said = questions.press(tx, new.budget.answerers, person(tx, 1), f"{old}:0", new.clock(), new.zone)
            assert "expired" in said.sentence
            again = questions.ask(tx, Question("raise", {}, ("Yes",), 1, new.now + HOUR), [1], "Now?", new.clock())
            assert again > old + 999_999
            assert questions.expire(tx, new.clock()) == []


def test_what_came_due_since(room: Room) -> None:
    """Words are told with the doubt, what is done once is offered, what comes again is passed over; nothing is carried out."""
    room.takes_in("/remind 13:30 take out the bread")
    room.takes_in("/schedule add 13:40 :: send the invitation")
    room.takes_in("/schedule add every 10 minutes :: look after the mail")
    room.takes_in("/remind 18:00 call mum")
    backs_up(room)
    with restored(room) as new:
        assert new.fires() == []
        told = new.reads(ADA)
        (bread,) = [text for text in told if text.endswith("⏰ take out the bread")]
        assert "you may have heard it" in bread
        (offer,) = [text for text in told if "/schedule run 2" in text and "may have been done" in text]
        agenda = new.writes(ADA, "/agenda")
        assert agenda.count("the house was restored from a back-up, and it may have been done then") == 3
        with new.database.read() as tx:
            assert tx.scalars(select(schedules.c.is_on).order_by(schedules.c.id)).all() == [False, False, True, True]
            assert tx.scalars(select(runs.c.state)).all() == ["skipped"] * 3
            assert all(at is None or at > new.now for at in tx.scalars(select(schedules.c.next_at)))
        assert offer
        new.writes(ADA, "/schedule run 2")
        with new.database.read() as tx:
            assert tx.scalar(select(func.count()).select_from(inbox).where(inbox.c.state == "waiting")) == 1


def test_a_run_that_was_under_way(room: Room) -> None:
    """What a schedule had begun is stopped, and the agenda says why; it is no failure of the schedule."""
    room.takes_in("/schedule add 13:01 :: send the invitation")
    room.now += timedelta(minutes=2)
    assert room.firing.fire().turns
    backs_up(room)
    with restored(room) as new:
        with new.database.read() as tx:
            assert tx.scalars(select(runs.c.state)).all() == ["stopped"]
            assert tx.scalars(select(schedules.c.failures)).all() == [0]
        assert new.fires() == []
        assert "the house was restored from a back-up, and this may have been done before" in new.writes(ADA, "/agenda")


def test_words_that_were_held_back(room: Room) -> None:
    """What waited for the end of quiet hours that are over may have been told, and says so; what still waits just waits."""
    with room.database.write() as tx:
        for text, after in (("old", 0.5), ("new", 9)):
            row = {"conversation_id": 1, "person_id": 1, "until": room.now + HOUR * after, "title": text, "text": text}
            tx.execute(insert(held).values(**row, at=room.now))
    backs_up(room)
    with restored(room) as new, new.database.read() as tx:
        assert tx.scalars(select(held.c.text).order_by(held.c.id)).all() == ["(This may have come before.) old", "new"]


def test_owners_are_told_once(room: Room) -> None:
    """Owners hear what is not known, in numbers; others hear of their own messages only."""
    open_turn(room, "send it", "send_mail")
    room.takes_in("/remind 13:30 take out the bread")
    room.takes_in("hello", BEN)
    backs_up(room)
    with restored(room, timedelta(hours=2, minutes=5)) as new:
        (notice,) = [text for text in new.reads(ADA) if text.startswith("This house was")]
        assert notice == (
            "This house was **restored from the back-up of Sat 21 Nov 2026 13:00** (2 h 5 min old). What was said, done, "
            "spent, changed or forgotten after that is not known to me, and I do nothing twice:\n\n"
            "- 2 messages were not answered: set aside with a word there; `/failed` lists what is\n"
            "- 1 reply was on its way: told with a word that it may have come before\n"
            "- 1 schedule was due since: passed over, as that may have been done; `/agenda` says which\n"
            "- what was spent since is not in my books, so that caps leave more than they should until they begin anew\n"
            "- what was written meanwhile may be unread: say it once more where no answer came\n"
            "- codes, and buttons that asked something, no longer work"
        )
        assert not any("This house was" in text for text in new.reads(BEN))
        with new.database.read() as tx:
            assert journal.era_began(tx) == new.now


def test_a_house_at_rest_answers_as_before(room: Room) -> None:
    """Where nothing was under way, everything is as it was but for one notice."""
    room.asks("hello")
    with room.database.write() as tx:
        tx.execute(update(replies).values(state="sent"))
        tx.execute(delete(parts))
    backs_up(room)
    with restored(room) as new:
        assert new.reads(ADA)[:-1] == room.reads(ADA)
        assert new.writes(ADA, "/failed") == "Nothing is set aside."
        with new.database.read() as tx, room.database.read() as old:
            assert transcript.load(tx, 1, "assistant") == transcript.load(old, 1, "assistant") != []
