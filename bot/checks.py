"""Checks: plain typed methods that look, without a model, whether there is anything new for which a turn is worth its money."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.errors import ButlersError, in_plain_words
from bot.nearest import did_you_mean
from bot.ports import Json
from bot.tools import arguments_of

_MARK = "_check_mark"
_GIVEN = ("self", "context", "cursor")  # the parameters of a check that its schedule does not write
NAME = "name"  # the key of a schedule's table that says which check it is
Method = TypeVar("Method", bound=Callable[..., "Finding"])


class WrongCheck(ButlersError):
    """A schedule wants something looked at that nobody can look at."""


@dataclass(frozen=True)
class CheckContext:
    """For whom a check looks, and when."""

    butler: str
    person_id: int | None
    now: datetime


@dataclass(frozen=True)
class Finding:
    """What a check found; its next look gets the cursor, any JSON, and the butler the note.

    `stranger`: a stranger may have written some of the note.
    """

    new: bool
    cursor: Any
    note: str = ""
    stranger: bool = False


def check(method: Method) -> Method:
    """Mark a method as a check: it takes a context, the cursor of the last look (None at the first), and arguments."""
    setattr(method, _MARK, True)
    return method


def checks_of(holder: type) -> dict[str, type[BaseModel]]:
    """Return the checks among a class's methods: the arguments of each by its name."""
    found = {name: getattr(holder, name) for name in sorted(dir(holder))}
    return {name: arguments_of(method, *_GIVEN) for name, method in found.items() if getattr(method, _MARK, False)}


def fault_of(wish: Mapping[str, Any], known: Mapping[str, type[BaseModel]]) -> str | None:
    """Return what is wrong with a schedule's wish for a check; nothing when it can be looked at."""
    name = str(wish.get(NAME, ""))
    if name not in known:
        return f"there is no check {name or 'without a name'}.{did_you_mean(name, known)} There are: {', '.join(known)}"
    try:
        known[name].model_validate({key: value for key, value in wish.items() if key != NAME})
    except ValidationError as error:
        return "; ".join(_problem(name, known[name], dict(problem)) for problem in error.errors(include_url=False))
    return None


class Checks:
    """What can be looked at for one butler: checks of the house and its skills, and of modules by `module.check`."""

    def __init__(self, holders: Iterable[object], modules: Mapping[str, object]) -> None:
        self._methods: dict[str, Callable[..., Finding]] = {}
        self._arguments: dict[str, type[BaseModel]] = {}
        for prefix, holder in (*(("", holder) for holder in holders), *((f"{name}.", one) for name, one in modules.items())):
            for name, arguments in checks_of(type(holder)).items():
                self._methods[prefix + name] = getattr(holder, name)
                self._arguments[prefix + name] = arguments

    def look(self, wish: Json, context: CheckContext, cursor: object) -> Finding:
        """Look whether there is anything new since the cursor. Raises WrongCheck, or whatever the check does."""
        fault = fault_of(wish, self._arguments)
        if fault is not None:
            raise WrongCheck(f"The check cannot be done: {fault}")
        name = wish[NAME]
        arguments = self._arguments[name].model_validate({key: value for key, value in wish.items() if key != NAME})
        values = {field: getattr(arguments, field) for field in self._arguments[name].model_fields}
        found = self._methods[name](context, cursor, **values)
        if not _can_be_kept(found):
            raise WrongCheck(f"The check {name} found what cannot be kept: a cursor that is no JSON, or no words.")
        return found


def _can_be_kept(found: object) -> bool:
    """Tell whether what a check of somebody's module returned is a finding."""
    if not isinstance(found, Finding) or not isinstance(found.note, str):
        return False
    try:
        json.dumps(found.cursor)
    except (TypeError, ValueError):
        return False
    return True


def _problem(name: str, arguments: type[BaseModel], problem: dict[str, Any]) -> str:
    key = str(problem["loc"][0]) if problem["loc"] else name
    if problem["type"] == "extra_forbidden":
        return f"{name} takes no {key}.{did_you_mean(key, arguments.model_fields)}"
    return f"{key} of {name} {in_plain_words(problem)}"
