"""Slack's Web API: each call once, and what its refusals mean."""

import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.chats.slack.manifest import scope_advice
from bot.attachments import too_large
from bot.errors import BadFormat, ChatGone, DeliveryError, Doubtful, FileRefused, MessageGone, RetryLater

SECONDS = 20  # then nobody knows whether a request was carried out
DOWNLOAD = aiohttp.ClientTimeout(total=60, connect=10, sock_read=15)
REFUSED_FOR = 15.0  # seconds until a token that was refused is tried again
NO_WAY_IN = {
    "not_in_channel": "I am not a member of that channel; write `/invite @butler` there",
    "channel_not_found": "I do not know that channel, or am no member of it; write `/invite @butler` there",
    "is_archived": "that channel is archived",
    "user_not_found": "nobody has that id",
    "user_disabled": "that account is deactivated",
    "messages_tab_disabled": "the app takes no direct messages: switch on its Messages tab, as in the manifest",
    "restricted_action": "the workspace lets me not write there",
    "restricted_action_read_only_channel": "that channel can only be read",
    "restricted_action_thread_only_channel": "in that channel I may only write into threads",
    "restricted_action_non_threadable_channel": "in that channel there are no threads to write into",
    "restricted_action_thread_locked": "that thread is locked",
    "cannot_reply_to_message": "that message takes no replies",
    "access_denied": "the workspace lets me not write there",
    "team_access_not_granted": "the app is not installed in that workspace",
    "enterprise_is_restricted": "the organisation lets me not write there",
    "org_login_required": "the organisation is being moved; try again later",
    "user_not_visible": "that person cannot be reached from here",
    "file_uploads_disabled": "the workspace takes no files",
    "slack_connect_file_upload_sharing_blocked": "that channel takes no files of mine",
    "thread_not_found": "that thread is gone",
    "cannot_dm_bot": "that is a bot",
    "no_permission": "the workspace lets me not write there",
    "ekm_access_denied": "the workspace lets me not write there",
    "channel_type_not_supported": "Slack does not take that there",
}
NO_FILES = ("file_uploads_disabled", "slack_connect_file_upload_sharing_blocked")
TOKEN_REFUSED = {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type"}
_GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "cant_delete_message"}
_UNSURE = {"internal_error", "fatal_error", "request_timeout", "service_unavailable"}
_BUSY = {"ratelimited", "rate_limited", "message_limit_exceeded", "accesslimited", "team_added_to_org"}
_COUNTED_BY_CHANNEL = {"chat.postMessage"}  # all other methods are counted for the whole workspace
Tell = Callable[[str, str], Awaitable[None]]
log = logging.getLogger(__name__)


class Refused(DeliveryError):
    """Slack said no; `code` is its word for why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _Client(AsyncWebClient):
    """The SDK's client, which takes every answer for an object; what stands between may answer anything."""

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await super()._request(http_verb=http_verb, api_url=api_url, req_args=req_args)
        except SlackApiError as error:  # an answer that cannot be read
            return {"data": {}, "headers": error.response.headers, "status_code": error.response.status}
        except UnicodeDecodeError:
            return {"data": {}, "headers": {}, "status_code": 0}
        return answer if isinstance(answer["data"], dict) else {**answer, "data": {}}


