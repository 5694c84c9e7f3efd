"""SKILL.md files, in the form of the Agent Skills specification: when a skill is of use, and how it is used."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.errors import ConfigurationError
from bot.nearest import did_you_mean
from bot.tools import Effect, ToolError, tool

_NAME = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
LONGEST_NAME = 64
LONGEST_DESCRIPTION = 1024


@dataclass(frozen=True)
class SkillNote:
    """What a SKILL.md says: its description is always in the prompt, its body is read on demand."""

    name: str
    description: str
    body: str


def read_notes(folder: Path) -> tuple[SkillNote, ...]:
    """Read every skill of a folder. Raises ConfigurationError that names the file."""
    return tuple(read_note(path) for path in sorted(folder.glob("*/SKILL.md")))


def read_note(path: Path) -> SkillNote:
    """Read a SKILL.md. Raises ConfigurationError that names the file and the field."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: it cannot be read: {error}") from None
    match = re.match(r"---\n(.*?)\n---\n?(.*)", text, re.DOTALL)
    if match is None:
        raise ConfigurationError(f"{path}: it must begin with a front matter between two lines of ---.")
    fields = _fields(path, match[1])
    if not _NAME.match(fields["name"]) or len(fields["name"]) > LONGEST_NAME or fields["name"] != path.parent.name:
        raise ConfigurationError(
            f"{path}: name: {fields['name']} must be the name of its folder, {path.parent.name}, in lower-case letters, "
            "digits and single hyphens."
        )
    if len(fields["description"]) > LONGEST_DESCRIPTION:
        raise ConfigurationError(f"{path}: description: more than {LONGEST_DESCRIPTION} characters.")
    return SkillNote(fields["name"], fields["description"], match[2].strip())


def _fields(path: Path, front_matter: str) -> dict[str, str]:
    try:
        fields = yaml.safe_load(front_matter)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: its front matter is not YAML: {error}") from None
    for name in ("name", "description"):
        if not isinstance(fields, dict) or not isinstance(fields.get(name), str) or not fields[name].strip():
            raise ConfigurationError(f"{path}: {name}: the front matter must give it.")
    return {name: fields[name].strip() for name in ("name", "description")}


class SkillShelf:
    """Lets a butler read how its skills are used."""

    def __init__(self, notes: Iterable[SkillNote]) -> None:
        self._notes = {note.name: note for note in notes}

    @tool(Effect.READ, doing="reading how to do it")
    def read_skill(self, name: str) -> str:
        """Return how a skill is used."""
        if name not in self._notes:
            raise ToolError(f"There is no skill {name}.{did_you_mean(name, self._notes)}")
        return self._notes[name].body
