"""What the tests of the models' adapters ask with: prompts, routes, and ways to stop."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from adapters.models.anthropic import AnthropicModel
from adapters.models.openai_compatible import OpenAICompatibleModel
from bot.ports import Prompt, PromptMessage, Route, Text, ToolForm
from tests.anthropic_server import KEY as ANTHROPIC_KEY
from tests.anthropic_server import AnthropicServer
from tests.openai_server import KEY, OpenAIServer
from tests.sample_files import HELD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.ports import Answer, Block, Model

LOOK = ToolForm(
    name="look",
    description="Look somewhere.",
    arguments={"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]},
)


class Stop:
    """An interrupt: a test stops the request whenever it likes."""

    def __init__(self) -> None:
        self.guarded = threading.Event()
        self._cut: Callable[[], None] = lambda: None

    @contextmanager
    def guard(self, cut: Callable[[], None]) -> Iterator[None]:
        """Keep how the request is ended."""
        self._cut = cut
        self.guarded.set()
        yield

    def now(self) -> None:
        """End the request."""
        self._cut()


def ask(*content: Block, max_output: int = 1000) -> Prompt:
    """Return a prompt of one message."""
    message = PromptMessage(role="user", content=content or (Text(text="Good evening"),))
    return Prompt(system="You are a butler.", tools=(LOOK,), messages=(message,), max_output=max_output)


def side(provider: str) -> AnthropicServer | OpenAIServer:
    """Return a double of a provider that does not run yet."""
    return AnthropicServer() if provider == "anthropic" else OpenAIServer(flavour=provider)


def connect(server: AnthropicServer | OpenAIServer) -> tuple[Model, Route]:
    """Return the house's own adapter for a double, and the way to its first model."""
    if isinstance(server, AnthropicServer):
        return AnthropicModel({"k1": ANTHROPIC_KEY}, server.url, HELD.get), Route(
            provider="anthropic", key_id="k1", model="claude-sonnet-5-5", effort="low"
        )
    flavour = server.flavour
    effort = "low" if flavour.models[0].reasons else None
    route = Route(provider=flavour.name, key_id="k1", model=flavour.models[0].id, effort=effort)
    return OpenAICompatibleModel(flavour.name, {"k1": KEY}, server.base_url, HELD.get), route


def answer(model: Model, route: Route, prompt: Prompt) -> tuple[Answer, list[str]]:
    """Ask, and return the answer and all that was shown on the way."""
    shown: list[str] = []
    return model.answer(prompt, route, shown.append, Stop()), shown
