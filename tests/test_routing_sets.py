"""The sets of messages with known butlers: how many are placed rightly without a model, and how sure guesses are."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.household import read_household
from bot.switchboard.board import Boards, examples_of
from bot.switchboard.classifier import Classifier
from bot.switchboard.switchboard import SURE
from tests.anthropic_server import AnthropicServer
from tests.houses import ROOT, SHIPPED
from tests.room import ADA, Room
from tests.routing_results import Placed, messages, place_all, table

LEAST_RIGHT, LEAST_DECIDED = 0.95, 0.80
SETS = ("mixed", "blind")


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Placed]]:
    """Every set, placed by the shipped household."""
    with AnthropicServer() as claude:
        return {name: place_all(tmp_path_factory.mktemp(name), claude, name) for name in SETS}


@pytest.mark.parametrize("name", SETS)
def test_messages_find_their_butlers(placed: dict[str, list[Placed]], name: str) -> None:
    """At least 80 % of a set are placed without a model, and 95 % of these rightly."""
    decided = [one for one in placed[name] if one.given is not None]
    assert len(decided) >= LEAST_DECIDED * len(placed[name])
    assert sum(one.is_right for one in decided) >= LEAST_RIGHT * len(decided), "\n".join(table(placed[name]))


def test_the_page_lists_every_mistake(placed: dict[str, list[Placed]]) -> None:
    """docs/routing.md shows the tables as they are."""
    page = (ROOT / "docs" / "routing.md").read_text()
    for name in SETS:
        assert "\n".join(table(placed[name])) in page, f"python -m tests.routing_results {name} prints what belongs there"


def test_no_message_of_a_set_is_an_example() -> None:
    """What is measured was not learnt by heart."""
    household = read_household(SHIPPED, "assistant")
    known = {example.casefold() for butler in household.butlers.values() for example in butler.examples}
    assert not known & {str(one["text"]).casefold() for name in SETS for one in messages(name)}


def test_each_butler_of_the_household_shows_many_examples() -> None:
    """Six butlers, each with a character, a description and 40 examples or more."""
    household = read_household(SHIPPED, "assistant")
    assert sorted(household.butlers) == ["assistant", "finance", "general", "health", "relationship", "research"]
    assert household.faults == ()
    for butler in household.butlers.values():
        assert len(butler.examples) >= 40
        assert len(butler.character) > 600
        assert butler.description


def reliability(guesses: Sequence[tuple[float, bool]]) -> float:
    """Return how far what was called likely is from what came true, over bins of ten percent."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in guesses:
        bins.setdefault(min(int(sure * 10), 9), []).append((sure, right))
    gaps = [abs(sum(sure for sure, _ in one) - sum(right for _, right in one)) for one in bins.values()]
    return sum(gaps) / len(guesses)


def test_confidence_is_what_comes_true() -> None:
    """Every fifth example is held out and guessed from the others: what is called 80 % sure is right about 8 times of 10."""
    household = read_household(SHIPPED, "assistant")
    known = list(examples_of(household.butlers.values()))
    held_out = known[::5]
    rest = [one for place, one in enumerate(known) if place % 5]
    classifier = Classifier(tuple(household.butlers), rest)
    guesses = []
    for one in held_out:
        shares = classifier.guess(one.text).shares
        best = max(shares, key=lambda name: shares[name])
        guesses.append((shares[best], best == one.butler))
    assert reliability(guesses) < 0.07
    sure = [right for share, right in guesses if share >= SURE]
    assert sum(sure) > 0.85 * len(sure)


def test_the_index_is_made_once(room: Room) -> None:
    """As long as no file changes and nobody sets anything right, the same index answers."""
    household, boards = read_household(SHIPPED, "assistant"), Boards()
    with room.database.read() as tx:
        assert boards.of(tx, household) is boards.of(tx, household)
        assert boards.of(tx, read_household(SHIPPED, "assistant")).household is not household


def test_a_set_in_a_household_of_one(tmp_path: Path, claude: AnthropicServer) -> None:
    """A household of one butler places nothing and asks nobody."""
    with Room(tmp_path, claude) as room:
        room.household = read_household(SHIPPED, "assistant", ["health"])
        room.claude.says("Good.")
        assert room.asks("what did I spend on restaurants last week?") == "Good."
        assert room.writes(ADA, "/why").startswith("**health** has this conversation; nothing had to be decided")
