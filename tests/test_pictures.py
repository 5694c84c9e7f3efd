"""Charts: what they say in words, how they are drawn, and what becomes of those that cannot be."""

import asyncio
import os
import struct
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from pydantic import ValidationError
from pytest_mock import MockerFixture

from bot.charts import Chart
from bot.drawn_charts import drawn, picture
from bot.errors import BadFormat
from bot.pictures import draw
from tests.houses import children
from tests.spending import CHART, spending
from tests.telegram_photos import photo_sizes

FIVE, SIXTY = Decimal(5), Decimal(60)
MANY = dict.fromkeys(("assistant", "general", "health", "travel", "finance-and-taxes-of-everybody", "garden", "pets"), "0.40")
AWKWARD = {
    "nothing": spending({}),
    "nothing-capped": spending({}, cap=FIVE, month_cap=SIXTY),
    "huge": spending({9: {"assistant": "48.20"}, 0: {"assistant": "0.30"}}, cap=FIVE, month_cap=SIXTY),
    "seven": spending(dict.fromkeys(range(30), MANY), estimated="travel", cap=FIVE, month_cap=SIXTY),
    "no-caps": spending({3: {"assistant": "1"}}),
    "far": spending({28: {"assistant": "0.12"}, 1: {"assistant": "0.12"}}, cap=Decimal(50), month_cap=Decimal(1000)),
    "caps-of-nothing": spending({1: {"assistant": "4"}}, cap=Decimal(0), month_cap=Decimal(0)),
    "tiny": spending({5: {"assistant": "0.0018"}, 0: {"assistant": "0.0001"}}, cap=FIVE, month_cap=SIXTY),
    "large": spending({5: {"assistant": "12930"}, 0: {"pets": "5415"}}, cap=Decimal(12_000), month_cap=Decimal(250_000)),
    "highest-first": spending({29: {"assistant": "5"}, 0: {"assistant": "1"}}, cap=FIVE),
    "first": spending({0: {"assistant": "1"}}, today=date(2026, 11, 1), cap=FIVE, month_cap=SIXTY),
    "last": spending({0: {"assistant": "1"}}, today=date(2026, 11, 30), month_before=Decimal("0.30"), month_cap=SIXTY),
    "three-days": CHART.model_copy(update={"days": CHART.days[-3:]}),
    "highest-today": spending({0: {"assistant": "5"}, 29: {"assistant": "1"}}, cap=FIVE),
}


def words_of(figure: Figure) -> Iterator[tuple[str, Bbox]]:
    """Give the words of a figure that are seen, with their places."""
    figure.canvas.draw()
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            yield text.get_text(), text.get_window_extent()


@pytest.mark.parametrize("name", AWKWARD)
def test_words_stand_apart_and_inside(name: str) -> None:
    """Whatever was spent, no two words of the picture overlap, and none is cut off."""
    figure = drawn(AWKWARD[name])
    placed = dict(words_of(figure))
    assert [pair for pair in combinations(placed, 2) if Bbox.intersection(placed[pair[0]], placed[pair[1]])] == []
    assert [text for text, box in placed.items() if box.x0 < 0 or box.x1 > figure.bbox.x1 or box.y0 < 0] == []


@pytest.mark.parametrize("name", AWKWARD)
def test_it_suits_a_telephone(name: str) -> None:
    """A picture is 1080 pixels wide, opaque, and of a form that Telegram takes; the same chart gives the same one."""
    png = picture(AWKWARD[name])
    (size,) = photo_sizes(png)
    width, height = struct.unpack(">II", png[16:24])
    assert size["width"] == width == 1080
    assert 1000 <= height <= 1400
    assert picture(AWKWARD[name]) == png


def test_who_spent_most_is_named() -> None:
    """Five butlers have a colour of their own, the others one together, and what nobody reported has stripes."""
    figure = drawn(AWKWARD["seven"])
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(shown) == sorted(["assistant", "finance-and-t…", "garden", "general", "health", "others", "not reported"])
    assert {patch.get_hatch() for patch in figure.axes[0].patches} >= {None, "////"}


def test_a_chart_in_words() -> None:
    """For who cannot see the picture its words say the same, and never that something was nothing."""
    assert CHART.words == (
        "Spending of the last 30 days, 23 October to 21 November: $5.76 in all, $0.41 today, the most $3.20 on 1 November. "
        "$0.25 of it nobody reported, so it is charged in full. The cap of a day is $5.00. November so far: $4.66 of $60.00."
    )
    assert AWKWARD["nothing"].words == "Spending of the last 30 days, 23 October to 21 November: $0.00 in all."
    assert "under $0.01 today" in AWKWARD["tiny"].words
    assert spending({}, month_before=Decimal(9), month_cap=SIXTY).words.endswith("November so far: $9.00 of $60.00.")


def test_days_follow_one_another() -> None:
    """A chart with a gap is none: its bars would stand at wrong days."""
    first, *rest = CHART.model_dump()["days"]
    with pytest.raises(ValidationError, match="do not follow"):
        Chart.model_validate(CHART.model_dump() | {"days": (first | {"date": first["date"] - timedelta(days=1)}, *rest)})


def test_a_process_of_its_own_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program draws what it would draw here, and leaves nothing behind, neither at home nor in the temporary folder."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert asyncio.run(draw(CHART.model_dump(mode="json"))) == picture(CHART)
    assert [*tmp_path.glob("*/*")] == []


def test_the_loop_goes_on_meanwhile() -> None:
    """While a picture is drawn, everything else in the process goes on."""

    async def count() -> int:
        drawing = asyncio.create_task(draw(CHART.model_dump(mode="json")))
        looks = 0
        while not drawing.done():
            await asyncio.sleep(0.01)
            looks += 1
        return looks

    assert asyncio.run(count()) > 15


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (("-c", "raise SystemExit('no room for a picture')"), "cannot be drawn: no room for a picture"),
        (("-c", "pass"), "cannot be drawn"),
        (("-c", "import signal; print(); signal.pause()"), "was not drawn within 0 s"),
    ],
)
def test_what_cannot_be_drawn_is_a_wrong_form(program: tuple[str, ...], reason: str, mocker: MockerFixture) -> None:
    """When the program fails, keeps silent or does not end, it is said why, and no process is left."""
    mocker.patch("bot.pictures.PROGRAM", program)
    mocker.patch("bot.pictures.DRAWN_WITHIN", 0.3 if "pause" in program[-1] else 20.0)
    before = set(children(os.getpid()))  # servers that other tests use
    with pytest.raises(BadFormat, match=reason):
        asyncio.run(draw({}))
    assert set(children(os.getpid())) <= before


def test_no_room_for_a_process(mocker: MockerFixture) -> None:
    """Where no process can be started, the words are sent as well."""
    mocker.patch("bot.pictures.sys.executable", "/nowhere/python")
    with pytest.raises(BadFormat, match="No such file"):
        asyncio.run(draw({}))


def test_a_wrong_chart_is_a_wrong_form() -> None:
    """A chart of another version of the house is refused by the program, with the reason."""
    with pytest.raises(BadFormat, match=r"chart\.title"):
        asyncio.run(draw({"name": "budget"}))
