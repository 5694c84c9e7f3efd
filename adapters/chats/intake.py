"""Taking messages in, however odd one of them is: what cannot be kept is parked and stops no other."""

import logging
from collections.abc import Sequence

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from bot.chat_forms import Desk
from bot.errors import ConfigurationError
from bot.messages import IncomingMessage

# What one message may raise by a fault of the house: were it to end the process, it would come again at every start.
UNEXPECTED = (ArithmeticError, AttributeError, ConfigurationError, LookupError, SQLAlchemyError, TypeError, ValueError)
log = logging.getLogger(__name__)


async def take_in(desk: Desk, channel: str, messages: Sequence[IncomingMessage]) -> None:
    """Put messages on disk. Raises OperationalError while the disk is full or the database locked: all of them wait."""
    try:
        if messages:
            await desk.take_in(messages)
    except OperationalError:
        raise
    except UNEXPECTED as error:
        if len(messages) == 1:
            log.exception("a message cannot be taken in")
            await desk.park(channel, messages[0].model_dump_json(), str(error))
            return
        for message in messages:
            await take_in(desk, channel, [message])


async def tell_full(desk: Desk, error: SQLAlchemyError) -> None:
    """Tell the owners that nothing can be kept at present."""
    reason = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
    await desk.tell_trouble("store", f"I cannot keep messages at present, and take them in later: {reason}")


def first_problem(error: ValidationError) -> str:
    """Return what is wrong first with what a vendor sent, and where, without what it sent."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
