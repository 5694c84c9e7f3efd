"""The shapes of the Messages API's requests, in which no unknown field and no wrong type passes."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError

from tests.anthropic_blocks import TOOL_NAME, CacheControl, Message, Shape, Text, as_blocks
from tests.anthropic_models import OLD_VERSION, ApiError, invalid

# The fields that may be null; elsewhere null is a wrong type.
_NULLABLE = frozenset({"cache_control", "container", "diagnostics", "inference_geo", "speed"})


class Tool(Shape):
    """A tool of the client's own."""

    name: Annotated[str, Field(pattern=TOOL_NAME)]
    input_schema: dict[str, Any]
    type: Literal["custom"] | None = None
    description: str = ""
    cache_control: CacheControl | None = None
    strict: bool = False
    defer_loading: Literal[False] = False
    eager_input_streaming: bool | None = None
    input_examples: list[dict[str, Any]] = Field(default_factory=list)
    allowed_callers: list[Literal["direct"]] = Field(default_factory=list)


class AutoChoice(Shape):
    """The model may call tools."""

    type: Literal["auto"]
    disable_parallel_tool_use: bool = False


class AnyChoice(Shape):
    """The model must call a tool."""

    type: Literal["any"]
    disable_parallel_tool_use: bool = False


class ToolChoice(Shape):
    """The model must call this tool."""

    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: bool = False


class NoChoice(Shape):
    """The model must not call tools."""

    type: Literal["none"]


Display = Literal["summarized", "omitted"]


class Enabled(Shape):
    """Thinking with a budget, as older models take it."""

    type: Literal["enabled"]
    budget_tokens: Annotated[int, Field(ge=1024)]
    display: Display | None = None


class Adaptive(Shape):
    """Thinking as the model sees fit."""

    type: Literal["adaptive"]
    display: Display | None = None


class Disabled(Shape):
    """No thinking."""

    type: Literal["disabled"]


class BetweenTools(Shape):
    """No thinking but notes between tool calls."""

    type: Literal["between_tools"]


class BlockBinding(Shape):
    """What happens to thinking that is bound to another conversation."""

    prefix_mismatch_behavior: Literal["error", "drop_block"] | None = None


class JsonFormat(Shape):
    """A schema that the answer follows."""

    type: Literal["json_schema"]
    shape: dict[str, Any] = Field(alias="schema")


class OutputConfig(Shape):
    """How much the model does for an answer and in which form."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: JsonFormat | None = None


class Metadata(Shape):
    """Who asks."""

    user_id: Annotated[str, Field(max_length=256)] | None = None


class Diagnostics(Shape):
    """The answer before, for the search for cache misses."""

    previous_message_id: str | None = None


class CountTokens(Shape):
    """A request whose tokens are to be counted."""

    model: str
    messages: Annotated[list[Message], Field(max_length=100_000)]
    system: Annotated[list[Text], BeforeValidator(as_blocks)] = Field(default_factory=list)
    tools: list[Tool] = Field(default_factory=list)
    tool_choice: Annotated[AutoChoice | AnyChoice | ToolChoice | NoChoice, Field(discriminator="type")] | None = None
    thinking: Annotated[Enabled | Adaptive | Disabled | BetweenTools, Field(discriminator="type")] | None = None
    output_config: OutputConfig | None = None
    cache_control: CacheControl | None = None
    speed: Literal["standard"] | None = None


class CreateMessage(CountTokens):
    """A request to be answered."""

    max_tokens: Annotated[int, Field(ge=1)]
    stream: bool = False
    stop_sequences: list[str] = Field(default_factory=list)
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] = "auto"
    inference_geo: str | None = None
    container: None = None
    diagnostics: Diagnostics | None = None


class OldCreateMessage(CreateMessage):
    """A request of the version before, which knew sampling parameters."""

    temperature: Annotated[float, Field(ge=0, le=1)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None


AnyShape = TypeVar("AnyShape", bound=Shape)


def parse_create(body: dict[str, Any], version: str) -> CreateMessage:
    """Return the request for an answer, or refuse it with the path of the first fault."""
    return _parse(OldCreateMessage if version == OLD_VERSION else CreateMessage, body)


def parse_count(body: dict[str, Any]) -> CountTokens:
    """Return the request for a count, or refuse it with the path of the first fault."""
    return _parse(CountTokens, body)


def parse_binding(binding: object) -> BlockBinding:
    """Return the setting `thinking.block_binding`, or refuse it."""
    return _parse(BlockBinding, binding, at="thinking.block_binding")


def _parse(shape: type[AnyShape], body: object, *, at: str = "") -> AnyShape:
    if isinstance(body, dict) and not at:
        for name, value in body.items():
            if value is None and name in shape.model_fields and name not in _NULLABLE:
                raise invalid(f"{name}: Input should not be null")
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise _refusal(error, at) from None


def _refusal(error: ValidationError, at: str) -> ApiError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = list(first["loc"])
    if path[:1] == ["tools"] and len(path) > 1:
        path.insert(2, "custom")  # the vendor's tools are a union, and its paths name the member
    where = ".".join(str(step) for step in ([at] if at else []) + path)
    return invalid(f"{where}: {first['msg']}" if where else str(first["msg"]))
