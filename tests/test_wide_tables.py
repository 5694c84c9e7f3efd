"""Tables that are too wide to be read as text: pictures or files, and no cell of them is lost."""

import csv
import io
import struct
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.wide import sections
from adapters.chats.slack.chat import Slack
from adapters.chats.slack.web import Web
from adapters.chats.telegram.tables import messages
from adapters.chats.telegram.text import utf16
from adapters.chats.terminal.text import to_plain
from bot.drawing import picture
from bot.drawn_tables import CannotDraw
from bot.ports import Json
from bot.sending import markdown
from bot.tables import MOST_COLUMNS, Table, allot, harmless
from tests.room import Room
from tests.telegram_server import TelegramServer
from tests.test_delivery import deliver, writes

WIDE = """\
Two models, by what they cost:

| Provider | Model | Input, $/M | Output, $/M | Good at |
|:--|:--|--:|--:|:--|
| Anthropic | Sonnet 5.5 | 2.00 | 10.00 | long texts, [tools](https://example.org/tools) |
| OpenAI | GPT-6 Luna | 0.10 | 0.50 | **cheap** answers |

Take the first.
"""
NARROW = "| a | b |\n|--|--|\n| 1 | 2 |"
BEFORE, AFTER = "Two models, by what they cost:", "Take the first."
CAPTION = (
    "Provider: Anthropic; Model: Sonnet 5.5; Input, $/M: 2.00; Output, $/M: 10.00; Good at: long texts, tools "
    "(https://example.org/tools)\nProvider: OpenAI; Model: GPT-6 Luna; Input, $/M: 0.10; Output, $/M: 0.50; Good at: "
    "cheap answers"
)


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server to which Ada has written."""
    with TelegramServer() as server:
        server.person(7).writes("/start")
        yield server


def slack_messages(text: str) -> Sequence[Json]:
    """Return what Slack is sent."""
    return Slack(Web("xoxb-1", "http://localhost/api/")).pieces(text)


def of(rows: int, columns: int = 4, cell: str = "some words") -> str:
    """Return a table of so many rows as Markdown."""
    return markdown(
        "Big", [f"C{n}" for n in range(columns)], [[f"{cell} {r}-{c}" for c in range(columns)] for r in range(rows)]
    )


def test_a_wide_table_is_a_photo_between_its_words(room: Room, telegram: TelegramServer) -> None:
    """On Telegram the photo stands where the table stood; below it stand all its cells, folded away."""
    deliver(room, telegram, writes(room, WIDE))
    before, photo, after = telegram.messages(7)
    assert [before.text, photo.text, after.text] == [BEFORE, CAPTION, AFTER]
    assert photo.photo is not None
    assert photo.entities == ({"type": "expandable_blockquote", "offset": 0, "length": utf16(CAPTION)},)
    assert telegram.refusals == []


@pytest.mark.parametrize("reason", ["IMAGE_PROCESS_FAILED", "not enough rights to send photos to the chat"])
def test_where_no_photo_is_taken_its_words_are(room: Room, telegram: TelegramServer, reason: str) -> None:
    """Where Telegram takes no photo, all cells come as text, in their place."""
    telegram.fail("sendPhoto", 1, 400, f"Bad Request: {reason}")
    deliver(room, telegram, writes(room, WIDE))
    texts = [message.text for message in telegram.messages(7)]
    assert texts == [BEFORE, f"I could not show you the picture. In words:\n{CAPTION}", AFTER]


def test_a_narrow_table_stays_text(room: Room, telegram: TelegramServer) -> None:
    """What fits a telephone is the same block of code as ever."""
    deliver(room, telegram, writes(room, NARROW))
    (message,) = telegram.messages(7)
    assert (message.text, message.photo) == ("a | b\n--+--\n1 | 2", None)


def test_a_table_alone(room: Room, telegram: TelegramServer) -> None:
    """An answer that is a table and nothing else needs no words."""
    deliver(room, telegram, writes(room, WIDE.partition("\n\n")[2].partition("\n\n")[0]))
    assert [bool(message.photo) for message in telegram.messages(7)] == [True]


def test_many_rows_are_several_pages_and_a_file(room: Room, telegram: TelegramServer) -> None:
    """A longer table is two or three pictures, of which the first says that a file has it all, and then that file."""
    deliver(room, telegram, writes(room, of(50)))
    title, first, *others, file = telegram.messages(7)
    assert title.text == "Big"
    assert first.text == "50 rows, 4 columns; all of it is in big.csv below."
    assert all(message.photo for message in (first, *others))
    assert file.document is not None
    assert file.document.name == "big.csv"
    rows = read(file.document.content)
    assert rows[0] == ["C0", "C1", "C2", "C3"]
    assert (len(rows), rows[-1]) == (51, [f"some words 49-{c}" for c in range(4)])


@pytest.mark.parametrize("shape", [(500, 4), (5, MOST_COLUMNS + 1)])
def test_what_is_too_large_for_pictures_is_a_file(room: Room, telegram: TelegramServer, shape: tuple[int, int]) -> None:
    """A table of very many rows or columns is a file, of which the first rows are shown."""
    deliver(room, telegram, writes(room, of(*shape)))
    _, beginning, file = telegram.messages(7)
    assert beginning.text.startswith(f"{shape[0]} rows, {shape[1]} columns; all of it is in big.csv. It begins:\n\nC0: some")
    assert beginning.text.count("\n") == 4
    assert file.document is not None
    assert telegram.refusals == []


def test_a_file_that_is_not_taken_is_told_as_far_as_it_goes(room: Room, telegram: TelegramServer) -> None:
    """Where Telegram takes no document, the cells come as text, as many as a message holds."""
    telegram.fail("sendDocument", 1, 400, "Bad Request: not enough rights to send documents to the chat")
    deliver(room, telegram, writes(room, of(500)))
    text = telegram.messages(7)[-1].text
    assert text.startswith("I could not send you big.csv: this chat did not take it. The table, as far as it has room here:")
    assert text.endswith("…")


def test_slack_shows_a_picture_with_the_cells_for_who_cannot_see_it() -> None:
    """On Slack the picture has all cells as its description; what a window shows as text stays text."""
    before, shown, after = slack_messages(WIDE)
    assert (before["mrkdwn"], after["mrkdwn"]) == (BEFORE, AFTER)
    assert (shown["alt"], shown["title"]) == (CAPTION, "Two models, by what they cost")
    assert len(slack_messages(of(3, 4, "x"))) == 1
    pages = slack_messages(of(50))
    assert [page.get("title") for page in pages] == [None, "Big (1 of 3)", "Big (2 of 3)", "Big (3 of 3)", "Big"]
    assert all(len(page.get("alt", "")) <= 1000 for page in pages)


def test_a_terminal_keeps_the_text() -> None:
    """In a terminal every cell of a wide table is text."""
    shown = to_plain(parse(WIDE))
    assert all(word in shown for word in ("Sonnet 5.5", "10.00", "cheap answers", "https://example.org/tools"))


def test_no_cell_is_a_formula() -> None:
    """What a spreadsheet would carry out is text there; numbers stay numbers."""
    carried = ("=1+1", "@sum", "+cmd|' /C calc'!A0", "-x", "\t=1")
    assert [harmless(cell) for cell in carried] == [f"'{cell}" for cell in carried]
    assert [harmless(cell) for cell in ("-5", "+1,200.50", "-3 %", "a=b", "")] == ["-5", "+1,200.50", "'-3 %", "a=b", ""]


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(1, 100)), min_size=1, max_size=10), st.floats(0, 1000))
def test_columns_share_the_room(wants: list[tuple[float, float]], room: float) -> None:
    """No column is narrower than its least or wider than it needs, and none takes room that is not there."""
    natural, least = [max(want) for want in wants], [min(want) for want in wants]
    widths = allot(natural, least, room)
    assert all(low <= width <= most + 1e-6 for width, low, most in zip(widths, least, natural, strict=True))
    assert sum(widths) <= max(room, sum(least)) + 1e-6


def size_of(png: bytes) -> tuple[int, int]:
    """Return how large a picture is."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_pictures_fit_a_telephone() -> None:
    """A picture is three times as sharp as a telephone's points, no wider than can be read, and the same each time."""
    (shown,) = (section for section in sections(WIDE, 38) if isinstance(section, Table))
    png = picture(shown)
    assert png == picture(shown)
    assert 390 <= size_of(png)[0] <= 3 * 820
    (big,) = (section for section in sections(of(50), 38) if isinstance(section, Table))
    for page in big.pages():
        width, height = size_of(picture(page))
        assert height < 2 * width
        assert width + height < 10_000


