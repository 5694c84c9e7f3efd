"""The purse: providers, keys, caps and models, put together from the settings."""

import logging
from collections.abc import Callable
from functools import cached_property
from threading import Lock

from bot.errors import ConfigurationError
from bot.ports import Load, Model, nothing_kept
from bot.settings import Settings
from bot.transcribers import Transcriber
from bot.treasury.budgets import HOUSE, Cap
from bot.treasury.keys import Key, load_keys
from bot.treasury.prices import nano
from bot.treasury.providers import REHEARSAL, Provider, Providers, Tier, read_providers
from bot.treasury.treasury import Tell, Treasury

log = logging.getLogger(__name__)


class Purse:
    """What a house spends with; each part is built when a process first needs it. Raises ConfigurationError."""

    def __init__(self, settings: Settings, tell: Tell | None = None, load: Load = nothing_kept) -> None:
        self._settings = settings
        self._load = load
        self._tell = tell
        self._models: dict[str, Model] = {}
        self._opening = Lock()

    @cached_property
    def providers(self) -> Providers:
        """The providers, at the addresses that the settings give."""
        settings = self._settings
        if settings.providers_path is not None and not settings.providers_path.exists():
            raise ConfigurationError(f"BUTLER_PROVIDERS_PATH: {settings.providers_path} is not there.")
        named = {Tier.SMART: settings.model, Tier.FAST: settings.small_model}
        chosen = {tier: model for tier, model in named.items() if model is not None}
        read = read_providers(settings.own_providers, chosen)
        moved = {name: read[name].model_copy(update={"url": url}) for name, url in settings.addresses.items()}
        return Providers({**read.table, **moved}, chosen)

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """Every key of the house, or that of the rehearsal model."""
        return load_keys(self._settings.api_keys, self._settings.keys_path, self.providers)

    @property
    def is_rehearsing(self) -> bool:
        """Whether there is no key, so that a small script answers."""
        return all(key.provider == REHEARSAL for key in self.keys)

    @cached_property
    def treasury(self) -> Treasury:
        """Who decides what is spent, and with which key."""
        caps = [Cap(HOUSE, "day", "usd", nano(self._settings.daily_cap_usd))]
        if self._settings.request_cap_usd is not None:
            caps.append(Cap("root", "all", "usd", nano(self._settings.request_cap_usd)))
        return Treasury(self.providers, self.keys, caps, self._settings.zone, self._tell)

    def model(self, provider: str) -> Model:
        """Return a provider's models, opened at their first use."""
        with self._opening:
            if provider not in self._models:
                self._models[provider] = self._open(provider)
            return self._models[provider]

    def transcriber(self, provider: str) -> Transcriber:
        """Return what of a provider listens. Raises ConfigurationError where its protocol knows no speech."""
        model = self.model(provider)
        if not isinstance(model, Transcriber):
            raise ConfigurationError(f"{provider}: its protocol knows no speech, so that it cannot have a voice model.")
        return model

    def open_models(self) -> None:
        """Import what the keys need before anybody waits for it."""
        for name in dict.fromkeys(key.provider for key in self.keys):
            self.model(name)

    def close(self) -> None:
        """Close every connection."""
        for model in self._models.values():
            model.close()

    def _open(self, name: str) -> Model:
        keys = {key.id: key.secret for key in self.keys if key.provider == name}
        provider = self.providers[name]
        log.debug("%s is asked at %s", name, provider.url)
        return _MAKERS[provider.protocol](name, keys, provider, self._load)


# Imported there, since only workers think; a vendor's package costs half a second and 16 MB, even by parts.
def _anthropic(name: str, keys: dict[str, str], provider: Provider, load: Load) -> Model:
    from adapters.models.anthropic import AnthropicModel  # noqa: PLC0415

    del name
    return AnthropicModel(keys, provider.url, load)


def _openai(name: str, keys: dict[str, str], provider: Provider, load: Load) -> Model:
    from adapters.models.openai_compatible import OpenAICompatibleModel  # noqa: PLC0415

    return OpenAICompatibleModel(name, keys, provider.url, load)


def _rehearsal(name: str, keys: dict[str, str], provider: Provider, load: Load) -> Model:
    from adapters.models.rehearsal import Rehearsal  # noqa: PLC0415

    del name, keys, provider, load
    return Rehearsal()


_MAKERS: dict[str, Callable[[str, dict[str, str], Provider, Load], Model]] = {
    "anthropic": _anthropic,
    "openai": _openai,
    "rehearsal": _rehearsal,
}
