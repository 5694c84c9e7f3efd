"""Rules of butlers' files, as a person meets them: who answers, and what /why says of the rule and of those that lost."""

from pathlib import Path

import pytest

from bot.household import read_household
from tests.placings import choices, who, why
from tests.room import BEN, Room

GARDEN = """
[[butler.route]]
words = ["compost", "pruning shears"]
patterns = ["\\\\bfrost\\\\b"]
"""
TOOLS = """
[[butler.route]]
words = ["shears", "garden hoses"]
"""
HOSES = """
[[butler.route]]
words = ["garden hoses"]
"""


@pytest.fixture
def ruled(room: Room, tmp_path: Path) -> Room:
    """A house whose butlers have rules, and say nothing of what they are for."""
    for name, rules in (("home", ""), ("garden", GARDEN), ("tools", TOOLS), ("shop", HOSES)):
        (tmp_path / "ruled" / name).mkdir(parents=True)
        (tmp_path / "ruled" / name / "butler.toml").write_text(f'[butler]\nname = "{name}"\n{rules}')
    room.household = read_household(tmp_path / "ruled", "home")
    return room


def asks(house: Room, text: str) -> str:
    """Let Ada ask, and return who answers."""
    house.claude.says("Well.")
    assert house.asks(text) == "Well."
    return who(house)


def test_a_word_decides(ruled: Room) -> None:
    """Compost is for the gardener; what goes on with it stays there, and what no rule knows is for the default butler."""
    assert asks(ruled, "what do I do about the milk?") == "home"
    assert "because no rule of any butler matches it; then home has it." in why(ruled)
    assert asks(ruled, "my COMPOST smells") == "garden"
    assert "**garden** has “my COMPOST smells” by a rule of garden: the word “compost” stands in it." in why(ruled)
    assert asks(ruled, "and why?") == "garden"
    assert "because it goes on with what garden had before" in why(ruled)
    assert choices(ruled) == 0


def test_the_rule_that_says_more_wins_and_the_other_is_named(ruled: Room) -> None:
    """Of two words the longer one decides, and /why names the rule that matched as well; a pattern is shown as it stands."""
    assert asks(ruled, "sharpen the pruning shears before the frost") == "garden"
    said = why(ruled)
    assert "by a rule of garden: the word “pruning shears” stands in it." in said
    assert "A rule of tools (the word “shears” stands in it) matches, too; the one that says more wins." in said
    assert asks(ruled, "frost tonight?") == "garden"
    assert "the pattern `\\bfrost\\b` matches it" in why(ruled)


def test_rules_that_say_as_much(ruled: Room) -> None:
    """Where two rules say the same, one has the message, and /why says that both match."""
    assert asks(ruled, "which garden hoses are good?") in ("tools", "shop")
    assert "both say as much" in why(ruled)


def test_a_rule_of_a_person(ruled: Room, tmp_path: Path) -> None:
    """What a person writes may be for one butler whatever it says; others' messages are not."""
    with (tmp_path / "ruled" / "shop" / "butler.toml").open("a") as file:
        file.write('[[butler.route]]\nsenders = ["telegram:7"]\n')
    ruled.household = read_household(tmp_path / "ruled", "home")
    assert asks(ruled, "good morning") == "shop"
    assert "by a rule of shop: it takes what comes from telegram:7." in why(ruled)
    ruled.claude.says("Good morning, Ben.")
    assert ruled.asks("good morning", BEN) == "Good morning, Ben."
    assert who(ruled) == "home"
