"""Tools: plain typed methods that a model may call, and what one call knows about itself."""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Self, TypeVar, get_type_hints
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from bot.errors import ButlersError
from bot.nearest import did_you_mean
from bot.ports import Call, Content, Json, ToolForm

Method = TypeVar("Method", bound=Callable[..., str])
_MARK = "_tool_mark"
_OPEN = "additionalProperties"  # unknown ones are refused, and models do not invent them
_CONTEXT = "context"  # the parameter, always the first, through which a tool learns about its call
FIND, USE = "find_tool", "use_tool"
MOST_FOUND = 5
_STEM = 4  # letters by which words are taken for the same: remind, reminder


class Effect(StrEnum):
    """What a call does to the world, which decides what happens to one that a crash cut off."""

    READ = "read"  # nothing: simply done again
    KEYED = "keyed"  # the receiver refuses the same key twice: repeated
    UPSERT = "upsert"  # sets a known thing to a known state: repeated
    LOOK_UP = "look-up"  # can be found again: looked for first
    BLIND = "blind"  # never repeated: said to have perhaps happened


class Foreign(str):
    """A result that holds what a stranger may have written."""

    __slots__ = ()


class Shown(Foreign):
    """A result with what a model is shown beside it."""

    __slots__ = ("content",)

    def __new__(cls, text: str, content: Content) -> Self:
        """Make one."""
        made = super().__new__(cls, text)
        made.content = content
        return made

    content: Content


class ToolError(ButlersError):
    """A tool cannot do what was asked; its sentence goes back to the model."""


@dataclass(frozen=True)
class Context:
    """What one call knows: on whose behalf, where and when; `key` is the same when a crash makes the call come twice."""

    key: str
    turn_id: int
    person_id: int
    person: str
    subject: str  # whose memory this is: the person in private, the group's in a group
    butler: str
    now: datetime
    zone: ZoneInfo
    stranger: bool  # whether the turn has read what a stranger may have written


@dataclass(frozen=True)
class _Mark:
    effect: Effect
    own: bool
    find: str | None
    rare: bool
    doing: str


def tool(
    effect: Effect = Effect.BLIND, *, own: bool = False, find: str | None = None, rare: bool = False, doing: str = ""
) -> Callable[[Method], Method]:
    """Mark a method as a tool.

    `own`: it touches nothing but the butler's own store, or is a part of its answer, so that it may be used after a
    stranger's text was read.
    `find`: for look-up tools, the name of the method that takes the same arguments and returns the result of an earlier
    call with the same key, or None when there was none.
    `rare`: it is not in every prompt; a model finds it when it needs it.
    `doing`: what people read while it runs, such as "searching memory"; nothing of the call's arguments stands there.
    """
    if (effect is Effect.LOOK_UP) != (find is not None):
        raise TypeError("a look-up tool, and only such a one, names the method that finds its effect again")

    def mark(method: Method) -> Method:
        setattr(method, _MARK, _Mark(effect, own, find, rare, doing))
        return method

    return mark


@dataclass(frozen=True)
class Tool:
    """A method that a model may call."""

    name: str
    description: str
    effect: Effect
    own: bool
    rare: bool
    doing: str
    arguments: type[BaseModel]
    wants_context: bool
    method: Callable[..., str]
    find: Callable[..., str | None] | None

    @cached_property
    def form(self) -> ToolForm:
        """How it is described to a model."""
        return ToolForm(name=self.name, description=self.description, arguments=_schema(self.arguments))

    def read(self, arguments: Json) -> dict[str, Any]:
        """Check a model's arguments. Raises ToolError naming each wrong field."""
        try:
            values = self.arguments.model_validate(arguments)
        except ValidationError as error:
            problems = [
                f"{'.'.join(str(part) for part in problem['loc']) or 'arguments'}: {problem['msg']}"
                for problem in error.errors(include_url=False)
            ]
            raise ToolError(f"{self.name} was called wrongly. " + "; ".join(problems)) from None
        return {name: getattr(values, name) for name in self.arguments.model_fields}

    def run(self, context: Context, values: dict[str, Any]) -> str:
        """Do it."""
        return self.method(context, **values) if self.wants_context else self.method(**values)

    def look_up(self, context: Context, values: dict[str, Any]) -> str | None:
        """Return the result of an earlier call with the same key, or None when there was none."""
        if self.find is None:
            return None
        return self.find(context, **values) if self.wants_context else self.find(**values)


