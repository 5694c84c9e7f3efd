"""A strict double of Slack, its Web API and its Socket Mode, on the loopback interface, with the people in it."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from aiohttp import web

from tests.slack_chats import Conversation
from tests.slack_events import outer_of
from tests.slack_faults import UNAVAILABLE
from tests.slack_files import LOGIN_PAGE, in_chunks
from tests.slack_methods import Method, Methods
from tests.slack_params import JsonObject, Params, SlackError, read_params, to_json
from tests.slack_people import SlackChannel, SlackPerson, slack_user, threaded
from tests.slack_record import APP_TOKEN, BOT_TOKEN, Call, RecordedSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.slack_sockets import SlackEnvelope

__all__ = ["APP_TOKEN", "BOT_TOKEN", "Call", "SlackServer"]

DOWN = "<html><body><h1>Slack is down</h1></body></html>"


class SlackServer(RecordedSlack):
    """One workspace with one app, at `api_url`; its people are had with `person`, its channels with `channel`."""

    def __init__(self, *, port: int = 0) -> None:
        super().__init__()
        self._port = port
        self.on_call: Callable[[Call], None] | None = None
        self._methods = Methods(self.workspace, self.files, self._open_link)
        self._people: dict[str, SlackPerson] = {}
        self._channels: dict[str, SlackChannel] = {}
        self.workspace.users[self.bot_user] = slack_user(self.bot_user, "butler", self.team, is_bot=True)

    def start(self) -> Self:
        """Start to serve, after a stop at the same address as before."""
        super().start()
        self.workspace.address = self.url
        return self

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the Web API, of the sockets and of the files."""
        return [
            web.route("*", "/api/{method}", self._answer),
            web.get("/link/", self._serve_link),
            web.get("/files/{path:.*}", self._serve_file),
            web.post("/upload/v1/{ticket}", self._take_file),
            web.post("/{kind:commands|actions}/{channel}/{user}/{trigger}", self._take_response),
        ]

    @property
    def api_url(self) -> str:
        """The address of the Web API, with the slash at its end that the SDK needs."""
        return f"{self.url}/api/"

    # The human side.

    def person(
        self,
        person_id: str,
        name: str = "Ada",
        *,
        guest: bool = False,
        ultra_guest: bool = False,
        team: str | None = None,
        **flags: bool,
    ) -> SlackPerson:
        """Return a person; flags are those of users.info: is_bot, deleted, is_stranger, is_workflow_bot."""
        if person_id not in self._people:
            marks = {"is_restricted": guest or ultra_guest, "is_ultra_restricted": ultra_guest}
            user = slack_user(person_id, name, team or self.team, **(marks | flags))
            self.call(self.workspace.users.__setitem__, person_id, user)
            self._people[person_id] = SlackPerson(self, user, self.call(self.workspace.direct, person_id))
        return self._people[person_id]

    def channel(
        self,
        channel_id: str,
        name: str = "general",
        *,
        private: bool = False,
        shared: bool = False,
        archived: bool = False,
    ) -> SlackChannel:
        """Return a channel that the bot is a member of; it can be shared or archived later on as well."""
        if channel_id not in self._channels:
            kind = "group" if private else "channel"
            place = Conversation(channel_id, kind, name)
            place.members.add(self.bot_user)
            self.call(self.workspace.conversations.__setitem__, channel_id, place)
            self._channels[channel_id] = SlackChannel(self, place)
        known = self._channels[channel_id]
        known.place.is_shared |= shared
        known.place.is_archived |= archived
        return known

    def receive(self, place: Conversation, message: JsonObject, thread_ts: str | None = None) -> str:
        """Put somebody's message into a conversation, tell the app of it, and return its timestamp."""
        return self.call(self._receive, place, message, thread_ts)

    def twin(self, ts: str, channel: str | None = None) -> str:
        """Let the same gesture come twice: with another timestamp, but the same client_msg_id."""
        return self.call(self._twin, ts, channel)

    def push_event(
        self, event: JsonObject, *, team: str | None = None, authorizations: Any = None, **outer: Any
    ) -> SlackEnvelope:
        """Send a handmade event."""
        return self.call(self._push_event, event, outer_of(team, authorizations, outer))

    def push(self, payload: JsonObject, kind: str) -> SlackEnvelope:
        """Send a handmade envelope of the kind events_api, slash_commands or interactive."""
        return self.call(self.sockets.send, kind, payload)

    def keep_file(self, name: str, content: bytes, mimetype: str, user: str, place: Conversation) -> JsonObject:
        """Keep a file that a person has sent, and return it as events show it."""
        file = self.files.add(name, user, len(content))
        file.content, file.mimetype, file.is_complete = content, mimetype, True
        file.channels.append(place.id)
        facts = file.facts(self.workspace)
        if not place.is_shared:
            return facts
        shown = {key: facts[key] for key in ("id", "created", "timestamp", "user")}
        return shown | {"mode": "file_access", "file_access": "check_file_info"}

    # The wire.

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        call = Call(name, {}, monotonic())
        self._calls.append(call)
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.scopes))}
        status = 200
        try:
            params = await read_params(request)
            token = _token(request, params)
            call.params = params.values
            answer = await self._carry_out(token, self._methods.find(name), call, params)
            call.ok = True
        except SlackError as error:
            call.error, status, answer = error.error, error.status, error.answer
            headers |= error.headers
        self.changed()
        if self.on_call is not None:
            self.on_call(call)
        await self.maybe_lose_answer(name, request)
        if call.error == UNAVAILABLE and call.is_injected:
            return web.Response(text=DOWN, status=status, content_type="text/html")
        return web.Response(text=to_json(answer), status=status, content_type="application/json", headers=headers)

    async def _carry_out(self, token: str, method: Method | None, call: Call, params: Params) -> JsonObject:
        call.is_injected = True
        await self.meet_faults(call.method, params)
        call.is_injected = False
        if method is None:
            raise SlackError("unknown_method", req_method=call.method)
        if not token:
            raise SlackError("not_authed")
        wanted, other = (self.app_token, self.bot_token) if method.is_for_app else (self.bot_token, self.app_token)
        if token == other:
            raise SlackError("not_allowed_token_type")
        if token != wanted:
            raise SlackError("invalid_auth")
        return self._methods.run(method, params)

    async def _serve_link(self, request: web.Request) -> web.StreamResponse:
        if self.unavailable:
            return web.Response(text=DOWN, status=503)
        await self.linger("link")
        return await self.sockets.serve(request)

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        self.fetched.append(request.match_info["path"])
        if self.unavailable:
            return web.Response(text=DOWN, status=503)
        await self.linger("file")
        is_allowed = request.headers.get("Authorization") == f"Bearer {self.bot_token}" and "files:read" in self.scopes
        if not is_allowed:
            return web.Response(text=LOGIN_PAGE, content_type="text/html")
        file = self.files.content(request.match_info["path"])
        if file is None or file.content is None:
            return web.Response(text="File not found", status=404, content_type="text/html")
        return await in_chunks(request, file, *self.file_chunks)

    async def _take_file(self, request: web.Request) -> web.Response:
        if self.unavailable:
            return web.Response(text=DOWN, status=503)
        body = await request.read()
        if not self.files.receive(request.match_info["ticket"], body):
            return web.Response(text="upload refused", status=400)
        return web.Response(text=f"OK - {len(body)}")

    async def _take_response(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
        except ValueError:
            return web.Response(text="invalid_payload", status=400)
        self.responses.append(dict(request.match_info) | {"body": body, "at": monotonic()})
        self.changed()
        return web.Response(text="ok")

    def _open_link(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/link/?ticket={self.sockets.ticket()}&app_id={self.app_id}"

    def _receive(self, place: Conversation, message: JsonObject, thread_ts: str | None) -> str:
        ts = self.workspace.next_ts()
        place.members.add(str(message.get("user")))
        message = threaded(place, message | {"ts": ts}, thread_ts)
        place.history[ts] = message
        self.events.tell(place, message)
        return ts

    def _twin(self, ts: str, channel: str | None) -> str:
        for place in self.workspace.conversations.values():
            if ts in place.history and channel in (None, place.id):
                first = place.history[ts]
                return self._receive(place, first | {"client_msg_id": first.get("client_msg_id", str(uuid4()))}, None)
        raise LookupError(f"No message {ts}")

    def _push_event(self, event: JsonObject, outer: JsonObject) -> SlackEnvelope:
        place = self.workspace.conversations.get(str(event.get("channel")))
        if place is not None and event.get("type") in {"message", "app_mention"} and not event.get("hidden"):
            place.history.setdefault(str(event.get("ts")), event)
        return self.events.push(event, outer)


def _token(request: web.Request, params: Params) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    named = params.values.pop("token", "")
    return token.strip() if scheme == "Bearer" else str(named)


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write_call(call: Call) -> None:
    told = {"method": call.method, "at": call.at, "ok": call.ok, "channel": call.params.get("channel")}
    text = call.params.get("text") or call.params.get("markdown_text")
    _write_line(to_json(told | {"text": text}))


def _obey(server: SlackServer, line: str) -> None:
    order = json.loads(line)
    if "acks" in order:
        _write_line(server.call(_acknowledgements, server))
        return
    channel = order.get("channel")
    server.person(order["person"]).writes(order["writes"], None if channel is None else server.channel(channel))


def _acknowledgements(server: SlackServer) -> str:
    sent = [(envelope.sent_at, envelope.acked_at) for envelope in server.sockets.envelopes]
    delays = [None if at is None or acked is None else acked - at for at, acked in sent]
    return to_json({"acks": delays, "sockets": len(server.sockets.links)})


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve in a process of its own: orders come as JSON lines, and every call of the bot goes out as one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    server = SlackServer(port=parser.parse_args(arguments).port)
    server.on_call = _write_call
    gc.disable()  # a pause here would look like one of the house
    with server:
        _write_line(server.url)
        for line in sys.stdin:
            _obey(server, line)


if __name__ == "__main__":
    main()
