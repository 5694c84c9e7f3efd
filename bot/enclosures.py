"""Enclosures: what hangs below the words of a reply, a chart or a file, kept as a value until it is sent."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag, TypeAdapter

from bot.charts import Chart
from bot.messages import Value
from bot.tables import Table

IMAGES = ("image/png", "image/jpeg")  # what every chat shows as a picture
A_KILOBYTE = 1000


class File(Value):
    """A file whose bytes are kept under their SHA-256: a butler's words, or what came from somebody, and is sent once more.

    `text` is where the words are that were read in it when it came.
    """

    type: Literal["file"] = "file"
    name: str
    media_type: str
    size: int
    sha256: str
    came: bool = False
    text: str | None = None

    @property
    def words(self) -> str:
        """What is said where it cannot be sent."""
        return (
            f"I could not send you the file {self.name} ({spoken_size(self.size)}): this chat did not take it. "
            "Ask me to write here what is in it."
        )


def _kind(value: Any) -> str:  # noqa: ANN401 - JSON, or the value itself
    """Return what it is; the first enclosures, which were charts, did not say so."""
    return str(value.get("type", "chart") if isinstance(value, dict) else value.type)


Enclosure = Annotated[Annotated[Chart, Tag("chart")] | Annotated[File, Tag("file")], Discriminator(_kind)]
Drawing = Annotated[Annotated[Chart, Tag("chart")] | Annotated[Table, Tag("table")], Discriminator(_kind)]
ENCLOSURE: TypeAdapter[Enclosure] = TypeAdapter(Enclosure)


def spoken_size(size: int) -> str:
    """Return a number of bytes as people read it."""
    if size < A_KILOBYTE:
        return f"{size} bytes"
    kilobytes = round(size / A_KILOBYTE)
    return f"{kilobytes} kB" if kilobytes < A_KILOBYTE else f"{size / A_KILOBYTE**2:,.1f} MB"


def numbered(name: str, number: int) -> str:
    """Return the name that another file gets where one of this name lies already."""
    path = PurePosixPath(name)
    return f"{path.stem}-{number}{path.suffix}"
