"""What fits under the caps: how long an answer may be, or why a request is not made."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.errors import BudgetSpent
from bot.ports import Route
from bot.treasury import budgets
from bot.treasury.budgets import Limit
from bot.treasury.choice import LEAST_OUTPUT, Wish
from bot.treasury.periods import ALL
from bot.treasury.providers import Provider


def longest_answer(tx: Connection, provider: Provider, route: Route, wish: Wish, found: Sequence[Limit], zone: ZoneInfo) -> int:
    """Return how many tokens an answer may have. Raises BudgetSpent when the request does not fit under a cap."""
    price = provider.models[route.model]
    wanted = min(wish.output, price.max_output or wish.output)
    upper = 0 if provider.free else price.upper_bound(wish.prompt, wanted)
    needs = {"usd": upper, "tokens": wish.prompt + wanted}
    tight = [limit for limit in found if limit.left < needs[limit.unit] and needs[limit.unit] > 0]
    if tight and not budgets.is_blocking(tx):  # then only a key's limits hold, and what one request may cost
        tight = [limit for limit in tight if limit.period == ALL or limit.scope.startswith("key:")]
    if not tight:
        return wanted
    fits = wanted
    for limit in tight:
        room = limit.left - wish.prompt if limit.unit == "tokens" else price.output_for(wish.prompt, limit.left)
        fits = min(fits, wanted if room is None and limit.left >= upper else room or 0)
    if wish.near and fits >= min(LEAST_OUTPUT, wanted):
        return fits
    first = next((limit for limit in tight if limit.unit == "usd"), tight[0])
    raise BudgetSpent(budgets.refusal(first, needs[first.unit], zone), count_by=route)
