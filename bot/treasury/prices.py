"""What models cost: a small table, and the arithmetic in whole nano-dollars."""

import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from bot.errors import ConfigurationError
from bot.messages import Value
from bot.nearest import did_you_mean
from bot.ports import Usage

NANO = 10**9
_PER_TOKEN = NANO // 10**6  # a dollar for a million tokens is 1,000 nano-dollars for one
# A tokeniser never makes more tokens than the text has bytes; this is for what the vendor adds around it: the frame of
# each message and tool, and its own instructions for tool use.
_FRAME = 4_096

Price = Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=3)]


class Rates(Value):
    """Dollars for a million tokens of each kind."""

    input: Price
    output: Price
    cache_read: Price
    cache_write: Price

    def cost(self, usage: Usage) -> int:
        """Return what tokens cost, in nano-dollars."""
        dollars = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write * self.cache_write
        )
        return int(dollars * _PER_TOKEN)


class LongRates(Rates):
    """The rates of requests with a longer prompt."""

    above: int


class ModelPrice(Rates):
    """A model's rates and size."""

    context: int
    effort: Literal["low", "medium", "high"] | None = None
    long: LongRates | None = None

    def rates(self, prompt: int) -> Rates:
        """Return the rates for a prompt of so many tokens."""
        return self.long if self.long and prompt > self.long.above else self

    def charge(self, usage: Usage) -> int:
        """Return what a request cost, in nano-dollars."""
        return self.rates(usage.input + usage.cache_read + usage.cache_write).cost(usage)

    def upper_bound(self, prompt_bytes: int, max_output: int) -> int:
        """Return what a request can cost at most, in nano-dollars."""
        prompt = prompt_bytes + _FRAME
        rates = self.rates(prompt)
        dearest = max(rates.input, rates.cache_write)
        return int((prompt * dearest + max_output * rates.output) * _PER_TOKEN)


def price(model: str) -> ModelPrice:
    """Return a model's price. Raises ConfigurationError for one that nobody knows the price of."""
    table = _table()
    if model not in table:
        raise ConfigurationError(
            f"BUTLER_MODEL: no price is known for {model}, and nothing is spent at an unknown price."
            f"{did_you_mean(model, table)} Known: {', '.join(sorted(table))}."
        )
    return table[model]


def dollars(nano: int) -> Decimal:
    """Return nano-dollars as dollars."""
    return Decimal(nano) / NANO


def nano(amount: Decimal) -> int:
    """Return dollars as whole nano-dollars, rounded down."""
    return int(amount * NANO)


@cache
def _table() -> dict[str, ModelPrice]:
    text = (Path(__file__).parent / "prices.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, ModelPrice]).validate_python(tomllib.loads(text, parse_float=Decimal))
