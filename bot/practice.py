"""Practice: files in a butler's folder from which the house takes what the butler does by itself, such as its reverie."""

from dataclasses import dataclass
from os import fsync
from pathlib import Path
from tempfile import NamedTemporaryFile

FOLDER = "practice"
LONGEST = 20_000  # characters, of which each is paid for at every run


@dataclass(frozen=True)
class Practice:
    """The practice of every butler of a household."""

    household: Path

    def read(self, butler: str, name: str) -> str:
        """Return the words of a file in a butler's folder; nothing where it is gone, empty or unreadable."""
        try:
            return (self.household / butler / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def write(self, butler: str, name: str, text: str) -> None:
        """Let a practice say something else, wholly or not at all. Raises OSError."""
        folder = self.household / butler / FOLDER
        folder.mkdir(exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", dir=folder, delete=False) as draft:
            draft.write(text.strip() + "\n")
            draft.flush()
            fsync(draft.fileno())
        Path(draft.name).replace(folder / f"{name}.md")

    def is_here(self, butler: str) -> bool:
        """Tell whether a butler has a folder, in order or not; where the whole household is out of reach, nobody is gone."""
        return (self.household / butler).is_dir() or not self.household.is_dir()


def practices_in(folder: Path) -> tuple[str, ...]:
    """Return the files of a butler's folder that say what it does by itself, and have words."""
    found = sorted(path.stem for path in (folder / FOLDER).glob("*.md"))
    return tuple(name for name in found if Practice(folder.parent).read(folder.name, path_of(name)))


def path_of(name: str) -> str:
    """Return where a practice stands in a butler's folder."""
    return f"{FOLDER}/{name}.md"
