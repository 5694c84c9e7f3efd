"""Modules: packages that give butlers more tools, found by their entry points."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel, ValidationError

from bot.errors import ConfigurationError
from bot.household import Butler
from bot.store.database import Database

GROUP = "butlers.modules"


@cache
def installed() -> dict[str, EntryPoint]:
    """Return what is installed, by the name that a butler.toml asks for: `email.gmail`, or `email` without a provider."""
    return {point.name: point for point in entry_points(group=GROUP)}


def missing(butler: Butler) -> list[str]:
    """Return the modules of a butler that nobody installed."""
    return [name for name, point in butler.entry_points() if point not in installed()]


def load(butler: Butler, store: Database) -> tuple[dict[str, object], list[str]]:
    """Make a butler's modules; return them by name, and a sentence for each that cannot be made."""
    modules: dict[str, object] = {}
    faults = []
    for name, point in butler.entry_points():
        if point in installed():
            try:
                modules[name] = _make(installed()[point], dict(butler.modules[name].model_extra or {}), store)
            except ConfigurationError as error:
                faults.append(f"butler {butler.name}, [modules.{name}]: {error}")
    return modules, faults


def _make(point: EntryPoint, table: dict[str, Any], store: Database) -> object:
    """Make one module: its class has a pydantic model `Config` for its table, and takes that and the butler's store."""
    try:
        module = point.load()
        config: BaseModel = module.Config.model_validate(table)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"{point.value} cannot be used: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors(include_url=False))
        raise ConfigurationError(problems) from error
    made: object = module(config, store)
    return made
