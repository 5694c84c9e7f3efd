"""The providers of models: their limits, their models by tier, and what these cost; a person's own file goes before ours."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from bot.errors import ConfigurationError, in_plain_words
from bot.messages import Value
from bot.nearest import did_you_mean, nearest
from bot.ports import Usage
from bot.treasury.prices import ModelPrice

OURS = Path(__file__).parent / "providers.toml"
REHEARSAL = "rehearsal"
UNLIMITED = 10**15  # tokens: more than anybody uses, and still a number to subtract from
_SAMPLE = (
    "input = 3.00",
    "output = 15.00",
    "cache_read = 0.30",
    "cache_write = 3.75",
    "context = 200_000",
    "priced = 2026-11-21",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")  # ids of keys and budgets are made of it
Json = dict[str, Any]


class Tier(StrEnum):
    """How able a model is asked for."""

    SMART = "smart"
    BALANCED = "balanced"
    FAST = "fast"
    VOICE = "voice"  # it listens, and answers nothing


THINKING = (Tier.SMART, Tier.BALANCED, Tier.FAST)


def _address(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise ValueError("is no address; one begins with http:// or https://")
    return url


class Provider(Value):
    """A provider; its keys share its limits, each for itself."""

    url: Annotated[str, AfterValidator(_address)]
    protocol: Literal["anthropic", "openai", "rehearsal"] = "openai"
    free: bool = False  # its keys are billed nothing, whatever the models' prices
    needs_key: bool = True
    tokens_per_day: int | None = Field(None, gt=0)
    tokens_per_month: int | None = Field(None, gt=0)
    counts_cache_reads: bool = True  # towards its limits
    smart: str | None = None
    balanced: str | None = None
    fast: str | None = None
    voice: str | None = None
    organisations: Mapping[str, str] = Field(default_factory=dict)  # by key id; those that share one share its limits
    models: Mapping[str, ModelPrice] = Field(default_factory=dict)

    def model(self, tier: Tier) -> str | None:
        """Return its model of a tier."""
        found: str | None = getattr(self, tier.value)
        return found

    def charge(self, model: str, usage: Usage) -> int:
        """Return what a request cost, in nano-dollars."""
        return 0 if self.free else self.models[model].charge(usage)

    def counted(self, usage: Usage) -> int:
        """Return how many tokens of a request count towards its limits."""
        read = usage.cache_read if self.counts_cache_reads else 0
        return usage.input + usage.output + usage.cache_write + read

    def rate(self, model: str) -> Decimal:
        """Return what a million tokens in and out cost together, to tell what is dearer."""
        price = self.models[model]
        return Decimal(0) if self.free else price.input + price.output


class Providers:
    """All providers by name, and which model was asked for by name."""

    def __init__(self, table: Mapping[str, Provider], chosen: Mapping[Tier, str] | None = None) -> None:
        self.table = table
        self.chosen = chosen or {}

    def __getitem__(self, name: str) -> Provider:
        return self.table[name]

    def __contains__(self, name: object) -> bool:
        return name in self.table

    def model(self, name: str, tier: Tier) -> str | None:
        """Return a provider's model of a tier: the one that the settings name, where the provider has it."""
        provider = self.table[name]
        wanted = self.chosen.get(tier)
        return wanted if wanted in provider.models else provider.model(tier)

    def fits(self, name: str, tier: Tier) -> int:
        """Return how far a provider is from what is wanted: 0 none, 1 another model of the tier, 2 another tier."""
        wanted, model = self.chosen.get(tier), self.model(name, tier)
        if model is None:
            return 2
        return 0 if wanted in (None, model) else 1

    def standing(self, name: str, model: str, tier: Tier) -> tuple[int, bool]:
        """Return how well a provider suits: how far from what is wanted, and whether it is paid; less is better."""
        return self.fits(name, tier), self.table[name].rate(model) > 0

    def nearest_model(self, name: str, tier: Tier) -> str | None:
        """Return a provider's model of a tier, or of the next one that it has; one that listens has none beside it."""
        others = () if tier is Tier.VOICE else (Tier.BALANCED, Tier.SMART, Tier.FAST)
        found = (self.model(name, one) for one in (tier, *others))
        return next(filter(None, found), None)

    def likely(self, model: str) -> str:
        """Return the provider whose model one that nobody knows probably is: that of the nearest one."""
        near = nearest(model, self.priced)
        return next((name for name, provider in self.table.items() if near in provider.models), "anthropic")

    def best_model(self, names: Iterable[str], tier: Tier) -> str:
        """Return the model of one of these providers that suits a tier best."""
        models = ((name, self.nearest_model(name, tier)) for name in names)
        ranks = [(self.standing(name, model, tier), model) for name, model in models if model is not None]
        return min(ranks, key=lambda rank: rank[0])[1] if ranks else "none"

    @cached_property
    def priced(self) -> frozenset[str]:
        """Every model of which somebody knows the price."""
        return frozenset(model for provider in self.table.values() for model in provider.models)


