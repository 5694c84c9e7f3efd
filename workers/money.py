"""What the shell can ask about money and keys: `butler budget`, `keys` and `allocate`."""

import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.commands.budget import RAISE, read_raise
from bot.commands.keyring import KeyringCommands
from bot.errors import BadFormat, ConfigurationError
from bot.pictures import draw
from bot.settings import Settings
from bot.treasury import accounts
from bot.treasury.accounts import Viewer
from bot.treasury.desk import AllocationResult
from bot.treasury.spending_chart import spending_chart
from workers.foundation import utc_now
from workers.house import House
from workers.treasury import Butler

_ESCAPED = re.compile(r"\\([\\`*_~\[\]<>|!$&#])")


def budget(settings: Settings, words: Sequence[str], chart: str | None = None) -> int:
    """Print what is spent, draw it into a file, or change a cap."""
    house = House(settings)
    house.look_in()
    if chart is not None and words:
        raise ConfigurationError("--chart draws, and changes nothing; leave the other words out. Nothing was changed.")
    if chart is not None:
        return _draw(house, Path(chart))
    if not words:
        return _say(house, lambda viewer: accounts.in_words(house.treasury, viewer))
    if words[0].lower() == RAISE:
        return _raise(house, " ".join(words[1:]))
    return _say(house, lambda viewer: house.budget.change(viewer, list(words)))


def keys(settings: Settings, words: Sequence[str]) -> int:
    """Print how the keys fare, or do with one what was asked."""
    house = House(settings)
    house.look_in()
    return _say(house, lambda viewer: KeyringCommands(house.treasury).answer(viewer, list(words), None))


def allocate(settings: Settings, path: str, provider: str | None) -> int:
    """Print what a task is expected to take, and with which key; return 1 when none has enough."""
    with Butler(settings=settings) as butler:
        result = butler.allocate_tokens(path, provider)
    print(_allocation_in_words(result))  # noqa: T201 - its purpose
    return 0 if result.success else 1


def _say(house: House, answer: Callable[[Viewer], str]) -> int:
    try:
        with house.stores.house.write() as tx:
            words = answer(Viewer(tx, utc_now(), house.settings.zone))
    except ValueError as error:
        raise ConfigurationError(_plain(f"{error} Nothing was changed.")) from None
    print(_plain(words))  # noqa: T201 - its purpose
    return 0


def _plain(words: str) -> str:
    """Return Markdown as a terminal shows it."""
    return _ESCAPED.sub(r"\1", words.replace("**", "").replace("`", ""))


def _raise(house: House, words: str) -> int:
    if sys.stdin.isatty() and not _agrees(words):
        print("The cap stays as it is.")  # noqa: T201 - its purpose
        return 0
    return _say(house, lambda viewer: house.budget.raise_today(viewer.tx, read_raise(words), viewer.now))


def _agrees(words: str) -> bool:
    try:
        return input(f"Raise today's cap by {words}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _draw(house: House, path: Path) -> int:
    with house.stores.house.read() as tx:
        picture = spending_chart(tx, house.treasury, utc_now())
    try:
        path.write_bytes(asyncio.run(draw(picture.model_dump(mode="json"))))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}.") from None
    except BadFormat as error:
        raise ConfigurationError(f"{path} could not be drawn: {error}") from None
    print(picture.words)  # noqa: T201 - its purpose
    return 0


def _allocation_in_words(result: AllocationResult) -> str:
    if not result.success:
        return f"Error: {result.error}"
    basis = (
        f"{result.like_tasks} like requests of this house"
        if result.like_tasks
        else "the formula alone: nothing like it was done here"
    )
    return (
        f"Key: {result.key_id} ({result.provider}, {result.model})\n"
        f"Tokens: {result.allocated:,}, from {result.allocated_low:,} to {result.allocated_high:,} (by {basis})\n"
        f"Cost: ${result.cost_estimate:.4f}\n"
        f"Rotate at: {result.rotation_threshold:,} tokens\n"
        f"Available: {result.available_capacity:,} tokens"
    )
