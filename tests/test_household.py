"""The household: folders read into butlers, and every fault named by file, key and line."""

import os
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from bot import household
from bot.errors import ConfigurationError
from bot.household import LiveHousehold, read_butler
from bot.skill_notes import SkillShelf, read_note, read_notes
from bot.tools import ToolError

SCHEDULE = "[butler]\nname = 'a'\n[[butler.schedule]]\nname = 'x'\n"
GOOD = '[butler]\nname = "{name}"\ndescription = "{name} at work"\n'


def write(folder: Path, name: str, text: str = GOOD, character: str | None = None) -> Path:
    """Write a butler's folder."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "butler.toml").write_text(text.replace("{name}", name))
    if character is not None:
        (folder / name / "CLAUDE.md").write_text(character)
    return folder / name


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[butler]\nname = 3\n", "line 2, butler.name: is no text in quotes"),
        ("[butler]\nnam = 'a'\n", "line 2, butler.nam: unknown key. Did you mean name?"),
        ("[butler]\nname = 'a'\n[butlr]\n", "line 3, butlr: unknown key. Did you mean butler?"),
        ("[butler]\nname = 'a'\n[module.email]\n", "line 3, module: unknown key. Did you mean modules?"),
        ("[butler]\nname = 'a'\nmax_steps = 0\n", "line 3, butler.max_steps: Input should be greater than or equal to 1"),
        (
            f"{SCHEDULE}cron = '* * * * *'\nprompt = ''\n",
            "line 6, butler.schedule.0.prompt",
        ),
        (
            f"{SCHEDULE}cron = 'c'\nprompt = 'p'\n[[butler.schedule]]\nname = 'y'\n",
            "line 7, butler.schedule.1: lacks cron or every or at",
        ),
        (
            f"{SCHEDULE}crn = '1'\n",
            "line 5, butler.schedule.0.crn: unknown key. Did",
        ),
        ("[butler\n", "(at line 1, column 8)"),
        ("", "butler: is missing"),
        ("[butler]\nname = 'b'\n", "butler.name is b, but its folder is named a. Give both the same name."),
        ("[butler]\nname = 'a'\n[modules.email]\nprovider = 3\n", "line 4, modules.email.provider"),
    ],
)
def test_a_fault_has_a_place(tmp_path: Path, text: str, complaint: str) -> None:
    """Each fault names the file, the line and the key, and the nearest known one."""
    folder = write(tmp_path, "a", text)
    with pytest.raises(ConfigurationError) as caught:
        read_butler(folder)
    assert str(folder / "butler.toml") in str(caught.value)
    assert complaint in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing butler.toml, bytes that are no text, and a character that is far too long."""
    (tmp_path / "a").mkdir()
    with pytest.raises(ConfigurationError, match="it cannot be read"):
        read_butler(tmp_path / "a")
    write(tmp_path, "a")
    (tmp_path / "a" / "CLAUDE.md").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="it cannot be read"):
        read_butler(tmp_path / "a")
    write(tmp_path, "a", character="x" * 20_001)
    with pytest.raises(ConfigurationError, match="20001 characters are too many"):
        read_butler(tmp_path / "a")


def test_a_butler_without_a_character_has_a_plain_one(tmp_path: Path) -> None:
    """Without CLAUDE.md, or with an empty one, the butler is who its name says."""
    assert read_butler(write(tmp_path, "a")).character == "You are the a butler."
    assert read_butler(write(tmp_path, "a", character="\n")).character == "You are the a butler."


def test_changes_are_read_and_a_broken_one_changes_nothing(tmp_path: Path, mocker: MockerFixture) -> None:
    """A file that is edited counts from the next message on; while it is broken the household stays as it was."""
    mocker.patch.object(household, "LOOKS_EVERY", 0.0)
    folder = write(tmp_path, "a", character="calm")
    live = LiveHousehold(tmp_path, "a")
    assert live().get(None).character == "calm"
    (folder / "CLAUDE.md").write_text("cheerful")
    os.utime(folder / "CLAUDE.md", (1, 1))
    assert live().get("a").character == "cheerful"
    (folder / "butler.toml").write_text("[butler\n")
    assert live().get("gone").character == "cheerful"
    assert "at line 1" in live().faults[0]
    write(tmp_path, "a", character="calm again")
    write(tmp_path, "b")
    assert sorted(live().butlers) == ["a", "b"]
    assert live().faults == ()


def note(folder: Path, name: str, text: str) -> Path:
    """Write a SKILL.md."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "SKILL.md").write_text(text)
    return folder / name / "SKILL.md"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no front matter", "it must begin with a front matter"),
        ("---\nname: [\n---\n", "its front matter is not YAML"),
        ("---\nname: tea\n---\n", "description: the front matter must give it"),
        ("---\n- tea\n---\n", "name: the front matter must give it"),
        ("---\nname: coffee\ndescription: x\n---\n", "name: coffee must be the name of its folder, tea"),
        (f"---\nname: tea\ndescription: {'x' * 1025}\n---\n", "description: more than 1024 characters"),
    ],
)
def test_a_skill_that_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    """A SKILL.md that breaks the specification is named with what is wrong."""
    with pytest.raises(ConfigurationError, match=r"SKILL\.md") as caught:
        read_note(note(tmp_path, "tea", text))
    assert complaint in str(caught.value)
    with pytest.raises(ConfigurationError, match="it cannot be read"):
        read_note(tmp_path / "none" / "SKILL.md")


def test_skills_are_listed_and_read_on_demand(tmp_path: Path) -> None:
    """A butler's own skills are found; their bodies are read by name, and the nearest is offered."""
    note(tmp_path / "skills", "tea", "---\nname: tea\ndescription: >-\n  Making\n  tea.\nlicense: MIT\n---\nBoil water.\n")
    (found,) = read_notes(tmp_path / "skills")
    assert (found.name, found.description) == ("tea", "Making tea.")
    shelf = SkillShelf([found])
    assert shelf.read_skill("tea") == "Boil water."
    with pytest.raises(ToolError, match=r"There is no skill te\. Did you mean tea\?"):
        shelf.read_skill("te")


def test_a_butler_thinks_with_its_tier(tmp_path: Path) -> None:
    """butler.toml names the tier of its models; without one it is smart, and a wrong one is named with its line."""
    folder = tmp_path / "cook"
    folder.mkdir()
    (folder / "butler.toml").write_text('[butler]\nname = "cook"\n')
    assert read_butler(folder).tier == "smart"
    (folder / "butler.toml").write_text('[butler]\nname = "cook"\ntier = "fast"\n')
    assert read_butler(folder).tier == "fast"
    (folder / "butler.toml").write_text('[butler]\nname = "cook"\ntier = "clever"\n')
    with pytest.raises(ConfigurationError, match=r"line 3, butler\.tier: .*'smart', 'balanced' or 'fast'"):
        read_butler(folder)
