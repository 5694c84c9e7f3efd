"""What a call to Slack's Web API carries, read as the vendor reads it, and how such a call is refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

if TYPE_CHECKING:
    from collections.abc import Collection

JsonObject: TypeAlias = dict[str, Any]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TIMESTAMP = re.compile(r"[0-9]{9,11}\.[0-9]{6}")
# Bolt gives it to every method.
_EVERYWHERE = ("team_id",)
_TRUE, _FALSE = ("true", "1"), ("false", "0", "")

# As the vendor does, everything but ASCII is escaped.
to_json = json.JSONEncoder(separators=(",", ":")).encode


class SlackError(Exception):
    """A call that the server refuses, with the error that the bot is told."""

    def __init__(self, error: str, *, status: int = 200, retry_after: int | None = None, **fields: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.retry_after = retry_after
        self.fields = fields

    @property
    def answer(self) -> JsonObject:
        """The answer as the vendor writes it."""
        return {"ok": False, "error": self.error} | self.fields

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def wrong_argument(message: str) -> SlackError:
    """Return the error for a call with a wrong argument."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


class Params:
    """The arguments of one call: texts where they came in a form, any JSON where they came as JSON."""

    __slots__ = ("is_json", "values")

    def __init__(self, values: JsonObject, *, is_json: bool = False) -> None:
        self.values = values
        self.is_json = is_json

    def check_known(self, known: Collection[str]) -> None:
        """Refuse an argument that the method does not have; the vendor would ignore it without a word."""
        for name in self.values:
            if name not in known and name not in _EVERYWHERE:
                raise wrong_argument(f"unknown argument: {name}")

    def has(self, name: str) -> bool:
        """Tell whether an argument is there and not empty."""
        return self.values.get(name) not in (None, "", [])

    def text(self, name: str) -> str:
        """Return a text, empty if it is missing."""
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise wrong_argument(f"must be a string [json-pointer:/{name}]")
        return str(value)

    def required(self, name: str, error: str = "invalid_arguments") -> str:
        """Return a text that must not be empty."""
        value = self.text(name)
        if value:
            return value
        if error == "invalid_arguments":
            raise wrong_argument(f"missing required field: {name}")
        raise SlackError(error)

    def timestamp(self, name: str, error: str) -> str | None:
        """Return a timestamp, none if it is missing; one that is no text of the right form is refused."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or not TIMESTAMP.fullmatch(value):
            raise SlackError(error)
        return value

    def boolean(self, name: str) -> bool | None:
        """Return a truth value, none if it is missing."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        if str(value).lower() in _TRUE:
            return True
        if str(value).lower() in _FALSE:
            return False
        raise wrong_argument(f"must be a boolean [json-pointer:/{name}]")

    def integer(self, name: str, default: int, error: str = "invalid_limit") -> int:
        """Return a whole number that is not negative."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not str(value).isdecimal():
            raise SlackError(error)
        return int(value)

    def array(self, name: str, error: str) -> list[Any] | None:
        """Return an array, which may be written as JSON in a text, or none if it is missing."""
        decoded = self._decoded(name, error)
        if decoded is not None and not isinstance(decoded, list):
            raise SlackError(error)
        return decoded

    def fields(self, name: str, error: str) -> JsonObject | None:
        """Return an object, which may be written as JSON in a text, or none if it is missing."""
        decoded = self._decoded(name, error)
        if decoded is not None and not isinstance(decoded, dict):
            raise SlackError(error)
        return decoded

    def names(self, name: str) -> list[str]:
        """Return the parts of a text that is separated by commas."""
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def _decoded(self, name: str, error: str) -> Any:
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(error) from None


async def read_params(request: web.Request) -> Params:
    """Read the arguments from the address and from a form, a multipart or a JSON body."""
    values: JsonObject = _form(request.rel_url.raw_query_string)
    if not request.body_exists:
        return Params(values)
    kind = request.content_type
    if kind == "multipart/form-data":
        return Params(values | await _multipart(request))
    body = await request.read()
    if kind == JSON:
        return Params(values | _json_body(body), is_json=bool(body))
    if body and kind not in {FORM, "text/plain"}:
        raise SlackError("invalid_post_type")
    try:
        return Params(values | _form(body.decode()))
    except UnicodeDecodeError:
        raise SlackError("invalid_form_data") from None


def _form(encoded: str) -> JsonObject:
    return dict(parse_qsl(encoded, keep_blank_values=True))


async def _multipart(request: web.Request) -> JsonObject:
    values: JsonObject = {}
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name is not None:
                values[part.name] = (await part.read()).decode()
    except ValueError:
        raise SlackError("invalid_form_data") from None
    return values


def _json_body(body: bytes) -> JsonObject:
    if not body:  # the SDK asks for auth.test that way
        return {}
    try:
        decoded = json.loads(body)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(decoded, dict):
        raise SlackError("json_not_object")
    return decoded
