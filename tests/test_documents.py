"""The documents: what they say is what the code does."""

import re
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic_settings import BaseSettings
from sqlalchemy import create_engine

from bot.__main__ import _parser
from bot.chat_forms import forms
from bot.settings import Settings
from bot.store.chat_tables import readings
from bot.store.database import Database
from bot.store.file_tables import blobs
from bot.store.said_tables import said
from bot.store.tables import metadata
from tests.houses import BUTLER, ROOT, House

README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").rglob("*.md"))


def settings() -> Iterator[tuple[str, str, str]]:
    """Give each variable with its description and its default, the house's first and then each chat's."""
    known_settings: list[type[BaseSettings]] = [Settings, *(form.settings for form in forms())]
    for settings_of in known_settings:
        for field in settings_of.model_fields.values():
            known = isinstance(field.default, str | Path | Decimal)
            yield str(field.validation_alias), field.description or "", str(field.default) if known else ""


def test_the_example_settings_are_all_settings() -> None:
    """.env.example names every variable with what it is for and its default, and nothing else."""
    wanted = "\n".join(f"# {description}\n{name}={default}\n" for name, description, default in settings())
    head = "# Copy this file to .env and fill in what you need; an empty line means the default.\n\n"
    assert (ROOT / ".env.example").read_text() == head + wanted


def test_the_example_settings_are_the_defaults(tmp_path: Path, pipe: House) -> None:
    """A .env that is a copy of the example changes nothing."""
    pipe.home.mkdir(exist_ok=True)
    without = pipe.run("check").stdout.splitlines()
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env").write_text("\n".join(line for line in example.splitlines() if not line.startswith("BUTLER_HOUSEHOLD")))
    assert [
        line
        for line in pipe.run("check").stdout.splitlines()
        if line not in without and "✓ clock" not in line and "GB free" not in line
    ] == []


def test_the_readme_lists_the_settings() -> None:
    """Each variable stands in the README's table with its meaning and default."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", README, re.MULTILINE)
    wanted = [
        (name, description.rstrip(".") + (f" (default: `{default}`)" if default else ""))
        for name, description, default in settings()
    ]
    assert rows == wanted


def test_the_readme_lists_the_commands(pipe: House) -> None:
    """The README's table of chat commands is what /help says."""
    help_text = pipe.run("up", lines=["/help"]).stdout
    said = re.findall(r"^• (/.+?) ([a-z]+s .+)$", help_text, re.MULTILINE)
    assert said
    rows = re.findall(r"^\| `(/.+?)` \| (.+) \|$", README, re.MULTILINE)
    assert [(name.replace("\\|", "|"), does) for name, does in rows] == said


def test_the_readme_lists_the_shell_commands() -> None:
    """The README's table of `butler` commands is what --help says, and each explains itself."""
    said = subprocess.run([*BUTLER, "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = re.findall(r"^    ([\w-]+)\s+(\S.*)$", said, re.MULTILINE)
    assert len(wanted) == 18
    assert re.findall(r"^\| `butler ([\w-]+).*?` \| (.+) \|$", README, re.MULTILINE) == wanted
    with pytest.raises(SystemExit) as leaving:
        _parser().parse_args(["up", "--help"])
    assert leaving.value.code == 0


def test_the_readme_s_conversation_happens(pipe: House) -> None:
    """The first conversation of the README, typed into a new house, reads as it stands there."""
    block = README.split("```text\n")[1].split("```")[0]
    asked = re.findall(r"^> (.*)$", block, re.MULTILINE)
    pipe.env["USER"] = pipe.env["LOGNAME"] = "ada"
    told = pipe.run("up", lines=asked).stdout
    wanted = re.sub(r"^> .*\n", "", block, flags=re.MULTILINE)
    assert re.sub(r"\d{4}-\d\d-\d\d", "DATE", told).split() == re.sub(r"\d{4}-\d\d-\d\d", "DATE", wanted).split()


def test_the_guide_s_chat_is_the_tested_one() -> None:
    """The chat in docs/chats.md is the one that passes the conformance test."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "chats.md").read_text(), re.DOTALL)
    assert code == (ROOT / "tests" / "letterbox.py").read_text()


def test_the_treasury_s_examples_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys, the providers and the program in docs/treasury.md can be used as they stand there."""
    page = (ROOT / "docs" / "treasury.md").read_text()
    keys, own, program = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)[0] for kind in ("json", "toml", "python"))
    files = {"keys.json": keys, "providers.toml": own, "task.md": "Integrate the API"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    for name, value in {"HOME": "home", "KEYS_PATH": "keys.json", "PROVIDERS_PATH": "providers.toml"}.items():
        monkeypatch.setenv(f"BUTLER_{name}", value)
    said: dict[str, Any] = {}
    exec(compile(program, "docs/treasury.md", "exec"), said)  # noqa: S102 - it is our own
    assert said["result"].key_id == "anthropic-1"
    assert said["result"].rotation_threshold == int(said["result"].allocated * 0.75)


def test_the_procfile_is_in_the_help() -> None:
    """Each process of the Procfile is a command of the same name."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    assert lines == [f"{name}: butler {name}" for name in ("bot", "worker", "clock")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link and every file that a document names is there."""
    text = document.read_text()
    named = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    named += re.findall(r"`((?:bot|adapters|workers|skills|tests|benchmarks|household|docs)/[\w./-]*)`", text)
    missing = [name for name in named if not (document.parent / name).exists() and not (ROOT / name).exists()]
    assert missing == []


def test_the_migrations_make_the_tables(database: Database) -> None:
    """A database that the migrations made has the tables of the code, to the column."""
    assert {readings.name, blobs.name, said.name} <= set(metadata.tables)
    engine = create_engine(database.url)
    with engine.connect() as connection:
        # An index of words is a table that only its own module knows, and a different one in each store.
        mine = {"include_name": lambda name, kind, _: kind != "table" or not str(name).startswith("said_words")}
        context = MigrationContext.configure(connection, opts=mine)
        assert compare_metadata(context, metadata) == []
    engine.dispose()