def read_providers(own: Path | None = None, chosen: Mapping[Tier, str] | None = None, variable: str = "") -> Providers:
    """Read our table and what a person's own file changes in it; `chosen` are models that the settings name.

    Raises ConfigurationError that names the file and the key, or the model whose price nobody knows.
    """
    table = _read(OURS)
    where = OURS
    if own is not None and own.exists():
        table, where = _merged(table, _read(own)), own
    providers = Providers(_validated(table, where), chosen)
    for name, provider in providers.table.items():
        for tier in Tier:
            model = provider.model(tier)
            if model is not None and model not in provider.models:
                raise ConfigurationError(_unpriced(f"{where}: {name}.{tier}", name, model, own, provider.models))
    for tier, model in providers.chosen.items():
        if model not in providers.priced:
            setting = variable or ("BUTLER_MODEL" if tier is Tier.SMART else "BUTLER_SMALL_MODEL")
            raise ConfigurationError(_unpriced(setting, providers.likely(model), model, own, providers.priced))
    return providers


def _unpriced(where: str, provider: str, model: str, own: Path | None, known: Any) -> str:  # noqa: ANN401 - names
    file = own or Path("providers.toml")
    return (
        f"{where}: no price is known for {model}, and nothing is spent at an unknown price.{did_you_mean(model, known)} "
        f"Otherwise add these lines at the end of {file}, with the numbers that its provider publishes:"
        + "".join(f"\n  {line}" for line in (f"[{provider}.models.{json.dumps(model)}]", *_SAMPLE))
    )


def _read(path: Path) -> Json:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: it is not UTF-8 text. Save it as UTF-8.") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: it cannot be read: {error}") from None


def _merged(ours: Json, theirs: Json) -> Json:
    """Let a person's table change single keys of ours."""
    merged = dict(ours)
    for name, value in theirs.items():
        is_table = isinstance(value, dict) and isinstance(ours.get(name), dict)
        merged[name] = _merged(ours[name], value) if is_table else value
    return merged


def _validated(table: Json, where: Path) -> dict[str, Provider]:
    providers, problems = {}, []
    for name, entry in table.items():
        if not _NAME.fullmatch(name):
            problems.append(f"{where}: {name!r} cannot be a provider's name. Take letters, digits, hyphens and underscores.")
        try:
            providers[name] = Provider.model_validate(entry)
        except ValidationError as error:
            problems += [_problem(where, name, dict(problem)) for problem in error.errors(include_url=False)]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return providers


def _problem(where: Path, name: str, problem: Json) -> str:
    loc = [str(part) for part in problem["loc"]]
    key = ".".join([name, *loc])
    if problem["type"] == "extra_forbidden":
        known = ModelPrice.model_fields if "models" in loc[:-1] else Provider.model_fields
        return f"{where}: {key}: unknown key.{did_you_mean(loc[-1], known)}"
    if (loc, problem["type"]) == (["url"], "missing"):
        return f"{where}: {key} is missing.{did_you_mean(name, _read(OURS))} Another provider needs its address."
    return f"{where}: {key} {in_plain_words(problem)}"