class Web:
    """Calls of the Web API, over connections that are used again."""

    def __init__(self, token: str, api_url: str) -> None:
        # Without its own retries: the SDK would repeat a message of which it is not known whether it arrived.
        self.client = _Client(token, base_url=api_url, timeout=SECONDS, retry_handlers=[])
        self.tell: Tell | None = None
        self.scopes: frozenset[str] = frozenset()  # what Slack says that the token may
        self._resting: dict[str, float] = {}

    async def call(self, method: str, place: str = "", *, form: bool = False, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON
        """Call a method and return its answer; `place` is the channel to whose limits it counts; some take only a `form`.

        Raises a DeliveryError by what is to be done, of which Refused is what this module knows nothing about.
        """
        limit = f"{method}:{place}" if method in _COUNTED_BY_CHANNEL else method
        rest = self._resting.get(limit, 0.0) - monotonic()
        if rest > 0:
            raise RetryLater("Slack asked to wait", rest)
        self._resting.pop(limit, None)
        self._session()
        wanted = {name: value for name, value in arguments.items() if value is not None}
        try:
            answer = await self.client.api_call(method, data=wanted if form else None, json=None if form else wanted)
        except SlackApiError as error:
            refusal = await self._refusal(method, error)
            if isinstance(refusal, RetryLater) and refusal.wait:
                self._resting[limit] = monotonic() + refusal.wait
            raise refusal from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise RetryLater(f"Slack cannot be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Doubtful(f"Slack's answer to {method} was lost: {str(error) or type(error).__name__}") from error
        return answer.data

    async def try_token(self, method: str, token: str | None = None) -> dict[str, Any]:
        """Call a method that only a good token may call, and return the answer or the refusal. Raises ConnectionError."""
        self._session()
        try:
            answer = await self.client.api_call(method, headers={"Authorization": f"Bearer {token or self.client.token}"})
        except SlackApiError as error:
            code = error.response.get("error")
            if not code or code in _UNSURE | _BUSY:
                raise ConnectionError(f"Slack answers {code or error}") from error
            return {"ok": False, "error": str(code)}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        if token is None:
            told = str(answer.headers.get("x-oauth-scopes") or answer.headers.get("X-OAuth-Scopes") or "")
            self.scopes = frozenset(filter(None, (scope.strip() for scope in told.split(","))))
        return dict(answer.data) if isinstance(answer.data, dict) else {}

    async def upload(self, url: str, body: bytes) -> None:
        """Upload a file's bytes to where Slack said. Raises DeliveryError."""
        try:
            async with self._session().post(url, data=body) as answer:
                if answer.status >= 400:  # noqa: PLR2004 - HTTP's own number
                    raise RetryLater(f"Slack did not take the file: {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RetryLater(f"Slack did not take the file: {error}") from error

    async def download(self, url: str, most: int, kind: str) -> bytes:
        """Fetch a file of a MIME type that somebody sent, unless it is larger than so many bytes. Raises DeliveryError."""
        if not self._is_slacks(url):
            raise Refused("external", "it does not lie at Slack")
        headers = {"Authorization": f"Bearer {self.client.token}"}
        try:
            async with self._session().get(url, headers=headers, timeout=DOWNLOAD) as answer:
                # Without files:read Slack answers with a page to log in at.
                may_be_read = kind == "text/html" and (not self.scopes or "files:read" in self.scopes)
                is_page = answer.content_type == "text/html" and not may_be_read
                if answer.status >= 500 or answer.status == 429:  # noqa: PLR2004 - HTTP's own numbers
                    raise RetryLater(f"Slack answers {answer.status}", None)
                if answer.status == 404:  # noqa: PLR2004 - the same
                    raise Refused("file_not_found", "Slack does not find the file")
                if answer.status >= 400 or is_page:  # noqa: PLR2004 - the same
                    raise Refused("missing_scope", "Slack does not give the file out; the app may lack the scope files:read")
                body = bytearray()
                async for chunk in answer.content.iter_chunked(65_536):
                    body += chunk
                    if len(body) > most:
                        raise FileRefused(too_large(0))
                return bytes(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RetryLater(f"the file cannot be fetched: {error}") from error

    def _is_slacks(self, url: str) -> bool:
        """Tell whether an address is of the server that the token is for: anybody may share a file that lies elsewhere."""
        here, there = urlsplit(self.client.base_url), urlsplit(url)
        names = here.hostname, there.hostname
        return here.scheme == there.scheme and (names[0] == names[1] or str(names[1]).endswith(f".{names[0]}"))

    def _session(self) -> aiohttp.ClientSession:
        if self.client.session is None or self.client.session.closed:
            timeout = aiohttp.ClientTimeout(total=SECONDS, connect=SECONDS / 2)
            self.client.session = aiohttp.ClientSession(timeout=timeout)
        return self.client.session

    async def close(self) -> None:
        """Close every connection."""
        if self.client.session is not None:
            await self.client.session.close()

    async def trouble(self, key: str, text: str) -> None:
        """Tell the owners about a fault."""
        log.error("%s", text)
        if self.tell is not None:
            await self.tell(f"slack:{key}", text)

    async def _refusal(self, method: str, error: SlackApiError) -> DeliveryError:
        answer = error.response
        code = str(answer.get("error") or "")
        if answer.status_code == 429 or code in _BUSY:  # noqa: PLR2004 - HTTP's own number
            wait = answer.headers.get("Retry-After", "")
            return RetryLater("Slack asks to wait", float(wait) if wait.isdecimal() else 1.0)
        if not code or code in _UNSURE:
            # Of these Slack says itself that a part may have been carried out.
            return Doubtful(f"Slack could not finish {method}: {code or f'status {answer.status_code}'}")
        if code == "missing_scope":
            scope = str(answer.get("needed", ""))
            await self.trouble(f"scope:{scope}", f"Slack refuses {method}, since the app lacks a scope. {scope_advice(scope)}")
            return Refused(code, f"the app lacks the scope {scope}. {scope_advice(scope)}")
        if code in TOKEN_REFUSED and code != "not_allowed_token_type":  # this it says of methods that no bot may call
            await self.trouble("token", f"{token_refused(code)} Nothing is lost: I keep what is to be said.")
            return RetryLater(token_refused(code), REFUSED_FOR)
        return sorted_out(code)


def token_refused(code: str) -> str:
    """Return what to do about a token that Slack does not take."""
    return (
        f"Slack refuses the app’s token ({code}). Install the app again and put its Bot User OAuth Token into SLACK_BOT_TOKEN."
    )


def sorted_out(code: str) -> DeliveryError:
    """Return what a refusal asks for."""
    if code in NO_WAY_IN:
        return ChatGone(f"{NO_WAY_IN[code]} (Slack says {code})")
    if code in _GONE:
        return MessageGone(code)
    if code in ("msg_too_long", "msg_blocks_too_long", "no_text", "too_many_attachments") or code.startswith(
        ("invalid_", "markdown_")
    ):
        return BadFormat(code)
    return Refused(code, f"Slack says {code}")
