"""What files are called that butlers send, of which type they are, and how their sizes are said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.enclosures import spoken_size
from bot.sending import LONGEST_NAME, clean_name, type_of


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("report.md", "report.md"),
        ("../../etc/passwd", "passwd.txt"),
        ("C:\\Windows\\system.ini", "system.ini"),
        (".bashrc", "bashrc.txt"),
        ("a\x00b\n.md", "a_b_.md"),
        ("\u202egnp.exe", "gnp.exe"),
        ("Grüße & Küsse.TXT", "Grüße & Küsse.TXT"),
        ('what? "this": <that>|*.csv', "what_ _this__ _that___.csv"),
        ("x" * 300 + ".json", "x" * (LONGEST_NAME - 5) + ".json"),
    ],
)
def test_names_are_clean(name: str, clean: str) -> None:
    """No name leads into a folder, hides, turns around or is refused by any system; its ending stays."""
    assert clean_name(name) == clean


@given(st.text())
def test_any_name_is_clean_or_refused(name: str) -> None:
    """Whatever a model writes, what comes of it is one plain name, and cleaning it again changes nothing."""
    try:
        clean = clean_name(name)
    except ValueError:
        return
    assert 0 < len(clean) <= LONGEST_NAME
    assert Path(clean).name == clean
    assert not clean.startswith((".", " "))
    assert clean_name(clean) == clean


def test_types_of_names() -> None:
    """A text is of the type that its ending says, and never a picture or a program."""
    names = ("a.md", "a.csv", "a.ics", "a.html", "a.json", "a.py", "a.unknown", "a.png", "a")
    assert [type_of(name).partition("/")[2] for name in names] == [
        *("markdown", "csv", "calendar", "html", "json", "x-python", "plain", "plain", "plain")
    ]


def test_sizes_are_said_as_people_say_them() -> None:
    """Sizes are rounded to what matters."""
    assert [spoken_size(size) for size in (0, 999, 1000, 12_345, 999_999, 20_500_000)] == [
        *("0 bytes", "999 bytes", "1 kB", "12 kB", "1.0 MB", "20.5 MB")
    ]
