"""`butler bot`: the one process that speaks to chat vendors, all of them in one loop."""

import asyncio
import logging
from time import monotonic

from bot.chat_forms import ChatForm, ChatService, forms
from bot.errors import ConfigurationError
from bot.pauses import growing_pause
from bot.services import together
from workers.front_desk import FrontDesk
from workers.house import House
from workers.liveness import held
from workers.sole import SoleUse

LONGEST_PAUSE = 30.0
WELL_AFTER = 60.0  # seconds: who was served for so long may fail again as if for the first time
ENDS_WITHIN = 3.0
REFUSED_AGAIN_AFTER = 300.0  # seconds: until then somebody may have mended the settings on the vendor's side
log = logging.getLogger(__name__)


def check(house: House) -> None:
    """Make sure that there is a chat to serve and somebody to serve. Raises ConfigurationError."""
    served = house.settings.chats_set_up
    if not served:
        ways = "; ".join(f"for {form.title}, {form.how}" for form in forms())
        raise ConfigurationError(
            f"No chat is set up, so there is nothing to serve: {ways}. Or use `butler up` or `butler chat` to talk in the "
            "terminal."
        )
    if not any(house.settings.chats[form.channel].allowed for form in served):
        raise ConfigurationError(
            f"{served[0].channel.upper()}_ALLOWED_USERS: the list is empty, so nobody may speak to the house: {served[0].how}."
        )


async def serve(house: House) -> None:
    """Serve the chats until cancelled. Raises ConfigurationError."""
    check(house)
    with held(house.home.lock("bot"), "A bot"), SoleUse(house.stores.house.url, "bot") as sole:
        served = {form: form.open(house.settings.chats[form.channel]) for form in house.settings.chats_set_up}
        chats = {form.channel: service.chat for form, service in served.items()}
        try:
            async with FrontDesk(house, chats) as desk:
                alone = len(served) == 1
                counters = [_keep_open(form, service, desk, alone=alone) for form, service in served.items()]
                await together(*counters, *desk.services(), sole.keep())
        finally:
            for service in served.values():
                await service.close()


async def _keep_open(form: ChatForm, service: ChatService, desk: FrontDesk, *, alone: bool) -> None:
    """Serve one chat whatever happens to it: the others go on meanwhile. Raises ConfigurationError where it is the only one."""
    failures = 0
    while True:
        began = monotonic()
        counter = asyncio.ensure_future(_serve(form, service, desk))
        try:
            await asyncio.wait([counter])
        finally:
            counter.cancel()
            await asyncio.wait([counter], timeout=ENDS_WITHIN)
        error = counter.exception()
        if isinstance(error, ConfigurationError) and alone:
            raise error
        failures = failures + 1 if monotonic() - began < WELL_AFTER else 0
        pause = growing_pause(failures, LONGEST_PAUSE)
        if isinstance(error, ConnectionError):
            log.warning("%s cannot be reached, the next try is in %.0f s: %s", form.title, pause, error)
        elif isinstance(error, ConfigurationError):
            pause = REFUSED_AGAIN_AFTER
            log.error("%s is not served: %s", form.title, error)
            await desk.tell_trouble(f"chat:{form.channel}", f"I cannot serve {form.title}. {error}")
        else:
            log.error("%s stopped by an error and is served again in %.0f s", form.title, pause, exc_info=error)
            await desk.tell_trouble(f"chat:{form.channel}", f"{form.title} stopped by a fault of mine; the log says more.")
        await asyncio.sleep(pause)


async def _serve(form: ChatForm, service: ChatService, desk: FrontDesk) -> None:
    name = await service.introduce()
    for shortcoming in service.shortcomings:
        await desk.tell_trouble(f"chat:{form.channel}:{shortcoming}", f"{form.title}: {shortcoming}")
    print(f"Serving {name} on {form.title}. Ctrl-C ends the house.", flush=True)  # noqa: T201 - a person started it
    await service.serve(desk)
