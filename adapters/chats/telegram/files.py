"""Files of Telegram's: fetched in two steps, of which the second's address holds the token."""

from collections.abc import Mapping

from telegram import Bot
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.attachments import too_large
from bot.errors import DeliveryError, FileRefused, RetryLater

READ_SECONDS = 40
GONE = "is no longer to be had from Telegram. Please send it again."


async def fetch(bot: Bot, ref: Mapping[str, str], most: int) -> bytes:
    """Return a file's bytes. Raises DeliveryError."""
    try:
        file = await bot.get_file(ref["id"])
        if file.file_size is not None and file.file_size > most:
            raise FileRefused(too_large(file.file_size))
        return bytes(await file.download_as_bytearray(read_timeout=READ_SECONDS))
    except RetryAfter as error:
        wait = error.retry_after
        raise RetryLater("Telegram asks to wait", float(wait) if isinstance(wait, int) else wait.total_seconds()) from error
    except TelegramError as error:
        raise _refusal(error) from error


def _refusal(error: TelegramError) -> DeliveryError:
    words = error.message.lower()
    if "too big" in words:
        return FileRefused(too_large(0))
    if isinstance(error, BadRequest | Forbidden):
        return FileRefused(GONE)
    if isinstance(error, InvalidToken):  # so the SDK calls every 404, also that of a file
        return RetryLater("Telegram does not find it", None)
    return RetryLater("Telegram cannot be reached", None)
