"""The manifest: what an archive says about itself."""

import re
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

FORMAT = 1
NAME = "manifest.json"
HOUSE = "house"
BUTLER = "butler:"  # before the name of a butler, in the name of its database
_SHA256 = r"^[0-9a-f]{64}$"
_WORD = r"^[a-z_][a-z0-9_]*$"


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Said):
    """A file of the archive."""

    name: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=_SHA256)


class Column(_Said):
    """A column of a table; what is binary stands in a member of its own, and only its length in the row."""

    name: str
    kind: Literal["plain", "moment", "json", "binary"]


class Table(_Said):
    """A table: its rows as lines of JSON, and the bytes of each binary column, one behind the other."""

    name: str = Field(pattern=_WORD)
    columns: tuple[Column, ...]
    rows: int = Field(ge=0)
    members: tuple[Member, ...]


class Database(_Said):
    """A database: how far each of its histories had come, and its tables."""

    name: str = Field(pattern=r"^(house|butler:[a-z][a-z0-9-]{0,31})$")
    revisions: tuple[str, ...]
    tables: tuple[Table, ...]

    @property
    def butler(self) -> str | None:
        """Whose it is; none: the house's."""
        return self.name.removeprefix(BUTLER) if self.name.startswith(BUTLER) else None


class Manifest(_Said):
    """What an archive holds, when it was made, and by which house."""

    format: int
    version: str  # of the house
    made_at: AwareDatetime  # the moment whose state it holds
    store: str  # sqlite, postgresql
    databases: tuple[Database, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """Every file but the manifest."""
        return tuple(member for one in self.databases for table in one.tables for member in table.members)

    @property
    def size(self) -> int:
        """How many bytes it holds, unpacked."""
        return sum(member.size for member in self.members)

    @property
    def house(self) -> Database:
        """The house's own database."""
        return next(one for one in self.databases if one.name == HOUSE)

    def count(self, table: str) -> int:
        """Return how many rows a table of the house has."""
        return next((one.rows for one in self.house.tables if one.name == table), 0)


def name_of(butler: str | None) -> str:
    """Return the name of a butler's database, or of the house's own."""
    return HOUSE if butler is None else f"{BUTLER}{butler}"


def rows_of(database: str, table: str) -> str:
    """Return the member that holds the rows of a table."""
    return f"{database.replace(':', '/')}/{table}.jsonl"


def bytes_of(database: str, table: str, column: str) -> str:
    """Return the member that holds the bytes of a column."""
    return f"{database.replace(':', '/')}/{table}.{re.sub(r'[^a-z0-9_]', '_', column)}.bin"
