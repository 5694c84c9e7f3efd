"""The updates that wait for the bot: how getUpdates hands them out, confirms them and waits for more."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from tests.telegram_params import ApiError, JsonObject, bad_request, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.telegram_params import Params

LONGEST_POLL = 50
MOST_UPDATES = 100
# The vendor takes an offset this far ahead for a mistake, and starts at the oldest update.
FARTHEST_OFFSET = 10

_LISTED_KINDS = (
    "message edited_message channel_post edited_channel_post inline_query chosen_inline_result callback_query "
    "shipping_query pre_checkout_query poll poll_answer my_chat_member chat_member chat_join_request chat_boost "
    "removed_chat_boost message_reaction message_reaction_count business_connection business_message "
    "edited_business_message deleted_business_messages purchased_paid_media managed_bot guest_message"
)
UPDATE_KINDS = frozenset(_LISTED_KINDS.split())
DEFAULT_KINDS = UPDATE_KINDS - {"chat_member", "message_reaction", "message_reaction_count"}

OTHER_POLL = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = "Conflict: terminated by setWebhook request"
WEBHOOK_ACTIVE = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class Confirmation(NamedTuple):
    """An update that the bot has confirmed, and when."""

    update_id: int
    at: float


class _Entry:
    """One waiting update, written out once."""

    __slots__ = ("body", "must_be_seen", "update_id")

    def __init__(self, update_id: int, body: bytes) -> None:
        self.update_id = update_id
        self.body = body
        self.must_be_seen = False  # whether it is handed out once even if the offset is beyond it


class UpdateQueue:
    """The updates of one bot; used in the server's thread only."""

    def __init__(self, first_id: int, changed: Callable[[], None]) -> None:
        self.next_id = first_id
        self.confirmed: list[Confirmation] = []
        self.kinds: frozenset[str] = DEFAULT_KINDS
        self.webhook_url = ""
        self._changed = changed
        self._waiting: deque[_Entry] = deque()
        self._written: list[_Entry] = []
        self._is_disordered = False
        self._poll: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, update: object) -> int:
        """Queue an update, whatever it is, and return its number."""
        number = self.next_id
        if isinstance(update, dict):
            given = update.get("update_id")
            if type(given) is int:
                number = given
            update = {"update_id": number} | update
        self._is_disordered |= number < self.next_id
        self.next_id = max(self.next_id, number + 1)
        entry = _Entry(number, to_json(update).encode())
        self._written.append(entry)
        self._append(entry)
        return number

    def add_kind(self, kind: str, content: JsonObject) -> int | None:
        """Queue an update of a kind, unless the bot asked not to get that kind."""
        return self.add({kind: content}) if kind in self.kinds else None

    def redeliver(self, count: int) -> list[int]:
        """Queue the last updates once more, with the numbers that they had."""
        again = [_Entry(entry.update_id, entry.body) for entry in self._written[-count:]]
        for entry in again:
            entry.must_be_seen = True
            self._append(entry)
        self._is_disordered = True
        return [entry.update_id for entry in again]

    def clear(self) -> None:
        """Drop all that waits."""
        self._waiting.clear()

    def end_poll(self, reason: str) -> None:
        """Refuse the request that waits for updates, if there is one."""
        poll, self._poll = self._poll, None
        if poll is not None and not poll.done():
            poll.set_exception(ApiError(reason, 409))

    @property
    def has_poll(self) -> bool:
        """Whether a request waits for updates now."""
        return self._poll is not None

    def choose_kinds(self, params: Params) -> None:
        """Keep the kinds of updates that the bot asks for from now on."""
        kinds = params.json_array("allowed_updates")
        if kinds is None:
            return
        if not all(isinstance(kind, str) and kind in UPDATE_KINDS for kind in kinds):
            raise bad_request("allowed_updates has an unknown kind of update")
        self.kinds = frozenset(map(str, kinds)) or DEFAULT_KINDS

    async def get(self, params: Params) -> bytes:
        """Return the updates that wait, written as a JSON array."""
        if self.webhook_url:
            raise ApiError(WEBHOOK_ACTIVE, 409)
        limit, timeout = params.integer("limit"), params.integer("timeout") or 0
        if limit is None:
            limit = MOST_UPDATES
        if not 1 <= limit <= MOST_UPDATES:
            raise bad_request(f"limit must be between 1 and {MOST_UPDATES}")
        if timeout < 0:
            raise bad_request("timeout must not be negative")
        self.choose_kinds(params)
        self.end_poll(OTHER_POLL)
        self._confirm(params.integer("offset") or 0)
        if not self._waiting and timeout:
            await self._wait(min(timeout, LONGEST_POLL))
        return self._hand_out(limit)

    def _append(self, entry: _Entry) -> None:
        self._waiting.append(entry)
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
        self._changed()

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        poll = self._poll = loop.create_future()
        timer = loop.call_later(seconds, _finish, poll)
        self._changed()
        try:
            await poll
        finally:
            timer.cancel()
            if self._poll is poll:
                self._poll = None

    def _hand_out(self, limit: int) -> bytes:
        handed = list(islice(self._waiting, limit))
        for entry in handed:
            entry.must_be_seen = False
        return b"[%b]" % b",".join(entry.body for entry in handed)

    def _confirm(self, offset: int) -> None:
        if offset == 0 or offset > self.next_id + FARTHEST_OFFSET:
            return
        at = monotonic()
        if offset < 0:
            while len(self._waiting) > -offset:
                self._forget(self._waiting.popleft(), at)
            return
        if self._is_disordered:
            self._confirm_disordered(offset, at)
            return
        while self._waiting and self._waiting[0].update_id < offset:
            self._forget(self._waiting.popleft(), at)

    def _confirm_disordered(self, offset: int, at: float) -> None:
        kept: deque[_Entry] = deque()
        for entry in self._waiting:
            if entry.update_id >= offset or entry.must_be_seen:
                kept.append(entry)
            else:
                self._forget(entry, at)
        self._waiting = kept

    def _forget(self, entry: _Entry, at: float) -> None:
        self.confirmed.append(Confirmation(entry.update_id, at))


def _finish(poll: asyncio.Future[None]) -> None:
    if not poll.done():
        poll.set_result(None)
