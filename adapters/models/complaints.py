"""What a provider says instead of an answer, and whose fault that is: the shapes stand in tests/model_errors.py."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2

from adapters.models.waits import access_again, wait_in_words, wait_of
from bot.errors import (
    ContextFull,
    KeyRefused,
    ModelError,
    ModelMissing,
    NoCredit,
    Overloaded,
    RateLimited,
    Refused,
    ThinkingRejected,
    Unavailable,
)

Event = TypeVar("Event")
LONGEST_REASON = 600  # characters; a proxy may answer with a whole page
_SPENT = re.compile(
    r"regain access on|spend(?:ing)? limit|credit balance|exceeded your current quota|out of (?:extra usage|credits)"
    r"|insufficient (?:credit|balance|fund|quota)|(?:not enough|more|never purchased) credits|credits? (?:has |have )?expired"
    r"|(?:key|budget) limit exceeded|billing hard limit",
    re.IGNORECASE,
)
_SPENT_KINDS = re.compile(r"insufficient_(?:quota|credits|balance|funds)|billing")
_TOO_LONG = re.compile(
    r"prompt is too long|context[ _](?:window|length|size)|exceeds? the (?:maximum|model)|maximum context"
    r"|reduce (?:the length|your message size)",
    re.IGNORECASE,
)
# More than the account may ever send in a minute: no wait helps, a shorter prompt does.
_TOO_LARGE = re.compile(r"request too large|tokens must be reduced|required for long context requests", re.IGNORECASE)
_LIMIT = re.compile(r"(?:\bLimit:?|maximum context length (?:is|of)) (\d+)", re.IGNORECASE)
_OVERLOADED = re.compile(r"overloaded|at capacity|worker local total request limit", re.IGNORECASE)
_OVERLOADED_KINDS = re.compile(r"overloaded|capacity_exceeded|slow_down")
_CLOSED = re.compile(r"organization has been (?:disabled|restricted)", re.IGNORECASE)
_NETWORK = re.compile(r"network settings|request not allowed|(?:country|region|territory).* not supported", re.IGNORECASE)
_MODEL_ACCESS = re.compile(r"access to (?:the )?model|model .*\bblocked", re.IGNORECASE)
_ORGANISATION = re.compile(r"\borganization `?(org[-_]\w+)")
_CAPACITY, _SLOW_DOWN = (498, 529), 503  # Groq's number for a tier without capacity, Anthropic's for everybody


@dataclass(frozen=True)
class Complaint:
    """An error as its provider worded it; `kinds` is what its fields `type` and `code` say, `max_output` what was asked for."""

    status: int
    message: str
    kinds: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    organisation: str | None = None
    in_stream: bool = False
    flagged: bool = False
    is_json: bool = True
    max_output: int = 0


def read_complaint(response: httpx2.Response, body: object, max_output: int, clean: Callable[[str], str]) -> Complaint:
    """Read an error of either protocol: the status and headers of its answer, and the JSON of it, or of a stream's event."""
    error = body
    while isinstance(error, Mapping) and isinstance(error.get("error"), Mapping):
        error = error["error"]
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    metadata = fields["metadata"] if isinstance(fields.get("metadata"), Mapping) else {}
    status = response.status_code
    if status < httpx2.codes.BAD_REQUEST:  # an event of a stream says itself what the status would have been
        said = (str(fields.get(name)) for name in ("code", "status_code", "status"))
        status = next((int(number) for number in said if re.fullmatch("[45][0-9][0-9]", number)), status)
    headers = {name.lower(): value for name, value in response.headers.items()}
    limits = metadata["headers"] if isinstance(metadata.get("headers"), Mapping) else {}
    headers |= {str(name).lower(): str(value) for name, value in limits.items()}
    message = clean(_message(fields, metadata, error))[:LONGEST_REASON] or f"HTTP status {status}"
    named = _ORGANISATION.search(message)
    return Complaint(
        status=status,
        message=message,
        kinds=" ".join(str(fields[name]).lower() for name in ("type", "code") if fields.get(name) is not None),
        headers=headers,
        organisation=organisation_of(response) or (named[1] if named else None),
        in_stream=response.status_code < httpx2.codes.BAD_REQUEST,
        flagged="flagged_input" in metadata or "reasons" in metadata,
        is_json=bool(fields),
        max_output=max_output,
    )


def organisation_of(response: httpx2.Response) -> str | None:
    """Return whose limits a key shares, as far as the provider says it with every answer."""
    return response.headers.get("anthropic-organization-id") or response.headers.get("openai-organization") or None


def model_error(complaint: Complaint) -> ModelError:
    """Return the error that says what is to be done about a complaint."""
    kind = next((kind for holds, kind in _RULES if holds(complaint)), Refused)
    # An error in the middle of a stream comes after the provider began to bill.
    reason, charged, whose = complaint.message, complaint.in_stream, complaint.organisation
    if kind is NoCredit:
        return NoCredit(
            reason, charged, organisation=whose, until=access_again(reason), wait=wait_of(complaint.headers, reason)
        )
    if kind in (RateLimited, Overloaded, Unavailable):
        return kind(reason, charged, organisation=whose, wait=wait_of(complaint.headers, reason))
    return kind(reason, charged, organisation=whose)


def unreachable(provider: str, error: Exception, clean: Callable[[str], str]) -> Unavailable:
    """Return the error of a connection that failed; only one that was never made surely cost nothing."""
    cause = error.__cause__ or error
    sent = not isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.UnsupportedProtocol)
    said = f"the connection to {provider} broke" if sent else f"no connection to {provider}"
    return Unavailable(clean(f"{said}: {str(cause) or type(cause).__name__}"), charged=sent)


