"""A reservation: what is set aside for one request, and the way that it goes."""

from dataclasses import dataclass, replace

from bot.ports import Route


@dataclass(frozen=True)
class Reservation:
    """Money and tokens set aside for one request, and the way that it goes."""

    id: int
    turn_id: int
    route: Route
    period: str
    scopes: tuple[str, ...]
    upper: int  # nano-dollars
    tokens: int
    size: int  # bytes of the prompt
    max_output: int = 0

    @property
    def key_id(self) -> str:
        """The id of its key."""
        return self.route.key_id

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self.route.model

    @property
    def fingerprint(self) -> str:
        """By which the key is known, should another have taken its place meanwhile."""
        return self.scopes[-1].rpartition(":")[2]

    @property
    def conversation_id(self) -> int | None:
        """The conversation in which it is spent."""
        found = (scope.partition(":")[2] for scope in self.scopes if scope.startswith("conversation:"))
        return next(map(int, found), None)

    def moved(self, key_id: str, scopes: tuple[str, ...]) -> "Reservation":
        """Return it as it stands since its key has another id."""
        return replace(self, route=self.route.model_copy(update={"key_id": key_id}), scopes=scopes)