def test_signs_and_letters_that_no_font_has() -> None:
    """Signs that no font has are drawn as others or left out; letters that none has, or from the right, make it words."""
    table = Table(header=("a", "b", "c"), rows=(("✅ done", "🦄", "x\u200dy"),), aligns=("left",) * 3)
    assert picture(table).startswith(b"\x89PNG")
    for letters_of in ("\u0f40\u0f0b", "\u05e9\u05dc\u05d5\u05dd"):
        with pytest.raises(CannotDraw):
            picture(table.model_copy(update={"rows": ((letters_of, "", ""),)}))


def test_two_columns_and_lists_of_tables() -> None:
    """Two columns are read well as text, however wide; a table in a list or a quote is a picture, too."""
    wide = "x" * 50
    assert len(list(sections(f"| a | b |\n|--|--|\n| {wide} | {wide} |", 38))) == 1
    table = f"| a | b | c |\n|--|--|--|\n| {wide} | 1 | 2 |"
    for text in ("- item\n\n" + "".join(f"  {line}\n" for line in table.splitlines()), "> " + table.replace("\n", "\n> ")):
        assert [type(section).__name__ for section in sections(text, 38)][-1] == "Table"


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>"), max_size=60).map(
    lambda text: " ".join(text.split())
)
tables = st.integers(3, 8).flatmap(
    lambda columns: st.tuples(
        st.lists(cells.filter(bool), min_size=columns, max_size=columns),
        st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=12),
    )
)


def read(content: bytes) -> list[list[str]]:
    """Return the rows of a file."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def letters(text: str) -> str:
    """Return the letters and digits of a text, in their order."""
    return "".join(filter(str.isalnum, text))


@given(tables)
@settings(max_examples=60, deadline=None)
def test_no_cell_is_lost(table: tuple[list[str], list[list[str]]]) -> None:
    """Whatever stands in the cells that a butler sends, all of it is in the text, or below the picture, or in the file."""
    header, rows = table
    text = markdown("", header, rows)
    shown = list(messages(text))
    told = letters("".join(one.get("text", "") + one.get("caption", "") for one in shown))
    for file in (one["source"]["csv"] for one in shown if "csv" in one.get("source", {})):
        told = letters("".join("".join(row) for row in read(Table.model_validate(file).csv)))
    plain = letters(to_plain(parse(text)))
    for cell in (cell for row in rows for cell in row):
        assert letters(cell) in told
        assert letters(cell) in plain
    for one in shown:
        assert utf16(one.get("text", "")) <= 4096
        assert utf16(one.get("caption", "")) <= 1024
