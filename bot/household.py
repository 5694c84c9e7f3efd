"""The household: a folder for each butler, read into values, with every fault named by file, key and line."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from bot.errors import ConfigurationError, in_plain_words
from bot.nearest import did_you_mean
from bot.practice import practices_in
from bot.schedules.table import ScheduleTable, faults_between
from bot.skill_notes import SkillNote, read_notes
from bot.switchboard.routes import RouteTable
from bot.treasury.providers import THINKING, Tier

NAME = r"^[a-z][a-z0-9-]{0,31}$"
LONGEST_CHARACTER = 20_000
MOST_EXAMPLES, LONGEST_EXAMPLE = 1_000, 300
LOOKS_EVERY = 0.4  # seconds between two looks at the files


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _thinking(tier: object) -> object:
    if tier not in THINKING:
        raise ValueError("is none of 'smart', 'balanced' or 'fast'")
    return tier


class ButlerTable(_Table):
    """The `[butler]` table."""

    name: Annotated[str, Field(pattern=NAME)]
    description: str = ""
    port: int | None = None  # accepted for the sake of older files; nothing listens
    max_steps: Annotated[int, Field(ge=1, le=200)] = 25
    tier: Annotated[Tier, BeforeValidator(_thinking)] = Tier.SMART
    schedule: tuple[ScheduleTable, ...] = ()
    examples: tuple[str, ...] = ()
    route: tuple[RouteTable, ...] = ()

    @field_validator("examples")
    @classmethod
    def _are_messages(cls, examples: tuple[str, ...]) -> tuple[str, ...]:
        if not examples:
            raise ValueError("is empty; give messages that are for this butler, or leave it out")
        if len(examples) > MOST_EXAMPLES:
            raise ValueError(f"has {len(examples)} messages; {MOST_EXAMPLES} are the most")
        for example in examples:
            if not example.strip() or len(example) > LONGEST_EXAMPLE:
                what = f"“{example[:20]}…” is too long" if example.strip() else "one of them is empty"
                raise ValueError(f"{what}; a message has 1 to {LONGEST_EXAMPLE} characters")
        return examples


class ModuleTable(BaseModel):
    """A `[modules.<name>]` table; what else it holds is for the module to check."""

    model_config = ConfigDict(extra="allow", frozen=True)

    provider: str | None = None


class ButlerFile(_Table):
    """A whole butler.toml."""

    butler: ButlerTable
    modules: Mapping[str, ModuleTable] = Field(default_factory=dict)


@dataclass(frozen=True)
class Butler:
    """A butler as its folder describes it."""

    name: str
    description: str
    character: str
    max_steps: int
    tier: Tier = Tier.SMART
    schedules: tuple[ScheduleTable, ...] = ()
    modules: Mapping[str, ModuleTable] = field(default_factory=dict)
    notes: tuple[SkillNote, ...] = ()
    examples: tuple[str, ...] = ()  # messages that are for it
    routes: tuple[RouteTable, ...] = ()
    practices: tuple[str, ...] = ()  # the files that say what it does by itself, as long as they have words

    def entry_points(self) -> Iterator[tuple[str, str]]:
        """Give each module's name with the name of the entry point that provides it."""
        for name, table in self.modules.items():
            yield name, f"{name}.{table.provider}" if table.provider else name


@dataclass(frozen=True)
class Household:
    """All butlers that could be read, by name, and a sentence for each one that could not."""

    butlers: Mapping[str, Butler]
    faults: tuple[str, ...]
    default: str

    def get(self, name: str | None) -> Butler:
        """Return a butler, or the default one for a name that is gone."""
        return self.butlers.get(name or self.default) or self.butlers[self.default]


class LiveHousehold:
    """The household as its files stand now: a change is read before the next message, and a broken one changes nothing."""

    def __init__(self, folder: Path, default: str, only: Sequence[str] = ()) -> None:
        self._folder = folder
        self._default = default
        self._only = only
        self._looked_at = monotonic()
        self._stamp = _stamp(folder)
        self._household = read_household(folder, default, only)
        self._prompts = self._stamp_of_prompts()

    def __call__(self) -> Household:
        """Return the household."""
        if monotonic() - self._looked_at < LOOKS_EVERY:
            return self._household
        self._looked_at = monotonic()
        stamp, prompts = _stamp(self._folder), self._stamp_of_prompts()
        if stamp != self._stamp or prompts != self._prompts:
            self._stamp = stamp
            try:
                self._household = self._with_those_that_broke(read_household(self._folder, self._default, self._only))
            except ConfigurationError as error:
                self._household = replace(self._household, faults=(str(error),))
            self._prompts = self._stamp_of_prompts()
        return self._household

    def _stamp_of_prompts(self) -> tuple[tuple[str, int], ...]:
        """Return what changes whenever a file does that a schedule takes its words from."""
        butlers = self._household.butlers.values()
        return _stamp_of(
            self._folder / one.name / table.prompt_file for one in butlers for table in one.schedules if table.prompt_file
        )

    def _with_those_that_broke(self, found: Household) -> Household:
        """Keep a butler whose files are broken now as it was."""
        before = self._household.butlers
        broken = {name: before[name] for name in before if name not in found.butlers and (self._folder / name).is_dir()}
        return replace(found, butlers=dict(sorted({**found.butlers, **broken}.items())))


