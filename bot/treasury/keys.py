"""Keys: read from the environment and from a file, named by ids, and never shown."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from bot.errors import ConfigurationError
from bot.nearest import did_you_mean
from bot.treasury.providers import REHEARSAL, Providers

NONE_NEEDED = ""  # where the provider asks for none
_VISIBLE = re.compile(r"[!-~]*")  # what a header can carry, without blanks
_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,15}")  # of a provider; what looks otherwise may be a key in the wrong place


@dataclass(frozen=True)
class Key:
    """A key of a provider, known by its id."""

    id: str
    provider: str
    secret: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """A mark by which the same key is known again, and from which nobody learns it."""
        return blake2b(self.secret.encode(), digest_size=8, person=b"butlers key").hexdigest()


def load_keys(environment: Mapping[str, Sequence[str]], path: Path | None, providers: Providers) -> tuple[Key, ...]:
    """Return every key, those of the environment first; where there is none at all, that of the rehearsal model.

    Raises ConfigurationError for a file that cannot be read, an unknown provider or a key that is named twice.
    """
    found: dict[str, list[str]] = {name: list(secrets) for name, secrets in environment.items() if secrets}
    for name, secrets in (_read(path, providers) if path is not None else {}).items():
        found.setdefault(name, []).extend(secrets)
    for name, provider in providers.table.items():
        if not provider.needs_key and name != REHEARSAL:
            found.setdefault(name, [NONE_NEEDED])
    keys = [Key(f"{name}-{n}", name, secret) for name, secrets in found.items() for n, secret in enumerate(secrets, start=1)]
    _refuse_misread(keys)
    _refuse_twins(keys)
    _refuse_strangers(keys, providers)
    return tuple(keys) or (Key(REHEARSAL, REHEARSAL, NONE_NEEDED),)


def _refuse_misread(keys: Iterable[Key]) -> None:
    for key in keys:
        if not _VISIBLE.fullmatch(key.secret):
            raise ConfigurationError(
                f"{_places(key.provider)}: {key.id} holds a blank or a letter that no key has; it was probably not copied "
                "as it is."
            )


def _places(provider: str) -> str:
    return f"{provider.upper()}_API_KEY or BUTLER_KEYS_PATH"


def _refuse_strangers(keys: Iterable[Key], providers: Providers) -> None:
    known = [key.id for key in keys]
    for name, provider in providers.table.items():
        for key_id in provider.organisations:
            if key_id not in known:
                raise ConfigurationError(
                    f"providers.toml: {name}.organisations names a key that is not there: {key_id}."
                    f"{did_you_mean(key_id, known)} Its keys share their limits only under their own ids."
                )


def _refuse_twins(keys: Iterable[Key]) -> None:
    seen: dict[tuple[str, str], Key] = {}
    for key in keys:
        twin = seen.setdefault((key.provider, key.secret), key)
        if twin is not key:
            raise ConfigurationError(
                f"{twin.id} and {key.id} are the same key, so that its limit would be counted twice. Take one of them out of "
                f"{_places(key.provider)}."
            )


def _read(path: Path, providers: Providers) -> dict[str, list[str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except OSError as error:
        raise ConfigurationError(f"BUTLER_KEYS_PATH: {path} cannot be read: {error.strerror}.") from None
    except json.JSONDecodeError as error:  # its own text would show the place, and with it perhaps a key
        raise ConfigurationError(
            f"BUTLER_KEYS_PATH: {path}, line {error.lineno}, column {error.colno}: this is no JSON ({error.msg}). {_FORM}"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"BUTLER_KEYS_PATH: {path} is not UTF-8 text. Save it as UTF-8.") from None
    except RecursionError:
        raise ConfigurationError(f"BUTLER_KEYS_PATH: {path} is nested too deeply. {_FORM}") from None
    except ValueError as error:
        raise ConfigurationError(f"BUTLER_KEYS_PATH: {path}: {error} {_FORM}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"BUTLER_KEYS_PATH: {path} holds no table of keys. {_FORM}")
    entries = enumerate(content.items(), start=1)
    return {name: _secrets(path, (_shown(name, n), name), value, providers) for n, (name, value) in entries}


def _shown(name: str, position: int) -> str:
    """Return how to speak of an entry: whoever swaps both sides of it has put a key where the provider's name belongs."""
    return name if _NAME.fullmatch(name) else f"its entry {position}"


_FORM = 'It looks like {"anthropic": "key", "nvidia": ["key 1", "key 2"]}.'


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{_shown(twice, names.index(twice) + 1)} stands there twice.")
    return dict(pairs)


def _secrets(path: Path, entry: tuple[str, str], value: object, providers: Providers) -> list[str]:
    shown, name = entry
    if name not in providers or name == REHEARSAL:
        known = [one for one in providers.table if one != REHEARSAL]
        raise ConfigurationError(
            f"BUTLER_KEYS_PATH: {path} names a provider that nobody knows: {shown}.{did_you_mean(shown, known)} There are "
            f"{', '.join(known)}; another one needs an entry in providers.toml."
        )
    secrets = value if isinstance(value, list) else [value]
    if not secrets or not all(isinstance(one, str) and one.strip() for one in secrets):
        raise ConfigurationError(f"BUTLER_KEYS_PATH: {path}: {name} holds no key, or something that is none. {_FORM}")
    return [str(one).strip() for one in secrets]
