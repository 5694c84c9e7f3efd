"""The models, versions and errors of the Messages API that its double knows, as the vendor documents them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.scripted import Complaint

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2026-10-21"
OLD_VERSION = "2023-06-01"
VERSIONS = (VERSION, OLD_VERSION)

# The one beta that the double knows: it allows `thinking.block_binding`.
BINDING_BETA = "thinking-binding-controls-2026-08-01"

LONGEST_REQUEST = 32 * 2**20

STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
}


class ApiError(Complaint):
    """An answer in the vendor's shape of errors."""

    def __init__(self, kind: str, message: str, *, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(kind, message, STATUS[kind] if status is None else status, headers)

    def body(self, request_id: str) -> dict[str, object]:
        """Return the JSON object that the vendor sends for it."""
        return {"type": "error", "error": {"type": self.kind, "message": self.message}, "request_id": request_id}


def invalid(message: str) -> ApiError:
    """Return the refusal of a request that breaks a rule."""
    return ApiError("invalid_request_error", message)


@dataclass(frozen=True)
class Model:
    """What the vendor documents about one model, as far as a request can run against it."""

    id: str
    name: str
    line: str
    thinking: frozenset[str]
    max_output: int = 128_000
    context: int = 1_000_000
    # A shorter prefix is silently not cached. Platform docs, migration guides of the 5.5 models: 512, down from
    # 1,024 on Sonnet 5 and 4,096 on Haiku 4.5.
    cache_minimum: int = 512
    thinks_unasked: bool = True
    forces_tools: bool = True
    default_effort: str | None = "high"
    # Preserved thinking: a block is signed over everything that stands before it.
    binds_thinking: bool = False
    # Whose thinking it reads beside its own; what it cannot read is dropped without an error.
    reads: frozenset[str] = frozenset()


_OFF = frozenset({"adaptive", "disabled"})
_ALWAYS_ON = frozenset({"adaptive"})

_HAIKU_45 = Model(
    "claude-haiku-4-5-20251001",
    "Claude Haiku 4.5",
    "haiku",
    frozenset({"enabled", "disabled"}),
    max_output=64_000,
    context=200_000,
    cache_minimum=4096,
    thinks_unasked=False,
    default_effort=None,
)

MODELS = {
    model.id: model
    for model in (
        Model(
            "claude-haiku-5-5",
            "Claude Haiku 5.5",
            "haiku",
            _OFF,
            default_effort="medium",
            binds_thinking=True,
        ),
        Model(
            "claude-sonnet-5-5",
            "Claude Sonnet 5.5",
            "sonnet",
            frozenset({"adaptive", "between_tools"}),
            forces_tools=False,
            binds_thinking=True,
            reads=frozenset({"claude-sonnet-5", _HAIKU_45.id}),
        ),
        Model(
            "claude-opus-5-5",
            "Claude Opus 5.5",
            "opus",
            _ALWAYS_ON,
            forces_tools=False,
            default_effort="medium",
            binds_thinking=True,
        ),
        Model("claude-fable-5-1", "Claude Fable 5.1", "fable", _ALWAYS_ON, forces_tools=False, binds_thinking=True),
        Model("claude-sonnet-5", "Claude Sonnet 5", "sonnet", _OFF, cache_minimum=1024),
        Model("claude-opus-5", "Claude Opus 5", "opus", _OFF),
        _HAIKU_45,
    )
}

_ALIASES = {"claude-haiku-4-5": _HAIKU_45.id}


def find_model(name: str) -> Model:
    """Return the model of a name or alias, or refuse as the vendor does."""
    model = MODELS.get(_ALIASES.get(name, name))
    if model is None:
        raise ApiError("not_found_error", f"model: {name}")
    return model


def list_models(query: Mapping[str, str]) -> dict[str, object]:
    """Return the page of the models' list that a query asks for."""
    limit = query.get("limit", "20")
    if not limit.isdecimal() or not 1 <= int(limit) <= 1000:
        raise invalid("limit: Input should be between 1 and 1000")
    if unknown := sorted(set(query) - {"limit", "after_id", "before_id", "lifecycle", "lifecycle[]"}):
        raise invalid(f"{unknown[0]}: Extra inputs are not permitted")
    ids = list(MODELS)
    for cursor in ("after_id", "before_id"):
        if cursor in query and query[cursor] not in MODELS:
            raise invalid(f"{cursor}: Invalid cursor")
    if "before_id" in query:
        rest = ids[: ids.index(query["before_id"])]
        page = rest[-int(limit) :]
    else:
        rest = ids[ids.index(query["after_id"]) + 1 :] if "after_id" in query else ids
        page = rest[: int(limit)]
    return {
        "data": [_describe(MODELS[name]) for name in page],
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
        "has_more": len(page) < len(rest),
    }


def _describe(model: Model) -> dict[str, object]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name,
        "created_at": "2026-10-07T00:00:00Z",
        "lifecycle": "active",
        "line": model.line,
        "max_input_tokens": model.context,
        "max_tokens": model.max_output,
        "capabilities": None,
        "deprecated_at": None,
        "retires_at": None,
    }
