"""Slack served: what comes over the sockets is kept in its order, and acknowledged only when it is on disk."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import time
from typing import Any
from weakref import WeakValueDictionary

from pydantic import ValidationError
from slack_bolt.authorization import AuthorizeResult
from sqlalchemy.exc import SQLAlchemyError

from adapters.chats.intake import UNEXPECTED, first_problem, take_in, tell_full
from adapters.chats.slack.catching_up import LOOK_BACK, CatchingUp
from adapters.chats.slack.chat import Slack
from adapters.chats.slack.directory import Directory
from adapters.chats.slack.events import CHANNEL, Me, message_of, place_of, to_message
from adapters.chats.slack.form import SlackSettings
from adapters.chats.slack.manifest import SCOPES, scope_advice
from adapters.chats.slack.shared import with_shared
from adapters.chats.slack.sockets import Sockets
from adapters.chats.slack.web import TOKEN_REFUSED, Web, token_refused
from bot.chat_forms import Desk
from bot.errors import ConfigurationError, DeliveryError
from bot.messages import IncomingMessage
from bot.services import together

HOME_SECONDS = 0.5
STORE_AGAIN_AFTER = 30.0
MOST_AT_ONCE = 1000
ELSEWHERE = {"response_type": "ephemeral", "text": "I answer in our direct messages."}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Arrival:
    """Messages that came, and who waits for them to be on disk."""

    messages: Sequence[IncomingMessage]
    kept: "asyncio.Future[None]"


class SlackService:
    """An app in a Slack workspace."""

    def __init__(self, settings: SlackSettings) -> None:
        tokens = [token.get_secret_value() if token else "" for token in (settings.bot_token, settings.app_token)]
        self._web = Web(tokens[0], settings.api_url)
        self._app_token = tokens[1]
        self.chat = Slack(self._web)
        self.shortcomings: tuple[str, ...] = ()
        self._me = Me("", "", "", "")
        self._authorized = AuthorizeResult(enterprise_id=None, team_id=None)

    async def introduce(self) -> str:
        """Learn who the app is. Raises ConfigurationError, or ConnectionError when Slack cannot be reached."""
        answer = await self._web.try_token("auth.test")
        if not answer.get("ok"):
            code = str(answer.get("error"))
            if code in TOKEN_REFUSED:
                raise ConfigurationError(f"SLACK_BOT_TOKEN: {token_refused(code)}")
            raise ConnectionError(f"Slack says {code}")
        await self._check_app_token()
        names = [str(answer.get(name) or "") for name in ("team_id", "user_id", "bot_id", "user", "enterprise_id")]
        self._me = Me(names[0], names[1], names[2], names[3], enterprise=names[4])
        self._authorized = AuthorizeResult.from_auth_test_response(
            auth_test_response=answer, bot_token=self._web.client.token, user_token=None
        )
        missing = [scope for scope in SCOPES if self._web.scopes and scope not in self._web.scopes]
        self.shortcomings = tuple(f"the app lacks the scope {scope}. {scope_advice(scope)}" for scope in missing)
        return f"@{names[3]} in {answer.get('team', names[0])}"

    async def serve(self, desk: Desk) -> None:
        """Take in what comes until cancelled."""
        self._web.tell = desk.tell_trouble
        counter = _Counter(self._web, self.chat, desk, self._me)
        await counter.catching_up.begin()
        sockets = Sockets(self._web.client, self._app_token, counter.hand_in)
        connected = sockets.run(self._authorized, counter.note_gap, self._tell_trouble)
        await together(connected, counter.keep(), counter.catching_up.run())

    async def close(self) -> None:
        """Close every connection."""
        await self._web.close()

    async def _tell_trouble(self, reason: str) -> None:
        await self._web.trouble("socket", f"Slack’s socket does not come up: {reason}. Messages wait there until it does.")

    async def _check_app_token(self) -> None:
        """Make sure that sockets are to be had. Raises ConfigurationError."""
        answer = await self._web.try_token("apps.connections.open", self._app_token)
        if not answer.get("ok") and str(answer.get("error")) in {*TOKEN_REFUSED, "missing_scope", "no_permission"}:
            raise ConfigurationError(
                f"SLACK_APP_TOKEN: Slack refuses the app-level token ({answer['error']}). Make one with the scope "
                "connections:write under Basic Information, App-Level Tokens."
            )


class _Counter:
    """Where payloads become messages, each chat's in its order, and messages are put on disk, all that wait at once."""

    def __init__(self, web: Web, chat: Slack, desk: Desk, me: Me) -> None:
        self._chat = chat
        self._desk = desk
        self._me = replace(me, commands=frozenset(name for name, _ in desk.menu), butlers=lambda: desk.butlers)
        self._directory = Directory(web, chat, me)
        self._arrivals: asyncio.Queue[_Arrival] = asyncio.Queue()
        self._lanes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.catching_up = CatchingUp(web, desk, self._hand_on)

    async def hand_in(self, payload: Any) -> dict[str, str] | None:  # noqa: ANN401 - whatever the vendor sent
        """Wait until what came is on disk; return what Slack shows to who gave a command elsewhere."""
        place = place_of(payload)
        lane = self._lanes.setdefault(place or _whose(payload), asyncio.Lock())
        async with lane:
            if place:
                await self.catching_up.wait_for(place)
            kept = self._put(await self._messages(payload))
        await kept
        if isinstance(payload, dict) and "command" in payload:
            return None if await self._is_at_home(payload) else ELSEWHERE
        return None

    def note_gap(self, good_at: float) -> None:
        """Note that something may have been missed since the last connection was good."""
        if good_at:
            self.catching_up.note_gap(good_at - LOOK_BACK)

    async def keep(self) -> None:
        """Put what came on disk until cancelled."""
        while True:
            batch = [await self._arrivals.get()]
            while len(batch) < MOST_AT_ONCE and not self._arrivals.empty():
                batch.append(self._arrivals.get_nowait())
            try:
                await take_in(self._desk, CHANNEL, [message for one in batch for message in one.messages])
            except SQLAlchemyError as error:
                log.exception("messages cannot be kept at present")
                # Slack sends them again a few times; later they are read from the history.
                self.catching_up.note_gap_later(time() - LOOK_BACK, STORE_AGAIN_AFTER)
                _settle(batch, error)
                await tell_full(self._desk, error)
            except asyncio.CancelledError:
                _settle(batch, ConnectionError("the house ends"))
                raise
            else:
                _settle(batch, None)

    async def _hand_on(self, payloads: Sequence[Any]) -> None:
        """Take in what was missed, and return when it is on disk; most of it is known already."""
        told = [(message, payload) for payload in payloads if (message := await self._read(payload)) is not None]
        known = await self._desk.known(CHANNEL, [message.id for message, _ in told])
        new = [(message, payload) for message, payload in told if message.id not in known]
        for kept in [self._put(await self._completed(message, payload)) for message, payload in new]:
            await kept

    def _put(self, messages: Sequence[IncomingMessage]) -> "asyncio.Future[None]":
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if messages:
            self._arrivals.put_nowait(_Arrival(messages, kept))
        else:
            kept.set_result(None)
        return kept

    async def _messages(self, payload: Any) -> Sequence[IncomingMessage]:  # noqa: ANN401 - whatever the vendor sent
        """Return what a payload says."""
        message = await self._read(payload)
        return () if message is None else await self._completed(message, payload)

    async def _read(self, payload: Any) -> IncomingMessage | None:  # noqa: ANN401 - whatever the vendor sent
        """Return the message in a payload, if there is one; what cannot be read is parked."""
        try:
            return to_message(payload, self._me)
        except UNEXPECTED as error:
            await self._park(payload, error)
            return None

    async def _completed(self, message: IncomingMessage, payload: Any) -> Sequence[IncomingMessage]:  # noqa: ANN401 - as above
        """Return a message with what must be asked for, after those of others that were shared with it."""
        try:
            event = message_of(payload) if message.unreadable else None
            completed = await self._directory.complete(message)
            opened = [completed] if event is None else with_shared(completed, event)
        except UNEXPECTED as error:
            await self._park(payload, error)
            return ()
        team, _, user = message.sender.id.partition("/")
        self._chat.note_writer(message.native_id, user, team)
        return opened

    async def _park(self, payload: Any, error: Exception) -> None:  # noqa: ANN401 - as above
        if isinstance(error, ValidationError):
            why = first_problem(error)
        else:
            log.error("a message cannot be read", exc_info=error)
            why = f"{type(error).__name__}: {error}"
        await self._desk.park(CHANNEL, json.dumps(payload), why)

    async def _is_at_home(self, command: Mapping[str, Any]) -> bool:
        try:
            async with asyncio.timeout(HOME_SECONDS):
                return await self._chat.home(str(command.get("user_id", "U"))) == command.get("channel_id")
        except (DeliveryError, TimeoutError):
            return False


def _whose(payload: Any) -> str:  # noqa: ANN401 - whatever the vendor sent
    """Return the lane of a command or a press: nobody waits for another's."""
    return f"by {payload.get('user_id', payload.get('user'))}" if isinstance(payload, dict) else ""


def _settle(batch: Sequence[_Arrival], error: Exception | None) -> None:
    for one in batch:
        if not one.kept.done():
            if error is None:
                one.kept.set_result(None)
            else:
                one.kept.set_exception(error)
