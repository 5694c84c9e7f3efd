"""What providers say instead of an answer, as people reported it, and what the house must make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Said:
    """One error: who says it, with which status, headers and body, and where somebody saw it."""

    provider: str
    status: int
    body: object
    expected: type[ModelError]
    source: str
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float | None = None
    until: datetime | None = None
    organisation: str | None = None
    max_output: int = 1000

    @property
    def name(self) -> str:
        """How a test report names it."""
        return f"{self.provider} {self.status} {self.expected.__name__} {self.source}"


def claude(kind: str, message: str) -> object:
    """Return Anthropic's body."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CZLrUfBVkVHn5T6EqQaf7"}


def openai(message: str, kind: str | None = None, code: str | None = None) -> object:
    """Return OpenAI's body, which is Groq's too."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def router(code: int, message: str, **metadata: object) -> object:
    """Return OpenRouter's body."""
    error = {"message": message, "code": code}
    return {"error": {**error, "metadata": metadata} if metadata else error, "user_id": "user_35tI40u3gKTMEMGS061Ov1xsUTj"}


def nvidia(status: int, title: str, detail: str) -> object:
    """Return Nvidia's body."""
    return {"status": status, "title": title, "detail": detail}


DATE = {"date": "Sat, 21 Nov 2026 12:00:00 GMT"}
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
REACHED = "You have reached your specified API usage limits."
REGAIN = f"{REACHED} You will regain access on 2026-12-01 at 00:00 UTC."
LOW = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
MINUTE = (
    "This request would exceed the rate limit for your organization of 20,000 input tokens per minute. Please reduce the "
    "prompt length or the maximum tokens requested, or try again later."
)
NO_MORE = {
    f"anthropic-ratelimit-input-tokens-{name}": value for name, value in (("remaining", "0"), ("reset", "2026-11-21T12:00:40Z"))
}
BAD = "invalid_request_error"
GUIDE = "platform.claude.com/docs/en/api/errors"
LIMITS = "platform.claude.com/docs/en/api/rate-limits"

ANTHROPIC = (
    Said("anthropic", 400, claude(BAD, REGAIN), NoCredit, "anthropics/claude-code#38035", until=DECEMBER),
    Said("anthropic", 429, claude("rate_limit_error", REGAIN), NoCredit, "claude-code#2127", until=DECEMBER),
    Said("anthropic", 400, claude(BAD, f"{REACHED} You will regain access on 2026-13-41."), NoCredit, "a day that is none"),
    Said("anthropic", 400, claude(BAD, LOW), NoCredit, "anthropics/claude-code#66297"),
    Said(
        "anthropic",
        400,
        claude(BAD, "You're out of extra usage. Add more at claude.ai/settings/usage"),
        NoCredit,
        "openclaw#115642",
    ),
    Said("anthropic", 402, claude("billing_error", "Your account is past due."), NoCredit, "openclaw#30484"),
    Said("anthropic", 401, claude("authentication_error", "invalid x-api-key"), KeyRefused, "openclaw#58565"),
    Said("anthropic", 401, claude("authentication_error", "OAuth token has been revoked"), KeyRefused, GUIDE),
    Said("anthropic", 403, claude("permission_error", "Your API key may not use this resource"), KeyRefused, GUIDE),
    Said("anthropic", 400, claude(BAD, "This organization has been disabled."), KeyRefused, "anthropics/claude-code#8327"),
    Said("anthropic", 403, claude("forbidden", "Request not allowed"), Unavailable, "a country that is not served"),
    Said("anthropic", 404, claude("not_found_error", "model: claude-sonnet-9"), ModelMissing, GUIDE),
    Said("anthropic", 400, claude(BAD, "messages.0: all messages must have content"), Refused, GUIDE),
    Said("anthropic", 400, claude(BAD, "max_tokens: 200000 > 128000, which is the maximum allowed number"), Refused, GUIDE),
    Said("anthropic", 400, claude(BAD, "prompt is too long: 1284668 tokens > 1000000 maximum"), ContextFull, "dcdpr/jp#978"),
    Said(
        "anthropic",
        400,
        claude(BAD, "input length and `max_tokens` exceed context limit; exceeds the model"),
        ContextFull,
        GUIDE,
    ),
    Said("anthropic", 413, claude("request_too_large", "Request exceeds the maximum size"), ContextFull, GUIDE),
    Said(
        "anthropic",
        429,
        claude("rate_limit_error", "Extra usage is required for long context requests."),
        ContextFull,
        "anthropics/claude-code#33514",
    ),
    Said(
        "anthropic",
        400,
        claude(BAD, "messages.1.content.0: Invalid `signature` in `thinking` block"),
        ThinkingRejected,
        GUIDE,
    ),
    Said("anthropic", 429, claude("rate_limit_error", "Rate limited"), RateLimited, LIMITS, {"retry-after": "7"}, wait=7),
    Said(
        "anthropic",
        429,
        claude("rate_limit_error", MINUTE),
        RateLimited,
        "FoundationAgents/OpenManus#746",
        DATE | NO_MORE,
        wait=40,
    ),
    Said(
        "anthropic",
        429,
        claude("rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
        RateLimited,
        "anthropics/claude-code#71670",
    ),
    Said(
        "anthropic",
        429,
        claude("rate_limit_error", "Rate limited"),
        RateLimited,
        "RFC 9110",
        DATE | {"retry-after": "Sat, 21 Nov 2026 12:01:30 GMT"},
        wait=90,
    ),
    *(
        Said(
            "anthropic",
            429,
            claude("rate_limit_error", "Rate limited"),
            RateLimited,
            f"retry-after {word}",
            {"retry-after": word},
            wait=31 * 86_400.0 if word in ("inf", "1e300", "99999999") else None,
        )
        for word in ("-5", "nan", "inf", "1e300", "soon", "99999999", "")
    ),
    Said("anthropic", 500, claude("api_error", "Internal server error"), Unavailable, GUIDE),
    Said("anthropic", 504, claude("timeout_error", "Request timed out"), Unavailable, GUIDE),
    Said("anthropic", 502, "<html><h1>502 Bad Gateway</h1></html>", Unavailable, "a proxy's page"),
    Said("anthropic", 403, "<html><title>Attention Required! | Cloudflare</title></html>", Unavailable, "a firewall's page"),
    Said("anthropic", 529, claude("overloaded_error", "Overloaded"), Overloaded, GUIDE, {"retry-after": "3"}, wait=3),
    Said("anthropic", 503, claude("overloaded_error", "Overloaded"), Overloaded, "openclaw#58565"),
)
