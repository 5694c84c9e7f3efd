"""Slack served: what comes over the sockets is kept in its order, and acknowledged only when it is on disk."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import time
from typing import Any

from pydantic import ValidationError
from slack_bolt.authorization import AuthorizeResult
from sqlalchemy.exc import SQLAlchemyError

from adapters.chats.intake import take_in
from adapters.chats.slack import files, history
from adapters.chats.slack.chat import Slack
from adapters.chats.slack.directory import Directory
from adapters.chats.slack.events import CHANNEL, Me, message_of, to_message
from adapters.chats.slack.form import SlackSettings
from adapters.chats.slack.sockets import Sockets
from adapters.chats.slack.web import TOKEN_REFUSED, Web, token_refused
from bot.chat_forms import Desk
from bot.errors import ConfigurationError, DeliveryError
from bot.messages import IncomingMessage

HOME_SECONDS = 0.5
STORE_AGAIN_AFTER = 30.0
LOOK_BACK = 300.0  # seconds: for so long Slack itself tries to hand an envelope in again
NEVER = float("inf")
MOST_AT_ONCE = 100
ELSEWHERE = {"response_type": "ephemeral", "text": "I answer in our direct messages."}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Arrival:
    """What came, and who waits for it to be on disk."""

    payload: Any
    kept: "asyncio.Future[None] | None"
    since: float  # since when all is to be read again, should it not be kept


class SlackService:
    """An app in a Slack workspace."""

    def __init__(self, settings: SlackSettings) -> None:
        tokens = [token.get_secret_value() if token else "" for token in (settings.bot_token, settings.app_token)]
        self._web = Web(tokens[0], settings.api_url)
        self._app_token = tokens[1]
        self.chat = Slack(self._web)
        self._directory = Directory(self._web, self.chat)
        self._me = Me("", "", "", "")
        self._authorized = AuthorizeResult(enterprise_id=None, team_id=None)
        self._arrivals: asyncio.Queue[_Arrival] = asyncio.Queue()
        self._behind = asyncio.Event()  # something may have been missed
        self._since = NEVER  # and since when

    async def introduce(self) -> str:
        """Learn who the app is. Raises ConfigurationError, or ConnectionError when Slack cannot be reached."""
        answer = await self._web.try_token("auth.test")
        if not answer.get("ok"):
            code = str(answer.get("error"))
            if code in TOKEN_REFUSED:
                raise ConfigurationError(f"SLACK_BOT_TOKEN: {token_refused(code)}")
            raise ConnectionError(f"Slack says {code}")
        await self._check_app_token()
        self._me = Me(str(answer["team_id"]), str(answer["user_id"]), str(answer.get("bot_id", "")), str(answer["user"]))
        self._authorized = AuthorizeResult.from_auth_test_response(
            auth_test_response=answer, bot_token=self._web.client.token, user_token=None
        )
        return f"@{answer['user']} in {answer.get('team', answer['team_id'])}"

    async def serve(self, desk: Desk) -> None:
        """Take in what comes until cancelled."""
        me = replace(self._me, commands=frozenset(name for name, _ in desk.menu))
        self._web.tell = desk.tell_trouble
        # Read before anything new can come: the newest message that is kept tells until when nothing was missed.
        self._since = (history.newest_of(await desk.newest(CHANNEL)) or time()) - LOOK_BACK
        sockets = Sockets(self._web.client, self._app_token, self._hand_in)
        tasks = [
            asyncio.ensure_future(sockets.run(self._authorized, self._note_gap, self._tell_trouble)),
            asyncio.ensure_future(self._keep(desk, me)),
            asyncio.ensure_future(self._catch_up(desk)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Close every connection."""
        await self._web.close()

    async def _hand_in(self, payload: Any) -> dict[str, str] | None:  # noqa: ANN401 - whatever the vendor sent
        """Wait until what came is on disk; return what Slack shows to who gave a command elsewhere."""
        kept = asyncio.get_running_loop().create_future()
        self._arrivals.put_nowait(_Arrival(payload, kept, time() - LOOK_BACK))
        await kept
        if isinstance(payload, dict) and "command" in payload:
            return None if await self._is_at_home(payload) else ELSEWHERE
        return None

    async def _is_at_home(self, command: Mapping[str, Any]) -> bool:
        try:
            async with asyncio.timeout(HOME_SECONDS):
                return await self.chat.home(str(command.get("user_id", "U"))) == command.get("channel_id")
        except (DeliveryError, TimeoutError):
            return False

    async def _keep(self, desk: Desk, me: Me) -> None:
        """Put what came on disk, all that waits at once."""
        while True:
            batch = [await self._arrivals.get()]
            while len(batch) < MOST_AT_ONCE and not self._arrivals.empty():
                batch.append(self._arrivals.get_nowait())
            try:
                await take_in(desk, CHANNEL, await self._messages([one.payload for one in batch], desk, me))
            except SQLAlchemyError as error:
                log.exception("messages cannot be kept at present")
                # Slack sends them again a few times; later they are read from the history.
                self._since = min(self._since, *(one.since for one in batch))
                asyncio.get_running_loop().call_later(STORE_AGAIN_AFTER, self._behind.set)
                _settle(batch, error)
                text = f"I cannot keep messages at present, and take them in later: {error.args[0]}"
                await desk.tell_trouble("store", text)
            else:
                _settle(batch, None)

    async def _messages(self, payloads: Sequence[Any], desk: Desk, me: Me) -> list[IncomingMessage]:
        messages = []
        for payload in payloads:
            try:
                message = to_message(payload, me)
                event = message_of(payload) if message is not None and message.unreadable else None
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(str(part) for part in first["loc"])
                await desk.park(CHANNEL, json.dumps(payload), f"{where}: {first['msg']}")
                continue
            if message is not None:
                messages += [message] if event is None else await files.opened(self._web, message, event)
        completed = list(await asyncio.gather(*map(self._directory.complete, messages)))
        for message in completed:
            team, _, user = message.sender.id.partition("/")
            self.chat.note_writer(message.native_id, user, team)
        return completed

    async def _tell_trouble(self, reason: str) -> None:
        await self._web.trouble("socket", f"Slack’s socket does not come up: {reason}. Messages wait there until it does.")

    def _note_gap(self, good_at: float) -> None:
        """Note that something may have been missed since the last connection was good."""
        self._since = min(self._since, good_at - LOOK_BACK) if good_at else self._since
        self._behind.set()

    async def _catch_up(self, desk: Desk) -> None:
        """Read what was missed, each time when something may have been."""
        while True:
            await self._behind.wait()
            self._behind.clear()
            since, self._since = min(self._since, time() - LOOK_BACK), NEVER
            try:
                async for payload in history.missed(self._web, await desk.newest(CHANNEL), since):
                    self._arrivals.put_nowait(_Arrival(payload, None, since))
            except SQLAlchemyError:
                log.exception("what was missed cannot be read")
                self._note_gap(since + LOOK_BACK)
                await asyncio.sleep(1)

    async def _check_app_token(self) -> None:
        """Make sure that sockets are to be had. Raises ConfigurationError."""
        answer = await self._web.try_token("apps.connections.open", self._app_token)
        if not answer.get("ok") and str(answer.get("error")) in {*TOKEN_REFUSED, "missing_scope", "no_permission"}:
            raise ConfigurationError(
                f"SLACK_APP_TOKEN: Slack refuses the app-level token ({answer['error']}). Make one with the scope "
                "connections:write under Basic Information, App-Level Tokens."
            )


def _settle(batch: Sequence[_Arrival], error: Exception | None) -> None:
    for one in batch:
        if one.kept is not None and not one.kept.done():
            if error is None:
                one.kept.set_result(None)
            else:
                one.kept.set_exception(error)
