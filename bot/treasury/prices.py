"""What models cost, in whole nano-dollars."""

from datetime import date
from decimal import ROUND_UP, Decimal
from typing import Annotated, Any

from pydantic import Field, model_validator

from bot.messages import Value
from bot.ports import Effort, Usage
from bot.sounds.sound import LONGEST

NANO = 10**9
_PER_TOKEN = NANO // 10**6  # a dollar for a million tokens is 1,000 nano-dollars for one
# A tokeniser never makes more tokens than the text has bytes; this is for what the vendor adds around it: the frame of
# each message and tool, and its own instructions for tool use.
FRAME = 4_096

MINUTE = 60  # seconds
Price = Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=3)]
Count = Annotated[int, Field(gt=0)]


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

    @property
    def prompt(self) -> Decimal:
        """The most that a token of a prompt costs."""
        return max(self.input, self.cache_read, self.cache_write)


class LongRates(Rates):
    """The rates of requests with a longer prompt."""

    above: Count


class ModelPrice(Rates):
    """A model's rates and size, as they were published on a day.

    One that listens has a price for a `minute`: then a second of sound is what a token of text is, and `least` the fewest
    seconds that are billed.
    """

    context: Count
    priced: date
    minute: Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=6)] | None = None
    least: Count = 1
    max_output: Count | None = None
    effort: Effort | None = None
    long: LongRates | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_seconds(cls, value: Any) -> Any:  # noqa: ANN401 - what somebody wrote into a file
        """Let a price for a minute be one for a million seconds."""
        if not isinstance(value, dict) or not isinstance(minute := value.get("minute"), int | Decimal):
            return value
        rate = (Decimal(minute) * 10**6 / MINUTE).quantize(Decimal("0.001"), ROUND_UP)
        return {"context": LONGEST, "input": rate, "output": 0, "cache_read": 0, "cache_write": 0, **value}

    def rates(self, prompt: int) -> Rates:
        """Return the rates for a prompt of so many tokens."""
        return self.long if self.long and prompt > self.long.above else self

    def charge(self, usage: Usage) -> int:
        """Return what a request cost, in nano-dollars."""
        return self.rates(usage.input + usage.cache_read + usage.cache_write).cost(usage)

    def upper_bound(self, prompt: int, output: int) -> int:
        """Return what a request of so many tokens can cost at most, in nano-dollars."""
        rates = self.rates(prompt)
        return int((prompt * rates.prompt + output * rates.output) * _PER_TOKEN)

    def output_for(self, prompt: int, amount: int) -> int | None:
        """Return how many tokens of output so many nano-dollars pay beside a prompt; None when output costs nothing."""
        rates = self.rates(prompt)
        if not rates.output:
            return None
        return int((amount - prompt * rates.prompt * _PER_TOKEN) / (rates.output * _PER_TOKEN))


def dollars(nano: int) -> Decimal:
    """Return nano-dollars as dollars."""
    return Decimal(nano) / NANO


def nano(amount: Decimal) -> int:
    """Return dollars as whole nano-dollars, rounded down."""
    return int(amount * NANO)
