"""The board: what is known about the butlers of one state of the household, and what people have set right since."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from bot.household import Butler, Household
from bot.switchboard import corrections
from bot.switchboard.classifier import Classifier
from bot.switchboard.corrections import State
from bot.switchboard.nearest import Example
from bot.switchboard.routes import RouteTable

LEAST_TAUGHT = 2  # butlers that say by examples what is theirs: with fewer there is nothing to choose between


@dataclass(frozen=True)
class Board:
    """Routes by butler, and the classifier where there is enough to learn from."""

    household: Household
    routes: Mapping[str, Sequence[RouteTable]]
    classifier: Classifier | None

    @property
    def is_silent(self) -> bool:
        """Whether no butler says anything about which messages are theirs: then the default one has them."""
        return self.classifier is None and not self.routes


@dataclass
class Boards:
    """Makes them: anew for each state of the household, and further for each correction."""

    _made: Board | None = None
    _state: State = field(default=State(0, 0))

    def of(self, tx: Connection, household: Household) -> Board:
        """Return the board as it stands."""
        state = corrections.state(tx)
        board, known = self._made, self._state
        if board is None or board.household is not household:
            board, known = _board(household), State(0, 0)
        if state != known and board.classifier is not None:
            fresh = corrections.since(tx, known.last)
            if len(fresh) != state.number - known.number and known.number:  # something was forgotten
                board, fresh = _board(household), corrections.since(tx, 0)
            for one in fresh:
                if board.classifier is not None:
                    board.classifier.learn(one)
        self._made, self._state = board, state
        return board


def _board(household: Household) -> Board:
    butlers = household.butlers.values()
    taught = sum(bool(butler.examples) for butler in butlers)
    routes = {butler.name: butler.routes for butler in butlers if butler.routes}
    classifier = Classifier(tuple(household.butlers), examples_of(butlers)) if taught >= LEAST_TAUGHT else None
    return Board(household, routes, classifier)


def examples_of(butlers: Iterable[Butler]) -> Iterator[Example]:
    """Give what butlers say of themselves."""
    for butler in butlers:
        if butler.description:
            yield Example(butler.description, butler.name)
        for text in butler.examples:
            yield Example(text, butler.name)
