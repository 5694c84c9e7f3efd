"""What is asked of the process that converts a file, and what it gives."""

from bot.errors import ButlersError
from bot.messages import Value

FILE, TEXT = "file", "text"  # names in its folder: of what it reads, and of the words that it found
LONGEST_TEXT = 2_000_000  # characters of a file that are kept


class Unreadable(ButlersError):
    """A file cannot be read; the sentence goes on after its name, and says what to do instead."""


class Task(Value):
    """A file to be converted, which lies in the working folder; `pages` are those of a PDF that are wanted as pictures."""

    name: str
    media_type: str
    pages: tuple[int, ...] = ()


class Picture(Value):
    """A picture that was written into the working folder."""

    file: str
    media_type: str
    width: int
    height: int


class Converted(Value):
    """What became of a file; with a sentence about why it cannot be read, nothing else."""

    sentence: str = ""
    media_type: str = ""  # by its content, whatever its name says
    pictures: tuple[Picture, ...] = ()
    is_document: bool = False  # a model may read the file itself
    pages: int | None = None
    has_text: bool = False
    note: str = ""