class Toolbox:
    """A butler's tools, by name; where some are rare, with the two tools by which those are found and used."""

    def __init__(self, holders: Iterable[object]) -> None:
        self._tools: dict[str, Tool] = {}
        for holder in holders:
            self._add(tools_of(holder))
        if rare := [found for found in self._tools.values() if found.rare]:
            self._add(tools_of(RareTools(rare, self._tools)))

    def _add(self, tools: Iterable[Tool]) -> None:
        for found in tools:
            if found.name in self._tools:
                raise ButlersError(f"Two tools are named {found.name}.")
            self._tools[found.name] = found

    @cached_property
    def forms(self) -> tuple[ToolForm, ...]:
        """The descriptions in every prompt, always in the same order, so that the prompt's cached prefix never changes."""
        return tuple(self._tools[name].form for name in sorted(self._tools) if not self._tools[name].rare)

    def meant(self, call: Call) -> Call:
        """Return the call that a use of a rare tool stands for, so that every rule holds for the tool that is used."""
        name, arguments = (call.arguments.get(key) for key in ("name", "arguments"))
        if call.name != USE or name in (FIND, USE) or name not in self._tools or not isinstance(arguments or {}, dict):
            return call
        return call.model_copy(update={"name": name, "arguments": arguments or {}})

    def get(self, name: str) -> Tool:
        """Return a tool. Raises ToolError that names the nearest one."""
        try:
            return self._tools[name]
        except KeyError:
            raise ToolError(f"There is no tool {name}.{did_you_mean(name, self._tools)}") from None

    def effect(self, name: str) -> Effect:
        """Return a tool's effect class; a tool that is gone counts as blind."""
        found = self._tools.get(name)
        return found.effect if found else Effect.BLIND

    def is_in_order(self, name: str) -> bool:
        """Tell whether it matters which of several calls comes first: of those that note or send something of the butler's."""
        found = self._tools.get(name)
        return found is not None and found.own and found.effect is not Effect.READ

    def doing(self, name: str) -> str | None:
        """Return what people read while a tool runs, where it says so."""
        found = self._tools.get(name)
        return (found.doing if found else "") or None


class RareTools:
    """Finds tools that are not in every prompt."""

    def __init__(self, rare: Iterable[Tool], known: Mapping[str, Tool]) -> None:
        self._rare = {found.name: found for found in rare}
        self._known = known

    @tool(Effect.READ, doing="looking for a tool")
    def find_tool(self, words: str) -> str:
        """Describe more tools, by what they do: {names}."""
        wanted = {word[:_STEM] for word in re.findall(r"\w+", words.lower())}
        ranks = {found: len(wanted & _stems(found)) for found in self._rare.values()}
        best = sorted((found for found in ranks if ranks[found]), key=lambda found: (-ranks[found], found.name))
        if not best:
            return f"No tool's description has these words. There are: {', '.join(sorted(self._rare))}."
        return "\n".join(json.dumps(found.form.model_dump(), ensure_ascii=False) for found in best[:MOST_FOUND])

    @tool(Effect.READ)
    def use_tool(self, name: str, arguments: Json | None = None) -> str:
        """Use one of them."""
        if name in self._known:
            raise ToolError(f"{name} cannot be used in this way; call it as it is, with an object of its arguments.")
        del arguments
        raise ToolError(f"There is no tool {name}.{did_you_mean(name, self._known)}")

    @property
    def names(self) -> str:
        """Their names, as they are told with every prompt."""
        return " ".join(sorted(self._rare))


def _stems(found: Tool) -> set[str]:
    told = f"{found.name} {found.description} {' '.join(found.arguments.model_fields)}".lower()
    return {word[:_STEM] for word in re.findall(r"[^\W_]+", told)}


def tools_of(holder: object) -> list[Tool]:
    """Return the tools among an object's methods, in the order of their names."""
    found = []
    for name in sorted(dir(type(holder))):
        mark = getattr(getattr(type(holder), name), _MARK, None)
        if isinstance(mark, _Mark):
            method: Callable[..., str] = getattr(holder, name)
            found.append(
                Tool(
                    name=name,
                    description=(inspect.getdoc(method) or "").replace("{names}", getattr(holder, "names", "")),
                    effect=mark.effect,
                    own=mark.own,
                    rare=mark.rare,
                    doing=mark.doing,
                    arguments=arguments_of(method, _CONTEXT),
                    wants_context=_CONTEXT in inspect.signature(method).parameters,
                    method=method,
                    find=getattr(holder, mark.find) if mark.find else None,
                )
            )
    return found


def arguments_of(method: Callable[..., Any], *given: str) -> type[BaseModel]:
    """Return a model of a method's parameters, without those that somebody else than its caller gives."""
    hints = get_type_hints(method, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name not in given:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (hints[name], default)
    return create_model(method.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def _schema(arguments: type[BaseModel]) -> Json:
    """Return a JSON schema without what costs tokens and says nothing: made-up titles, defaults, and that null is one."""

    def strip(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, Mapping):
            kinds = [kind for kind in value.get("anyOf", ()) if kind != {"type": "null"}]
            if len(kinds) == 1 and value.get("default", "") is None:
                value = {**{key: inner for key, inner in value.items() if key != "anyOf"}, **kinds[0]}
            return {key: strip(inner) for key, inner in value.items() if not _is_idle(key, inner)}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    schema: Json = strip(arguments.model_json_schema())
    schema.pop("description", None)
    return schema


def _is_idle(key: str, inner: object) -> bool:
    return (key == "title" and isinstance(inner, str)) or (key == "default" and not inner) or (key, inner) == (_OPEN, False)
