"""The rules of the house that no linter knows: sizes, words, and where things may stand."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.settings import PROVIDERS
from tests.houses import ROOT

PRODUCT = ("bot", "adapters", "skills", "workers")
LONGEST_FILE = 300
LONGEST_FUNCTION = 40
FORBIDDEN_WORDS = re.compile(r"(?i)(manager|helper|utils|handler|processor|(?<!data)base(?!d)|\bdata\b|\binfo\b|common)")
# The two places where any failure becomes a sentence, and what each turns it into.
CATCH_ALL = {"bot/settling.py": "a result for the model", "workers/turns.py": "a stated failure for the person"}
# Names that other people's interfaces ask for.
FOREIGN_NAMES = {
    "data",
    *(f"{name}_base_url" for name in PROVIDERS),
    "base_url",
    "base_file_url",
    "exc_info",
    "info",
    "get_extra_info",
    "BaseModel",
    "BaseSettings",
}


def sources(*folders: str) -> Iterator[Path]:
    """Give every source file, without the generated history of tables."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def test_files_and_functions_are_short() -> None:
    """No file has over 300 lines and no function over 40."""
    long = []
    for path in sources(*PRODUCT, "tests", "benchmarks"):
        text = path.read_text()
        if len(text.splitlines()) > LONGEST_FILE:
            long.append(f"{path.relative_to(ROOT)}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long.append(f"{path.relative_to(ROOT)}: {node.name}: {lines} lines")
    assert long == []


def names(tree: ast.AST) -> Iterator[str]:
    """Give every name that a file makes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_names_say_something() -> None:
    """Words that fit anything are not in the vocabulary, but where another interface asks for them."""
    bad = []
    for path in sources(*PRODUCT):
        found = {name for name in names(ast.parse(path.read_text())) if FORBIDDEN_WORDS.search(name)}
        bad += [f"{path.relative_to(ROOT)}: {name}" for name in sorted(found - FOREIGN_NAMES)]
    assert bad == []
    assert [path.name for path in sources(*PRODUCT) if FORBIDDEN_WORDS.search(path.stem)] == []


def test_everything_is_caught_in_two_places_only() -> None:
    """`except Exception` stands where the design names it and nowhere else."""
    found: dict[str, int] = {}
    for path in sources(*PRODUCT):
        count = len(re.findall(r"except (?:Base)?Exception\b|except:|BLE001", path.read_text()))
        if count:
            found[str(path.relative_to(ROOT))] = count
    assert found == dict.fromkeys(CATCH_ALL, 1)


def test_modules_say_what_they_are() -> None:
    """Every module opens with a sentence, also the tests', and every test with what it proves."""
    silent = []
    for path in sources(*PRODUCT, "tests", "benchmarks"):
        tree = ast.parse(path.read_text())
        if not (ast.get_docstring(tree) or "").partition("\n")[0].endswith((".", ",")):
            silent.append(str(path.relative_to(ROOT)))
        tests = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
        silent += [f"{path.relative_to(ROOT)}: {test.name}" for test in tests if not ast.get_docstring(test)]
    assert silent == []


def test_tests_do_not_sleep_or_listen_at_fixed_ports() -> None:
    """Tests wait for something, never for a time, and every server takes a free port."""
    bad = []
    for path in sources("tests"):
        if path.name in ("houses.py", "test_house_rules.py"):
            continue  # where the one loop is that waits
        text = path.read_text()
        bad += [
            f"{path.name}: {line.strip()}" for line in text.splitlines() if re.search(r"time\.sleep\(|[^.\w]sleep\(\d", line)
        ]
        bad += [f"{path.name}: port {match}" for match in re.findall(r"127\.0\.0\.1:(\d{2,5})", text)]
    assert bad == []


@pytest.mark.parametrize(
    "module", ["bot.reception", "bot.agent", "workers.house", "workers.supervisor", "adapters.chats.telegram.chat"]
)
def test_importing_does_nothing(module: str, tmp_path: Path) -> None:
    """Importing a module writes nothing, reads no setting, and brings no model's SDK with it."""
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    code = f"import sys, {module}; print([name for name in ('anthropic', 'alembic', 'prompt_toolkit') if name in sys.modules])"
    env = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "BUTLER_TIMEZONE": "nonsense", "PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []
