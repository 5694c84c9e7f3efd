"""Homes of houses that stand still: one to which somebody has spoken, and copies of it."""

import shutil
from pathlib import Path

from tests.houses import House
from tests.test_money_shell import Here


class Files(Here):
    """A home with files, whatever other tests use."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.env.pop("DATABASE_URL", None)


def lived_in_home(folder: Path) -> Path:
    """Return the home of a house to which somebody has spoken."""
    house = Files(folder)
    House.run(house, "up", lines=["remember that my locker code is 4711", "/remind tomorrow 8:00 take out the bread"])
    return house.home / "butlers"


def copy_of(home: Path, folder: Path) -> Files:
    """Return a copy of a home, in which commands run in this process."""
    made = Files(folder)
    shutil.copytree(home, made.home / "butlers", ignore=shutil.ignore_patterns("*.sock", "valkey"))
    return made
