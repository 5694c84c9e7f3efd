"""BUTLER_HOME: where the house keeps its files."""

import os
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bot.errors import ConfigurationError

LONGEST_SOCKET = 100  # bytes of a path: the kernel takes 107


@dataclass(frozen=True)
class Home:
    """The folder and what is where in it."""

    folder: Path

    def make(self) -> None:
        """Make the folder, for its owner's eyes only. Raises ConfigurationError."""
        os.umask(0o077)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"BUTLER_HOME: {self.folder} cannot be made: {error.strerror}. Name a folder that you may write to."
            ) from None

    @property
    def database(self) -> Path:
        """The house's database."""
        return self.folder / "house.db"

    def butler_database(self, butler: str) -> Path:
        """Return a butler's own database."""
        return self.folder / "butlers" / f"{butler}.db"

    @property
    def arriving(self) -> Path:
        """Where a restore makes databases before they are put in their places."""
        return self.folder / "arriving"

    @property
    def moved(self) -> Path:
        """What says that the house in these files was moved elsewhere."""
        return self.folder / "moved-to-postgresql"

    def lock(self, name: str) -> Path:
        """Return the lock of which one process of a kind may hold one."""
        return self.folder / "run" / f"{name}.lock"

    @property
    def logs(self) -> Path:
        """Where logs go when a chat has the terminal."""
        return self.folder / "logs"

    @property
    def valkey(self) -> Path:
        """Where the embedded Valkey keeps its append-only file."""
        return self.folder / "valkey"

    @property
    def socket(self) -> Path:
        """The embedded Valkey's socket; a folder of ours in the temporary one where the path would be too long.

        Raises ConfigurationError.
        """
        path = self.folder / "run" / "valkey.sock"
        if len(bytes(path)) <= LONGEST_SOCKET:
            return path
        name = sha256(bytes(self.folder)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"butlers-{os.getuid()}-{name}"
        if folder.exists() and folder.stat().st_uid != os.getuid():
            raise ConfigurationError(f"{folder} belongs to somebody else. Name a shorter folder in BUTLER_HOME.")
        return folder / "valkey.sock"
