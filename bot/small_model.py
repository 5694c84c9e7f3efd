"""The small model: what the house itself asks a fast model for, beside a conversation and under the same budgets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.errors import ModelError
from bot.ports import Answer, Model, Prompt, PromptMessage, Text
from bot.redaction import Redactor
from bot.store.database import Database
from bot.treasury import reckoning
from bot.treasury.alerts import Alert
from bot.treasury.budgets import Spender
from bot.treasury.choice import Wish
from bot.treasury.estimate import weigh
from bot.treasury.providers import Tier
from bot.treasury.reservation import Reservation
from bot.treasury.treasury import Treasury
from bot.turn import Clock


class NoInterrupt:
    """Lets a request run to its end."""

    @contextmanager
    def guard(self, cut: Callable[[], None]) -> Iterator[None]:
        """Never call it."""
        del cut
        yield


@dataclass(frozen=True)
class SmallModel:
    """Asks by one key after the other until one answers; each request is reserved before and settled after."""

    database: Database
    models: Callable[[str], Model]
    treasury: Treasury
    redactor: Redactor
    tell: Callable[[Connection, Alert, datetime], object]
    clock: Clock
    zone: ZoneInfo

    def ask(self, spender: Spender, system: str, text: str, max_output: int) -> str:
        """Return the words of an answer. Raises BudgetSpent, AllDry and ModelError."""
        said = PromptMessage(role="user", content=(Text(text=text),))
        prompt = Prompt(system=system, tools=(), messages=(said,), max_output=max_output)
        avoid: dict[str, str] = {}
        while True:
            wish = Wish(spender, Tier.FAST, prompt.size, max_output, weigh(prompt), avoid=avoid, aside=True)
            with self.database.write() as tx:
                reservation = self.treasury.reserve(tx, wish, self.clock(), self.zone)
            try:
                answer = self._answer(prompt, reservation)
            except ModelError as error:
                with self.database.write() as tx:
                    keys = reckoning.blame(tx, self, reservation, error, self.clock())
                if reservation.key_id not in keys:
                    raise
                avoid.update(dict.fromkeys(keys, error.reason))
            else:
                return self.redactor.clean("".join(block.text for block in answer.content if isinstance(block, Text)))

    def _answer(self, prompt: Prompt, reservation: Reservation) -> Answer:
        model = self.models(reservation.route.provider)
        prompt = prompt.model_copy(update={"max_output": reservation.max_output})
        answer = model.answer(prompt, reservation.route, lambda _: None, NoInterrupt())
        with self.database.write() as tx:
            usage = answer.usage if answer.usage_reported else None
            reckoning.settle(tx, self, reservation, usage, answer.organisation, self.clock())
        return answer
