"""The flavours of the Chat Completions API that its double knows, with their models and the shapes of their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.scripted import Complaint

if TYPE_CHECKING:
    from collections.abc import Mapping

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
}


@dataclass(frozen=True)
class Model:
    """What a provider documents about one model, as far as a request can run against it."""

    id: str
    max_output: int = 32_768
    context: int = 128_000
    sees: bool = False
    reasons: bool = False
    # Takes `max_completion_tokens` only, and no sampling parameters.
    modern: bool = False
    # Takes tools only where it is told not to reason.
    calls_without_effort: bool = False


@dataclass(frozen=True)
class Flavour:
    """One provider's way of the protocol."""

    name: str
    prefix: str
    models: tuple[Model, ...]
    caches: bool = False
    lists_for_all: bool = False  # whether a stranger may look at its models
    listeners: tuple[str, ...] = ()  # its models that transcribe speech
    efforts_for_all: bool = False  # whether an effort for a model that does not reason is left out silently

    def model(self, name: str) -> Model:
        """Return the model of a name, or refuse as the provider does."""
        for model in self.models:
            if model.id == name:
                return model
        if self.name == "openrouter":
            raise ApiError(self, f"{name} is not a valid model ID", param="model")
        message = f"The model `{name}` does not exist or you do not have access to it."
        raise ApiError(self, message, status=404, code="model_not_found")

    def unauthorized(self, token: str) -> ApiError:
        """Return the refusal of a key."""
        masked = f"{token[:7]}{'*' * 8}{token[-4:]}" if token else ""
        message = {
            "openai": f"Incorrect API key provided: {masked}. You can find your API key at https://platform.openai.com/.",
            "groq": "Invalid API Key",
            "nvidia": "Authentication failed",
            "openrouter": "User not found." if token else "No auth credentials found",
        }.get(self.name, "Unauthorized")
        return ApiError(self, message, status=401, code="invalid_api_key")


class ApiError(Complaint):
    """An answer in a provider's shape of errors."""

    def __init__(
        self,
        flavour: Flavour,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind, message, status, headers)
        self.flavour = flavour
        self.code = code
        self.param = param

    def body(self, request_id: str) -> dict[str, object]:
        """Return the JSON object that the provider sends for it."""
        if self.flavour.name == "nvidia" and self.status != 400:
            return {"status": self.status, "title": _TITLES.get(self.status, "Error"), "detail": self.message}
        if self.flavour.name == "nvidia":
            return {"object": "error", "message": self.message, "type": "BadRequestError", "param": None, "code": 400}
        if self.flavour.name == "openrouter":
            return {"error": {"message": self.message, "code": self.status}, "user_id": f"user_{request_id[-8:]}"}
        error: dict[str, object] = {"message": self.message, "type": self.kind, "code": self.code}
        return {"error": error if self.flavour.name == "groq" else {**error, "param": self.param}}


FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        Flavour(
            "openai",
            "/v1",
            (
                Model("gpt-6.1-terra", 128_000, 400_000, sees=True, reasons=True, modern=True),
                Model("gpt-4.1", 32_768, 1_000_000, sees=True),
                Model("gpt-6-sol", 128_000, 922_000, sees=True, reasons=True, modern=True, calls_without_effort=True),
                Model("gpt-6-luna", 128_000, 922_000, sees=True, reasons=True, modern=True, calls_without_effort=True),
            ),
            caches=True,
            listeners=("whisper-1", "gpt-4o-mini-transcribe"),
        ),
        Flavour(
            "groq",
            "/openai/v1",
            (
                Model("openai/gpt-oss-120b", 65_536, 131_072, reasons=True),
                Model("meta-llama/llama-4-scout-17b-16e-instruct", 8192, 131_072, sees=True),
                Model("llama-3.3-70b-versatile", 32_768, 131_072),
                Model("openai/gpt-oss-20b", 65_536, 131_072, reasons=True),
            ),
            listeners=("whisper-large-v3-turbo", "whisper-large-v3"),
        ),
        Flavour(
            "nvidia",
            "/v1",
            (
                Model("meta/llama-3.3-70b-instruct"),
                Model("nvidia/nemotron-nano-vl", sees=True),
                Model("nvidia/nemotron-3-super-120b-a12b"),
            ),
            lists_for_all=True,
        ),
        Flavour(
            "openrouter",
            "/api/v1",
            (
                Model("anthropic/claude-sonnet-5.5", 64_000, 1_000_000, sees=True, reasons=True),
                Model("meta-llama/llama-3.3-70b-instruct:free"),
                Model("anthropic/claude-haiku-5.5", 64_000, 1_000_000, sees=True, reasons=True),
            ),
            caches=True,
            lists_for_all=True,
            efforts_for_all=True,
        ),
        Flavour("sokosumi", "/v1", (Model("sokosumi-large", sees=True), Model("unknown"))),
    )
}
