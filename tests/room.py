"""A house in one thread: real database, real agent, real SDK against the loopback server, and nobody in between."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Self
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot.agent import Agent
from bot.commands.book import CommandBook
from bot.commands.budget import BudgetCommand
from bot.commands.butler import ButlerCommands
from bot.commands.compact import compact_command
from bot.commands.keyring import KeyringCommands
from bot.commands.look import LookCommands
from bot.commands.schedule import ScheduleCommands
from bot.commands.search import search_command
from bot.commands.switching import Switching
from bot.commands.talk import TalkCommands
from bot.conversations import find
from bot.household import Butler, Household
from bot.listening import Listening
from bot.messages import Address, IncomingMessage, Origin, Sender
from bot.notices import tell_owners
from bot.people import Gate
from bot.reception import Reception
from bot.redaction import Redactor
from bot.register import Register
from bot.settling import Settling
from bot.store import migrate
from bot.store.tables import conversations, inbox, outbox, questions
from bot.switchboard.choosing import Chooser
from bot.switchboard.switchboard import Switchboard
from bot.tools import Toolbox
from bot.treasury.alerts import Alert
from bot.treasury.budgets import HOUSE, Cap
from bot.treasury.keys import Key
from bot.treasury.prices import nano
from bot.treasury.providers import Providers, read_providers
from bot.treasury.treasury import Treasury
from bot.turn import Turns
from skills.belongings import Belongings
from skills.memory.command import memory_command
from tests import stores
from tests.anthropic_server import KEY, AnthropicServer
from tests.room_times import RoomTimes, SilentNews
from tests.room_tools import tools_of
from workers.interrupts import Interrupts
from workers.liveness import Watch
from workers.stores import BUTLER_HISTORIES
from workers.sweep import Sweep
from workers.turns import TurnRunner

SONNET = "claude-sonnet-5-5"
ADA = Sender(channel="telegram", id="7", name="Ada")
BEN = Sender(channel="telegram", id="8", name="Ben")
BUTLER = Butler("assistant", "helps", "You are the assistant.", max_steps=6)


class Room(RoomTimes):
    """Where one person talks with one butler."""

    def __init__(
        self,
        folder: Path,
        claude: AnthropicServer,
        holders: Sequence[object] = (),
        cap: Decimal = Decimal(5),
        keys: Sequence[Key] = (Key("anthropic-1", "anthropic", KEY),),
        providers: Providers | None = None,
    ) -> None:
        self.folder = folder
        self.claude = claude
        self.holders = holders
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
        self.woken: list[tuple[int, datetime]] = []
        self.rung: list[int] = []
        self.news = SilentNews()
        self.household = Household(
            {"assistant": BUTLER, "general": Butler("general", "thinks", "You are general.", 25)}, (), "assistant"
        )
        self.database = stores.migrated(folder / "house.db", migrate.HOUSE)
        self.store = stores.migrated(folder / "assistant.db", BUTLER_HISTORIES)
        self.zone = ZoneInfo("Europe/Berlin")
        table = dict((providers or read_providers()).table)
        table["anthropic"] = table["anthropic"].model_copy(update={"url": claude.url})
        self.providers = Providers(table)
        self.treasury = Treasury(self.providers, keys, [Cap(HOUSE, "day", "usd", nano(cap))], self.zone)
        with self.database.write() as tx:
            self.treasury.enter_keys(tx, self.now)
        self.redactor = Redactor([key.secret for key in keys])
        self.gate = Gate({"telegram": frozenset({"7", "8"})}, frozenset({("telegram", "7")}))
        self.interrupts = Interrupts()
        self.tools = ThreadPoolExecutor(8)
        self._numbers = count(1)

    def __enter__(self) -> Self:
        """Open the room."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing open."""
        for model in self._models.values():
            model.close()
        self.tools.shutdown()
        self.database.close()
        self.store.close()

    def restarts_for(self, **allowed: set[str]) -> None:
        """Let the settings name these by chat, as after a start with others; the owner stays."""
        self.gate._allowed = {channel: frozenset(ids) for channel, ids in allowed.items()}  # noqa: SLF001 - as it says

    def clock(self) -> datetime:
        """Return the room's time, which moves a little at each look."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def tells(self, tx: Connection, alert: Alert, now: datetime) -> None:
        """Tell the owners, as a house does."""
        tell_owners(tx, self.gate, alert.key, alert.words, now)

    @cached_property
    def toolbox(self) -> Toolbox:
        """The butler's tools."""
        return tools_of(self, self.store)

    @cached_property
    def commands(self) -> CommandBook:
        """The house's commands."""
        talk = TalkCommands(lambda: self.household, self.treasury, "")
        look = LookCommands(lambda: self.household, self.treasury, lambda: None, lambda butler: list(butler.modules))
        memory = memory_command(lambda: self.household, lambda _: self.store)
        money = (*self.budget.commands(), *KeyringCommands(self.treasury).commands())
        times = self.schedules.commands()
        found = (*times, *money, search_command(), memory, compact_command(), *self.register.commands())
        return CommandBook((*talk.commands(), *ButlerCommands(lambda: self.household).commands(), *look.commands(), *found))

    @cached_property
    def budget(self) -> BudgetCommand:
        """What shows and changes budgets."""
        return BudgetCommand(lambda: self.household, self.treasury)

    @cached_property
    def schedules(self) -> ScheduleCommands:
        """What shows and changes what is done at times."""
        return ScheduleCommands(lambda: self.household, Switching(lambda: self.household, self.treasury), self.firing)

    @cached_property
    def register(self) -> Register:
        """Who is served, and as what."""
        return Register(self.gate, self.treasury)

    @cached_property
    def belongings(self) -> Belongings:
        """What the butler keeps for people."""
        return Belongings(lambda: ["assistant"], lambda _: self.store)

    def sweeps(self) -> None:
        """Do what a worker's sweep does every few seconds."""
        Sweep(self.database, self.treasury, Watch(self.folder), self.folder, self.clock, self.belongings).find()

    @cached_property
    def reception(self) -> Reception:
        """The door."""
        return Reception(
            self.database,
            self.gate,
            self.commands,
            lambda: self.household,
            self._ring,
            self.redactor,
            self.clock,
            self.zone,
            self.register.strangers,
            {**self.register.answerers, **self.budget.answerers, **self.schedules.answerers},
            self.treasury,
            Switchboard(lambda: self.household),
        )

    def runner(self, worker: str = "worker-1") -> TurnRunner:
        """Return a worker's runner."""
        return TurnRunner(
            turns=Turns(self.database, worker, lambda: self.household, self.clock, self.zone),
            agent=Agent(
                models=self.model,
                treasury=self.treasury,
                settling=Settling(self.tools, self.redactor),
                toolbox=lambda _: self.toolbox,
                notes=(),
                redactor=self.redactor,
                show=self.news.text,
                tell=self.tells,
                compaction=self.compaction(worker),
                listening=Listening(self.model, self.treasury, self.redactor, self.tells),  # type: ignore[arg-type] # some listen
            ),
            chooser=Chooser(self.small_model, lambda: self.household, Switchboard(lambda: self.household)),
            treasury=self.treasury,
            redactor=self.redactor,
            interrupts=self.interrupts,
            news=self.news,  # type: ignore[arg-type] # stands where the newsroom stands, without Redis
            wake=lambda conversation_id, until: self.woken.append((conversation_id, until)),
            ring=self._ring,
            compaction=self.compaction(worker),
        )

    def message(self, text: str, sender: Sender = ADA, **changes: object) -> IncomingMessage:
        """Return a message that somebody writes in their private chat."""
        number = f"{sender.id}:{next(self._numbers)}"
        return IncomingMessage(
            id=number,
            native_id=number,
            address=Address(channel=sender.channel, chat=sender.id),
            sender=sender,
            text=text,
            sent_at=self.now,
            origin=Origin.PERSON,
        ).model_copy(update=changes)

    def takes_in(self, text: str, sender: Sender = ADA, **changes: object) -> int:
        """Receive a message and return its conversation, or 0 when it opened none."""
        message = self.message(text, sender, **changes)
        self.reception.receive([message])
        with self.database.read() as tx:
            found = find(tx, message.address)
        return found.id if found is not None else 0

    def asks(self, text: str, sender: Sender = ADA, **changes: object) -> str:
        """Receive a message, work on it, and return the newest reply."""
        conversation_id = self.takes_in(text, sender, **changes)
        self.runner(uuid4().hex).run_turn(conversation_id, None)
        return self.replies(conversation_id)[-1]

    def writes(self, sender: Sender, text: str, **changes: object) -> str:
        """Receive a message and return what its writer reads last, whether it is an answer or not."""
        self.takes_in(text, sender, **changes)
        return self.reads(sender)[-1] if self.reads(sender) else ""

    def reads(self, sender: Sender) -> list[str]:
        """Return all that stands in somebody's private chat."""
        with self.database.read() as tx:
            found = find(tx, Address(channel=sender.channel, chat=sender.id))
        return self.replies(found.id) if found is not None else []

    def presses(self, sender: Sender, label: str, asked: Sender | None = None, **changes: object) -> str:
        """Press the newest button of this label, one's own or one that somebody else was shown; return what answers it."""
        with self.database.read() as tx:
            here = select(conversations.c.id).where(conversations.c.chat == (asked or sender).id)
            shown = select(outbox.c.question_id).where(outbox.c.conversation_id.in_(here))
            for row in tx.execute(select(questions).where(questions.c.id.in_(shown)).order_by(questions.c.id.desc())):
                if label in row.options:
                    break
            else:  # one that shows no button any more, which a chat may show all the same
                found = tx.execute(select(questions).order_by(questions.c.id.desc())).all()
                row = next(row for row in found if label in row.options)
        token = f"{row.id}:{row.options.index(label)}"
        self.takes_in("", sender, press=token, **changes)
        with self.database.read() as tx:
            answered = select(outbox.c.text).join(inbox, inbox.c.reply_id == outbox.c.id)
            return str(tx.scalar(answered.where(inbox.c.text == f"[pressed {token}]").order_by(inbox.c.id.desc()).limit(1)))

    def replies(self, conversation_id: int) -> list[str]:
        """Return every reply of a conversation."""
        with self.database.read() as tx:
            rows = tx.scalars(select(outbox.c.text).where(outbox.c.conversation_id == conversation_id).order_by(outbox.c.id))
            return [str(text) for text in rows]

    def _ring(self, conversation_ids: Sequence[int]) -> bool:
        self.rung += conversation_ids
        return True
