"""What a call to the Bot API carries, read as the vendor's server reads it, and how such a call is refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp import web

JsonObject: TypeAlias = dict[str, object]

_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_NAME = re.compile(r'\b(name|filename)="([^"]*)"')
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}

# As the vendor does, everything but ASCII is escaped; so a lone surrogate of a malformed update can be sent as well.
to_json = json.JSONEncoder(separators=(",", ":")).encode


class ApiError(Exception):
    """A call that the server refuses, with the status and the description that the bot is told."""

    def __init__(self, description: str, status: int = 400, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.description = description
        self.status = status
        self.retry_after = retry_after

    def body(self) -> bytes:
        """Return the answer as the server writes it."""
        answer: JsonObject = {"ok": False, "error_code": self.status, "description": self.description}
        if self.retry_after is not None:
            answer["parameters"] = {"retry_after": self.retry_after}
        return to_json(answer).encode()


def bad_request(reason: str) -> ApiError:
    """Return the error for a call with a wrong parameter."""
    return ApiError(f"Bad Request: {reason}")


class Upload(str):
    """A file that came with a call; as a text it is its name."""

    __slots__ = ("body",)

    body: bytes


class Params:
    """The parameters of one call; all of them are strings, and a complex one is JSON."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    def check_known(self, known: Collection[str]) -> None:
        """Refuse a parameter that the method does not have; the vendor would ignore it without a word."""
        for name in self.values:
            if name not in known:
                raise bad_request(f"unexpected parameter {name}")

    def text(self, name: str) -> str:
        """Return a string, empty if it is missing."""
        return self.values.get(name, "")

    def file(self, name: str) -> bytes:
        """Return the bytes of a file; one that lies at the vendor, or elsewhere, is not played here."""
        value = self.values.get(name, "")
        if not isinstance(value, Upload):
            raise bad_request(f"there is no {name} in the request")
        return value.body

    def integer(self, name: str) -> int | None:
        """Return a whole number, or none if it is missing."""
        value = self.values.get(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise bad_request(f"{name} must be an integer")
        return int(value)

    def boolean(self, name: str) -> bool:
        """Return a truth value, false if it is missing."""
        value = self.values.get(name)
        if value is None:
            return False
        try:
            return _BOOLEANS[value.lower()]
        except KeyError:
            raise bad_request(f"{name} must be a boolean") from None

    def json_array(self, name: str) -> list[object] | None:
        """Return a JSON array, or none if it is missing."""
        value = self._json(name)
        if value is not None and not isinstance(value, list):
            raise bad_request(f"{name} must be an array")
        return value

    def json_object(self, name: str) -> JsonObject | None:
        """Return a JSON object, or none if it is missing."""
        value = self._json(name)
        if value is not None and not isinstance(value, dict):
            raise bad_request(f"object expected as {name}")
        return value

    def _json(self, name: str) -> object:
        value = self.values.get(name)
        if value is None:
            return None
        try:
            decoded: object = json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None
        return decoded


async def read_params(request: web.Request) -> dict[str, str]:
    """Read the parameters from the address and from a form, a multipart or a JSON body."""
    values = _form(request.rel_url.raw_query_string)
    if request.body_exists:
        values |= await _read_body(request)
    try:
        "".join(values.values()).encode()
    except UnicodeEncodeError:
        raise bad_request("strings must be encoded in UTF-8") from None
    return values


async def _read_body(request: web.Request) -> dict[str, str]:
    kind = request.content_type
    body = await request.read()
    if kind == "multipart/form-data":
        return _multipart(request.headers["Content-Type"], body)
    if kind == "application/json":
        return _json_body(body)
    if body and kind != "application/x-www-form-urlencoded":
        raise bad_request("unsupported content type")
    return _form(body.decode(errors="surrogateescape"))


def _form(encoded: str) -> dict[str, str]:
    if not encoded:
        return {}
    # A byte that is not UTF-8 becomes a lone surrogate, which the check of every value finds.
    return dict(parse_qsl(encoded, keep_blank_values=True, errors="surrogateescape"))


def _multipart(kind: str, body: bytes) -> dict[str, str]:
    """Read the parts of a body; aiohttp's reader warns of itself where a file ends at the wrong byte."""
    values: dict[str, str] = {}
    found = _BOUNDARY.search(kind)
    if found is None or not body.rstrip().endswith(f"--{found[1]}--".encode()):
        raise bad_request("can't parse multipart body")
    for part in (b"\r\n" + body).split(f"\r\n--{found[1]}".encode())[1:-1]:
        head, is_whole, content = part.partition(b"\r\n\r\n")
        names = dict(_NAME.findall(head.decode()))
        if not is_whole or "name" not in names:
            raise bad_request("can't parse multipart body")
        file = names.get("filename")
        values[names["name"]] = content.decode(errors="surrogateescape") if file is None else _upload(file, content)
    return values


def _upload(name: str, body: bytes) -> Upload:
    upload = Upload(name)
    upload.body = body
    return upload


def _json_body(body: bytes) -> dict[str, str]:
    try:
        decoded = json.loads(body)
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(decoded, dict):
        raise bad_request("can't parse JSON object")
    return {name: value if isinstance(value, str) else to_json(value) for name, value in decoded.items()}
