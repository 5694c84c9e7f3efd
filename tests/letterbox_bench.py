"""The test bench of the guide's chat."""

from pathlib import Path
from uuid import uuid4

from tests.anthropic_server import AnthropicServer
from tests.chat_benches import Bench
from tests.houses import House, wait_until
from tests.letterbox import PRESSES

LETTERBOX = "[butlers.chats]\nletterbox = tests.letterbox:FORM\n"


class LetterboxBench(Bench):
    """The chat of the guide in docs/chats.md."""

    limit = 2000

    def open(self, home: Path, claude: AnthropicServer) -> House:
        """Install the chat as a package would, and make the folders."""
        house = House(home, None, claude)
        package = home / "site" / "butlers_letterbox-1.0.dist-info"
        package.mkdir(parents=True)
        (package / "METADATA").write_text("Metadata-Version: 2.1\nName: butlers-letterbox\nVersion: 1.0\n")
        (package / "entry_points.txt").write_text(LETTERBOX)
        self.folder = home / "letters"
        self.again: list[tuple[str, str]] = []
        for person in ("olga", "mallory"):
            for name in ("in", "out"):
                (self.folder / person / name).mkdir(parents=True)
        house.env["PYTHONPATH"] += f":{home / 'site'}"
        house.env |= {"LETTERBOX_FOLDER": str(self.folder), "LETTERBOX_ALLOWED_USERS": "olga"}
        return house

    def close(self) -> None:
        """Leave the folders where they are."""

    def writes(self, text: str) -> None:
        """Put a letter into the box."""
        name = f"{len(self.again):06d}-{uuid4().hex}.txt"
        self.again.append((name, text))
        self._put("olga", name, text)

    def texts(self) -> list[str]:
        """Read what is in the out tray."""
        return [letter.read_text() for letter in sorted((self.folder / "olga" / "out").glob("*.txt"))]

    def presses(self, label: str) -> None:
        """Answer with the token of the newest button with these words."""
        lines = [line for text in self.texts() for line in text.splitlines() if line.startswith(f"[{label}] {PRESSES}")]
        self.writes(lines[-1].partition("] ")[2])

    def shows_typing(self) -> bool:
        """Tell whether the sign is there."""
        return (self.folder / "olga" / "typing").exists()

    def delivers_again(self) -> None:
        """Put the last letters into the box once more, under their old names."""
        wait_until(lambda: not list((self.folder / "olga" / "in").iterdir()), "the letters are taken in")
        for name, text in self.again[-3:]:
            self._put("olga", name, text)

    def breaks(self) -> None:
        """Take the folder away for a moment."""
        self.folder.rename(self.folder.with_name("away"))
        self.folder.with_name("away").rename(self.folder)

    def forges(self, text: str) -> None:
        """Write as somebody who has a box, but is not admitted."""
        self._put("mallory", "forged.txt", text)

    def _put(self, person: str, name: str, text: str) -> None:
        written = self.folder / person / f"{name}.writing"
        written.write_text(text)
        written.rename(self.folder / person / "in" / name)