def read_household(folder: Path, default: str, only: Sequence[str] = ()) -> Household:
    """Read every folder of the household, or `only` some; a broken one is a fault, and the others serve on.

    Raises ConfigurationError when the default butler does not work; it is the first of `only` if it is not among them.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"BUTLER_HOUSEHOLD: there is no folder {folder}. `butler init assistant` makes one.")
    butlers: dict[str, Butler] = {}
    faults: list[str] = []
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if only:
        unknown = sorted(set(only) - {path.name for path in folders})
        if unknown:
            raise ConfigurationError(f"There is no butler {unknown[0]} in {folder}. `butler list` shows all.")
        folders = [path for path in folders if path.name in only]
        default = default if default in only else only[0]
    for path in folders:
        try:
            butlers[path.name] = read_butler(path)
        except ConfigurationError as error:
            faults.append(str(error))
    if default not in butlers:
        known = f" There are: {', '.join(butlers)}.{did_you_mean(default, butlers)}" if butlers else ""
        faults.append(f"BUTLER_DEFAULT: {folder} holds no working butler named {default}.{known}")
        raise ConfigurationError("\n".join(faults))
    return Household(butlers, tuple(faults), default)


def read_butler(folder: Path) -> Butler:
    """Read a butler's folder. Raises ConfigurationError that names file, key and line."""
    file = _read_file(folder / "butler.toml")
    if file.butler.name != folder.name:
        raise ConfigurationError(
            f"{folder / 'butler.toml'}: butler.name is {file.butler.name}, but its folder is named {folder.name}. "
            "Give both the same name."
        )
    return Butler(
        name=file.butler.name,
        description=file.butler.description,
        character=_read_character(folder / "CLAUDE.md") or f"You are the {file.butler.name} butler.",
        max_steps=file.butler.max_steps,
        tier=file.butler.tier,
        schedules=file.butler.schedule,
        examples=file.butler.examples,
        routes=file.butler.route,
        modules=file.modules,
        notes=read_notes(folder / "skills"),
        practices=practices_in(folder),
    )


def _stamp(folder: Path) -> tuple[tuple[str, int], ...]:
    """Return what changes whenever a file of the household does."""
    files = (*folder.glob("*/butler.toml"), *folder.glob("*/CLAUDE.md"), *folder.glob("*/skills/*/SKILL.md"))
    files += tuple(folder.glob("*/practice/*.md"))
    return _stamp_of(files)


def _stamp_of(files: Iterable[Path]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in files if path.exists()))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: it cannot be read: {error}") from None


def _read_character(path: Path) -> str:
    text = _read_text(path).strip() if path.exists() else ""
    if len(text) > LONGEST_CHARACTER:
        raise ConfigurationError(
            f"{path}: {len(text)} characters are too many; {LONGEST_CHARACTER} are the most, since each is paid for "
            "with every message. Put what is needed now and then into skills/."
        )
    return text


def _read_file(path: Path) -> ButlerFile:
    text = _read_text(path)
    try:
        file = ButlerFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except ValidationError as error:
        problems = [_problem(text, dict(problem)) for problem in error.errors(include_url=False)]
        raise ConfigurationError("\n".join(f"{path}: {problem}" for problem in problems)) from None
    faults = [
        f"{path}: {_where(text, ['butler', 'schedule', str(position), key])}: {fault}"
        for position, key, fault in faults_between(file.butler.schedule, file.modules)
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))
    return file


def _problem(text: str, problem: dict[str, Any]) -> str:
    names = [str(part) for part in problem["loc"]]
    where = _where(text, names)
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key.{did_you_mean(names[-1], _known(names[:-1]))}"
    return f"{where}: {in_plain_words(problem)}"


def _where(text: str, names: list[str]) -> str:
    """Return a key with its line, where it has one."""
    line = _line(text, names)
    return f"line {line}, {'.'.join(names)}" if line else ".".join(names)


def _known(names: list[str]) -> list[str]:
    """Return the keys that a table may have."""
    table: type[BaseModel] = ButlerFile
    if names[:1] == ["butler"]:
        inner: dict[str, type[BaseModel]] = {"schedule": ScheduleTable, "route": RouteTable}
        table = next((inner[name] for name in names if name in inner), ButlerTable)
    return list(table.model_fields)


def _line(text: str, names: list[str]) -> int | None:
    """Return the line of a key, or of the table that lacks it."""
    tables = [name for name in names if not name.isdigit()]
    index = next((int(name) for name in names if name.isdigit()), 0)
    header = ".".join(tables if names[-1].isdigit() else tables[:-1])
    current, seen, opened = "", -1, None
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r"\s*\[\[?\s*([\w.\s-]+?)\s*\]\]?", line):
            current = match[1]
            seen += current == header
            opened = number if current == header and seen == index else opened
            if (current == ".".join(tables) and not names[-1].isdigit()) or (
                not header and current.startswith(f"{tables[-1]}.")
            ):
                return number
        elif current == header and max(seen, 0) == index and re.match(rf"\s*\"?{re.escape(tables[-1])}\"?\s*=", line):
            return number
    return opened
