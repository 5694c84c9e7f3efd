"""A vendor's package that is loaded by parts has every name that it has as a whole."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.models.by_parts import load_by_parts
from tests.houses import ROOT

SDKS = ("anthropic", "openai")
NAMES = """
import json, sys
from importlib import import_module
_, vendor, how, asked = sys.argv
if how == "parts":
    import adapters.models
package = import_module(vendor)
loaded = sum(name.split(".")[0] == vendor for name in sys.modules)
kinds = {}
for place in (package, package.types):
    for name in json.loads(asked).get(place.__name__) or [name for name in vars(place) if not name.startswith("_")]:
        value = getattr(place, name)
        kinds.setdefault(place.__name__, {})[name] = str(getattr(value, "__qualname__", type(value).__name__))
print(json.dumps([loaded, kinds]))
"""
SHOP = {
    "__init__.py": """
from . import back
from .constants import NONE, ZERO as NOUGHT
from .till import till
from .heavy.things import Anvil
from .extras import *

OPEN = [name for name in ("a", "b")]
""",
    "back.py": "DOOR = 'ajar'",
    "constants.py": "NONE, ZERO = None, 0",
    "till.py": "def till(): return 'rings'",
    "wide/__init__.py": "from .plank import plank as board\nfrom ..constants import NONE as nothing\n_hidden = 1",
    "wide/plank.py": "def plank(): return 'wood'",
    "extras.py": "__all__ = ['string']\nstring = 'thick'",
    "spare.py": "PART = 1",
    "heavy/__init__.py": "from .things import Anvil\n",
    "heavy/things.py": "from ..constants import ZERO\nclass Anvil: weight = 100 + ZERO",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with all that an `__init__` may do, known by a name that no other test has."""
    name = f"shop_{tmp_path.name}"
    for path, text in SHOP.items():
        file = tmp_path / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    load_by_parts(name)
    yield name
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def look(code: str, shop: str) -> Any:
    """Run code that says `shop` for the package, and return what it calls `seen`."""
    names: dict[str, Any] = {}
    exec(code.replace("shop", shop), names)  # noqa: S102 - imports as a file would have them
    return names["seen"]


def loaded(shop: str) -> set[str]:
    """Return which modules of the package are loaded."""
    return {name.removeprefix(f"{shop}.") for name in sys.modules if name.startswith(f"{shop}.")}


def test_nothing_is_loaded_before_it_is_asked_for(shop: str) -> None:
    """A name brings the module that has it; what is named like its module comes at once, since that would hide it."""
    assert look("import shop; seen = shop", shop).__name__ == shop
    assert loaded(shop) == {"till"}
    assert look("from shop import Anvil; seen = Anvil", shop).weight == 100
    assert look("from shop import NOUGHT; seen = NOUGHT", shop) == 0
    assert loaded(shop) == {"till", "heavy", "heavy.things", "constants"}


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("from shop import NONE; seen = NONE", None),
        ("from shop import NOUGHT; seen = NOUGHT", 0),
        ("from shop import back; seen = back.DOOR", "ajar"),
        ("import shop.till; from shop import till; seen = till()", "rings"),
        ("from shop import spare; seen = spare.PART", 1),
        ("import shop; seen = shop.string", "thick"),
        ("import shop; seen = shop.OPEN", ["a", "b"]),
        ("from shop.wide import *; seen = (board(), nothing, '_hidden' in globals())", ("wood", None, False)),
        ("from shop.heavy import Anvil; import shop; seen = Anvil is shop.Anvil", True),
        ("import shop; seen = hasattr(shop, 'nothing')", False),
        ("import shop; seen = hasattr(shop, '__wrapped__')", False),
    ],
)
def test_every_name_is_there(shop: str, code: str, seen: object) -> None:
    """Names that are None or nought, modules, renamed ones, those of a star, and what the file itself makes."""
    assert look(code, shop) == seen


def test_a_name_that_is_nowhere_is_said(shop: str) -> None:
    """A wrong name is an error that names it and the package."""
    with pytest.raises(AttributeError, match=f"'{shop}' has no attribute 'nothing'"):
        look("import shop; seen = shop.nothing", shop)


@pytest.mark.parametrize("vendor", SDKS)
def test_the_vendors_packages(vendor: str) -> None:
    """Their names are the same either way, and by parts fewer than a tenth of their modules are there at first."""

    def names(how: str, asked: dict[str, dict[str, str]]) -> tuple[int, dict[str, dict[str, str]]]:
        command = [sys.executable, "-c", NAMES, vendor, how, json.dumps({place: [*found] for place, found in asked.items()})]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        count, found = json.loads(done.stdout)
        return count, found

    whole, all_names = names("whole", {})
    part, by_parts = names("parts", all_names)
    assert by_parts == all_names
    assert len(all_names) == 2
    assert part < whole / 10
