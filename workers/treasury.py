"""The treasury for programs: `Butler().allocate_tokens("task.md")`, beside a running house or without one."""

from pathlib import Path
from typing import Self

from bot.settings import Settings, load
from bot.treasury.desk import Desk
from workers.foundation import utc_now
from workers.house import House


class Butler(Desk):
    """Answers by the books of a house: that of the settings, or one whose home and file of keys are named.

    Raises ConfigurationError.
    """

    def __init__(
        self, keys_path: str | Path | None = None, home: str | Path | None = None, settings: Settings | None = None
    ) -> None:
        named = {"keys_path": keys_path, "home": home}
        changes = {name: Path(path).expanduser().absolute() for name, path in named.items() if path is not None}
        self._house = House((settings or load()).model_copy(update=changes))
        self._house.look_in()
        super().__init__(self._house.stores.house, self._house.treasury, utc_now)

    def __enter__(self) -> Self:
        """Return the desk."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the books."""
        self._house.stores.close()
