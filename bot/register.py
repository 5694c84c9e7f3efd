"""The register of people: how they come, are joined and go, put together once for whoever serves them."""

from dataclasses import dataclass
from functools import cached_property

from bot import erasing, linking, pairing, removal
from bot.commands.book import Command
from bot.commands.folk import FolkCommands
from bot.commands.own import OwnCommands
from bot.erasing import Erasing
from bot.linking import Linking
from bot.pairing import Strangers
from bot.people import Gate
from bot.questions import Answerer
from bot.removal import Removal
from bot.roles import Right
from bot.treasury.treasury import Treasury


@dataclass(frozen=True)
class Register:
    """Everything that changes who is served, and as what."""

    gate: Gate
    treasury: Treasury

    @cached_property
    def strangers(self) -> Strangers:
        """What becomes of strangers."""
        return Strangers(self.gate, self._linking)

    @cached_property
    def answerers(self) -> dict[str, Answerer]:
        """What answers to questions do, by the questions' kinds."""
        return {
            pairing.KIND: Answerer(Right.KEEP_PEOPLE, self.strangers.answer),
            linking.KIND: Answerer(Right.LINK, self._linking.answer),
            linking.HANDOVER: Answerer(Right.LINK, self._linking.hand_over),
            erasing.KIND: Answerer(Right.TALK, Erasing(self.treasury).answer),
            removal.KIND: Answerer(Right.KEEP_PEOPLE, self._removal.answer),
        }

    def commands(self) -> tuple[Command, ...]:
        """Return /settings /link /people /pair."""
        folk = FolkCommands(self.gate, self._removal, self.answerers)
        return (*OwnCommands(self._linking).commands(), *folk.commands())

    @cached_property
    def _linking(self) -> Linking:
        return Linking(self.gate, self.treasury)

    @cached_property
    def _removal(self) -> Removal:
        return Removal(self.gate, self.treasury)