def readable(stream: Iterable[Event], provider: str, clean: Callable[[str], str]) -> Iterator[Event]:
    """Give a stream's events. Raises Unavailable for one that the SDK cannot read, such as a call that is no JSON."""
    try:
        yield from stream
    except (ValueError, RecursionError) as error:
        raise Unavailable(clean(f"an answer of {provider} cannot be read: {error}"), charged=True) from error


def _message(fields: Mapping[str, Any], metadata: Mapping[str, Any], error: object) -> str:
    said = next((fields[name] for name in ("message", "detail", "error", "title") if fields.get(name)), "" if fields else error)
    text = said if isinstance(said, str) else json.dumps(said, default=str) if said else ""
    raw = metadata.get("raw")  # what the provider behind a router said, which is the part that helps
    return f"{text}: {raw if isinstance(raw, str) else json.dumps(raw, default=str)}" if raw else text


def _is_spent(complaint: Complaint) -> bool:
    if complaint.status == httpx2.codes.TOO_MANY_REQUESTS and wait_in_words(complaint.message) is not None:
        return False  # some servers call a limit for each minute a quota
    named = _SPENT_KINDS.search(complaint.kinds) or _SPENT.search(complaint.message)
    return complaint.status == httpx2.codes.PAYMENT_REQUIRED or named is not None


def _rejects_thoughts(complaint: Complaint) -> bool:
    words = complaint.message
    return (
        complaint.status < httpx2.codes.TOO_MANY_REQUESTS
        and "thinking" in words
        and ("signature" in words or "cannot be modified" in words)
    )


def _is_too_long(complaint: Complaint) -> bool:
    """Tell whether a shorter prompt would help, which it does not where the room for the answer alone is too much."""
    limit = _LIMIT.search(complaint.message)
    if limit and complaint.max_output >= int(limit[1]):
        return False
    if _TOO_LARGE.search(complaint.message) or "context_length_exceeded" in complaint.kinds:
        return True
    said = complaint.status == httpx2.codes.CONTENT_TOO_LARGE or "request_too_large" in complaint.kinds
    return said or (complaint.status != httpx2.codes.TOO_MANY_REQUESTS and _TOO_LONG.search(complaint.message) is not None)


def _is_too_large_for_ever(complaint: Complaint) -> bool:
    return _TOO_LARGE.search(complaint.message) is not None


def _is_forbidden_here(complaint: Complaint) -> bool:
    """Tell whether a firewall, or the country, is in the way, for which no key can do anything."""
    forbidden = complaint.status == httpx2.codes.FORBIDDEN
    return forbidden and (not complaint.is_json or _NETWORK.search(complaint.message) is not None)


def _is_for_others(complaint: Complaint) -> bool:
    """Tell whether the key is good, but not for this model."""
    named = "model_" in complaint.kinds or _MODEL_ACCESS.search(complaint.message) is not None
    return complaint.status == httpx2.codes.FORBIDDEN and named


def _has_no_such_model(complaint: Complaint) -> bool:
    """Tell whether a model is not there; any other 404 would be an address that is wrong for all models."""
    return complaint.status in (httpx2.codes.NOT_FOUND, httpx2.codes.GONE) or "model_not_found" in complaint.kinds


def _refuses_key(complaint: Complaint) -> bool:
    named = any(kind in complaint.kinds for kind in ("authentication_error", "permission_error", "invalid_api_key"))
    refused = complaint.status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN)
    return named or refused or _CLOSED.search(complaint.message) is not None


def _is_overloaded(complaint: Complaint) -> bool:
    if complaint.status in _CAPACITY or _OVERLOADED_KINDS.search(complaint.kinds):
        return True
    if complaint.status == _SLOW_DOWN and "slow down" in complaint.message.lower():
        return True
    busy = complaint.in_stream or complaint.status >= httpx2.codes.TOO_MANY_REQUESTS
    return busy and "rate_limit" not in complaint.kinds and _OVERLOADED.search(complaint.message) is not None


def _is_rate_limited(complaint: Complaint) -> bool:
    return complaint.status == httpx2.codes.TOO_MANY_REQUESTS or "rate_limit" in complaint.kinds


def _is_unavailable(complaint: Complaint) -> bool:
    passing = (httpx2.codes.REQUEST_TIMEOUT, httpx2.codes.CONFLICT)
    if complaint.status in passing or complaint.status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return True
    # Groq's word for a call that its model wrote wrongly: asked again, it may write it rightly.
    named = any(kind in complaint.kinds for kind in ("api_error", "timeout_error", "server_error", "tool_use_failed"))
    # What a stream breaks off with is no judgement on the request, unless it says so.
    return named or (complaint.status < httpx2.codes.BAD_REQUEST and "invalid_request" not in complaint.kinds)


# The first rule that holds decides. Money comes first: providers word its lack as a wrong request, a limit or a wrong key.
_RULES: tuple[tuple[Callable[[Complaint], bool], type[ModelError]], ...] = (
    (lambda complaint: complaint.flagged, Refused),
    (_is_spent, NoCredit),
    (_rejects_thoughts, ThinkingRejected),
    (_is_too_long, ContextFull),
    (_is_too_large_for_ever, Refused),
    (_is_forbidden_here, Unavailable),
    (_is_for_others, ModelMissing),
    (_has_no_such_model, ModelMissing),
    (_refuses_key, KeyRefused),
    (_is_overloaded, Overloaded),
    (_is_rate_limited, RateLimited),
    (_is_unavailable, Unavailable),
)
