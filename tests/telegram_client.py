"""A plain client of the Bot API for the tests of its double, which sends just what it is told."""

from __future__ import annotations

import json
from concurrent.futures import Future
from http.client import HTTPConnection, HTTPResponse
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.telegram_server import TelegramServer

FORM = "application/x-www-form-urlencoded"
PATIENCE = 20.0


class Answer(NamedTuple):
    """What the server has answered."""

    status: int
    body: dict[str, object]

    @property
    def result(self) -> object:
        """The result of a call that was carried out."""
        assert self.status == 200, self.body
        return self.body["result"]

    @property
    def fields(self) -> dict[str, object]:
        """The result, where it is an object."""
        return cast("dict[str, object]", self.result)

    @property
    def items(self) -> list[dict[str, object]]:
        """The result, where it is an array of objects."""
        return cast("list[dict[str, object]]", self.result)

    @property
    def description(self) -> str:
        """Why the call was refused."""
        assert self.body["ok"] is False, self.body
        assert self.body["error_code"] == self.status
        return str(self.body["description"])


def post(
    server: TelegramServer,
    path: str,
    body: bytes | str | None = None,
    content_type: str = FORM,
    verb: str = "POST",
) -> Answer:
    """Send one request and return its answer; ConnectionError if the connection is closed without one."""
    connection = HTTPConnection(str(urlsplit(server.url).netloc), timeout=PATIENCE)
    try:
        connection.request(verb, path, body, {"Content-Type": content_type} if body is not None else {})
        response: HTTPResponse = connection.getresponse()
        return Answer(response.status, json.loads(response.read()))
    finally:
        connection.close()


def ask(server: TelegramServer, method: str, **params: object) -> Answer:
    """Call a method with a form, in which whatever is not a text stands as JSON."""
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    return post(server, f"/bot{server.token}/{method}", urlencode(written))


def in_background(call: Callable[[], Answer]) -> Future[Answer]:
    """Make a call in a thread of its own."""
    answer: Future[Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    return answer


def in_words(server: TelegramServer, method: str, **params: object) -> str:
    """Return why a call is refused, which must be with the status 400."""
    answer = ask(server, method, **params)
    assert answer.status == 400, answer
    return answer.description.removeprefix("Bad Request: ")
