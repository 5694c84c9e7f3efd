"""`butler chat`: the terminal chat, against a house that runs."""

import asyncio
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count

from sqlalchemy import Connection, select

from adapters.chats.terminal.chat import CHANNEL, Terminal
from adapters.chats.terminal.screens import PipeScreen, PromptScreen
from bot import conversations, outbox
from bot.commands.look import workers_alive
from bot.errors import ConfigurationError
from bot.messages import Button
from bot.services import together
from bot.store.tables import inbox
from bot.store.tables import outbox as replies
from workers.foundation import utc_now
from workers.front_desk import FrontDesk
from workers.house import House
from workers.liveness import held
from workers.sole import SoleUse

MOST_WINDOWS = 9
ALONE_AFTER = 10.0  # seconds in which a worker of the same house has started
LOOKS_EVERY = 0.02  # seconds between two looks for an answer, in a pipe


async def serve(house: House) -> int:
    """Talk until the person leaves, or until each line of a pipe is answered."""
    with _window(house) as channel:
        interactive = sys.stdin.isatty() and sys.stdout.isatty()
        screen = PromptScreen(house.home.folder / "history") if interactive else PipeScreen()
        terminal = Terminal(screen, getpass.getuser(), channel, house.home.folder)
        async with FrontDesk(house, {channel: terminal}) as desk:
            if isinstance(screen, PromptScreen):
                screen.write(await desk.database.read(partial(_greeting, house, terminal)))
            await _ask_again(desk, terminal)
            if isinstance(screen, PromptScreen):
                talk = screen.run(partial(_say, desk, terminal))
            else:
                talk = _answer_lines(desk, terminal)
            warning = asyncio.create_task(warn_when_alone(desk, screen))
            try:
                await together(talk, *desk.services())
            finally:
                warning.cancel()
    return 0


@contextmanager
def _window(house: House) -> Iterator[str]:
    """Find a free window: the first is the chat that is remembered, further ones are conversations of their own."""
    for number in count(1):
        channel = CHANNEL if number == 1 else f"{CHANNEL}-{number}"
        try:
            with held(house.home.lock(channel), "A terminal chat"), SoleUse(house.stores.house.url, channel):
                yield channel
                return
        except ConfigurationError:
            if number == MOST_WINDOWS:
                raise


def _greeting(house: House, terminal: Terminal, tx: Connection) -> str:
    conversation = conversations.find(tx, terminal.address)
    butler = house.household().get(conversation.butler if conversation else None)
    is_script = house.purse.is_rehearsing
    model = "the rehearsal model (no key is set)" if is_script else house.treasury.expected_model(butler.tier)
    return (
        f"Good day. You are talking with {butler.name}, who thinks with {model}. /help lists the commands; Ctrl-C stops "
        "what is being done, Ctrl-D leaves."
    )


async def _ask_again(desk: FrontDesk, terminal: Terminal) -> None:
    """Show the question that was left open, whose numbers this window does not know yet."""

    def look(tx: Connection) -> tuple[str, tuple[Button, ...]] | None:
        place = conversations.find(tx, terminal.address)
        return None if place is None else outbox.open_question(tx, place.id, utc_now())

    question = await desk.database.read(look)
    if question is not None:
        await terminal.send(terminal.address, terminal.pieces(*question)[0], None)


async def warn_when_alone(desk: FrontDesk, screen: PromptScreen | PipeScreen) -> None:
    """Say once that nobody is there to answer, where that is so."""
    await asyncio.sleep(ALONE_AFTER)
    if not await desk.database.read(lambda tx: workers_alive(tx, utc_now())):
        screen.write("No worker is running, so messages wait. `butler up` starts the whole house, `butler worker` a worker.")


async def _say(desk: FrontDesk, terminal: Terminal, text: str) -> str:
    message = terminal.to_message(text, utc_now())
    await desk.take_in([message])
    return message.id


async def _answer_lines(desk: FrontDesk, terminal: Terminal) -> None:
    """Answer each line of standard input before the next is read."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip():
            number = await _say(desk, terminal, line.strip())
            while not await desk.database.read(partial(_is_answered, terminal.channel, number)):  # noqa: ASYNC110 - a worker answers
                await asyncio.sleep(LOOKS_EVERY)


def _is_answered(channel: str, number: str, tx: Connection) -> bool:
    """Tell whether a message's reply is delivered, or never will be."""
    state = tx.scalar(
        select(replies.c.state)
        .join(inbox, inbox.c.reply_id == replies.c.id)
        .where(inbox.c.channel == channel, inbox.c.external_id == number)
    )
    return state in ("sent", "gone")
