"""Reading an archive: nothing of it is believed before all of it was looked at."""

import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from zipfile import BadZipFile, ZipFile

from pydantic import ValidationError

from bot.archive import manifest
from bot.archive.manifest import Manifest, Member
from bot.errors import ConfigurationError

_PIECE = 1 << 20  # bytes read at once
_LONGEST_MANIFEST = 1 << 24
_LONGEST_LINE = 1 << 28  # no row that a house writes is as long; whatever says so would only fill the memory
Row = list[object]


class Archive:
    """A file that says that it is one; `check` tells whether it is right."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._readable():
            self._zip = ZipFile(path)
        self.manifest = self._manifest()

    def __enter__(self) -> Self:
        """Give the open archive."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self._zip.close()

    def check(self) -> None:
        """Read all of it. Raises ConfigurationError when anything is missing, too much, or not as the manifest says."""
        wanted = {member.name: member for member in self.manifest.members}
        names = self._zip.namelist()
        if len(wanted) != len(self.manifest.members) or sorted(names) != sorted([*wanted, manifest.NAME]):
            strange = sorted(set(names) ^ {*wanted, manifest.NAME}) or ["a file that stands in it twice"]
            raise self._damaged(f"{strange[0]} is missing, or should not be there")
        for database in self.manifest.databases:
            for table in database.tables:
                self._check(database.name, table)

    def rows(self, table: manifest.Table) -> Iterator[Row]:
        """Give the rows of a table, with the bytes of what is binary; JSON stays as it is written."""
        binary = [place for place, column in enumerate(table.columns) if column.kind == "binary"]
        with self._readable():
            lines, *contents = [self._zip.open(member.name) for member in table.members]
            while line := lines.readline(_LONGEST_LINE):
                row = self._row(line, table)
                for place, content in zip(binary, contents, strict=True):
                    row[place] = self._bytes(content, row[place])
                yield row

    def _manifest(self) -> Manifest:
        with self._readable():
            if self._zip.namelist().count(manifest.NAME) != 1 or self._zip.getinfo(manifest.NAME).file_size > _LONGEST_MANIFEST:
                raise ConfigurationError(f"{self.path} is no back-up of a house.")
            said = self._zip.read(manifest.NAME)
        try:
            number = json.loads(said).get("format")
        except (ValueError, AttributeError):
            raise self._damaged("its manifest cannot be read") from None
        if number != manifest.FORMAT:
            raise ConfigurationError(
                f"{self.path} was written in form {number}, and this house reads form {manifest.FORMAT}. Take the version of "
                "Butlers with which it was written, or a newer one."
            )
        try:
            read = Manifest.model_validate_json(said)
        except ValidationError:
            raise self._damaged("its manifest cannot be read") from None
        names = [one.name for one in read.databases]
        if names.count(manifest.HOUSE) != 1 or len(set(names)) != len(names):
            raise self._damaged("its manifest cannot be read")
        return read

    def _check(self, database: str, table: manifest.Table) -> None:
        binary = [column.name for column in table.columns if column.kind == "binary"]
        names = [manifest.rows_of(database, table.name), *(manifest.bytes_of(database, table.name, one) for one in binary)]
        if [member.name for member in table.members] != names:
            raise self._damaged("its manifest cannot be read")
        lines = self._count_lines(table.members[0])
        for member in table.members[1:]:
            self._count_lines(member)
        if lines != table.rows:
            raise self._damaged(f"{table.members[0].name} has {lines} rows, and should have {table.rows}")

    def _count_lines(self, member: Member) -> int:
        """Read a member, no further than it should be long, and return how many lines it has."""
        seen, lines, size = hashlib.sha256(), 0, 0
        with self._readable(), self._zip.open(member.name) as file:
            while size <= member.size and (piece := file.read(_PIECE)):
                seen.update(piece)
                lines += piece.count(b"\n")
                size += len(piece)
        if size != member.size or seen.hexdigest() != member.sha256:
            raise self._damaged(f"{member.name} is not as it was written")
        return lines

    def _row(self, line: bytes, table: manifest.Table) -> Row:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, list) or len(row) != len(table.columns):
            raise self._damaged(f"a row of {table.name} cannot be read")
        return row

    def _bytes(self, file: IO[bytes], length: object) -> bytes | None:
        if length is None:
            return None
        content = file.read(length) if isinstance(length, int) and length >= 0 else b""
        if len(content) != length:
            raise self._damaged(f"{file.name} is not as it was written")
        return content

    def _damaged(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path} is damaged: {why}. Take another back-up; nothing was changed.")

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say in a sentence what is wrong with a file. Raises ConfigurationError."""
        try:
            yield
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be read: {error.strerror or error}.") from None
        except BadZipFile as error:
            if "not a zip" in str(error):
                raise ConfigurationError(f"{self.path} is no back-up of a house, or it was cut off.") from None
            raise self._damaged(str(error)) from None
        except (zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError, ValueError) as error:
            raise self._damaged(str(error)) from None
