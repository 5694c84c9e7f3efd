"""The shapes of the Chat Completions API's requests, in which no unknown field and no wrong type passes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from tests.anthropic_blocks import Shape
from tests.openai_models import ApiError, Flavour

# Where null says the same as leaving the field out.
_NULLABLE = frozenset({"stream", "stream_options", "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p"})


class TextPart(Shape):
    """Words."""

    type: Literal["text"]
    text: str


class ImageUrl(Shape):
    """Where a picture is."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(Shape):
    """A picture."""

    type: Literal["image_url"]
    image_url: ImageUrl


class FileData(Shape):
    """A file in the request itself."""

    filename: Annotated[str, Field(min_length=1)]
    file_data: str


class FilePart(Shape):
    """A file, which is a PDF."""

    type: Literal["file"]
    file: FileData


Part = TextPart | ImagePart | FilePart


class System(Shape):
    """What the model is to be."""

    role: Literal["system", "developer"]
    content: str | list[TextPart]
    name: str | None = None


class User(Shape):
    """A person's words and pictures."""

    role: Literal["user"]
    content: str | Annotated[list[Annotated[Part, Field(discriminator="type")]], Field(min_length=1)]
    name: str | None = None


class CalledFunction(Shape):
    """What the model called."""

    name: str
    arguments: str


class ToolCall(Shape):
    """A call of the model."""

    id: Annotated[str, Field(min_length=1, max_length=40)]
    type: Literal["function"]
    function: CalledFunction


class Assistant(Shape):
    """What the model said and called."""

    role: Literal["assistant"]
    content: str | list[TextPart] | None = None
    refusal: str | None = None
    tool_calls: Annotated[list[ToolCall], Field(min_length=1)] | None = None


class ToolResult(Shape):
    """What a call gave."""

    role: Literal["tool"]
    content: str | list[TextPart]
    tool_call_id: str


Message = Annotated[System | User | Assistant | ToolResult, Field(discriminator="role")]


class Function(Shape):
    """A function that the model may call."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    strict: bool | None = None


class Tool(Shape):
    """A tool of the client's own."""

    type: Literal["function"]
    function: Function


class NamedFunction(Shape):
    """The function that the model must call."""

    name: str


class ToolChoice(Shape):
    """The model must call this tool."""

    type: Literal["function"]
    function: NamedFunction


class StreamOptions(Shape):
    """What a stream is to tell."""

    include_usage: bool = False
    include_obfuscation: bool = True


class CreateCompletion(Shape):
    """A request to be answered."""

    model: str
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    tools: Annotated[list[Tool], Field(min_length=1, max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    seed: int | None = None
    user: str | None = None
    n: Literal[1] = 1

    @property
    def most(self) -> int | None:
        """The longest answer that is wanted, in tokens."""
        return self.max_completion_tokens or self.max_tokens


def parse(body: dict[str, Any], flavour: Flavour) -> CreateCompletion:
    """Return the request for an answer, or refuse it with the name of what is wrong first."""
    for name, value in body.items():
        if name not in CreateCompletion.model_fields:
            raise ApiError(flavour, f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
        if value is None and name not in _NULLABLE:
            raise ApiError(flavour, f"Invalid type for '{name}': got null instead.", code="invalid_type", param=name)
    try:
        return CreateCompletion.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
        raise ApiError(flavour, f"Invalid value for '{where}': {first['msg']}", code="invalid_value", param=where) from None
