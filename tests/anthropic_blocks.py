"""The shapes of what a conversation consists of in the Messages API: messages and their content blocks."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

TOOL_NAME = r"^[a-zA-Z0-9_-]{1,128}$"
_TOOL_USE_ID = r"^[a-zA-Z0-9_-]+$"


def as_blocks(content: object) -> object:
    """Return a string as the one text block for which it is shorthand."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class Shape(BaseModel):
    """An object in which nothing but the named fields may stand, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CacheControl(Shape):
    """A cache breakpoint."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class InnerText(Shape):
    """A text inside another block, where no breakpoint can stand."""

    type: Literal["text"]
    text: str
    citations: list[dict[str, Any]] | None = None


class Text(InnerText):
    """A text block."""

    cache_control: CacheControl | None = None


class Base64Source(Shape):
    """A picture in the request itself."""

    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: Annotated[str, Field(min_length=1)]


class UrlSource(Shape):
    """Something that the vendor fetches."""

    type: Literal["url"]
    url: str


class FileSource(Shape):
    """Something uploaded before."""

    type: Literal["file"]
    file_id: str


class PdfSource(Shape):
    """A PDF in the request itself."""

    type: Literal["base64"]
    media_type: Literal["application/pdf"]
    data: Annotated[str, Field(min_length=1)]


class PlainSource(Shape):
    """A document of plain text."""

    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class Image(Shape):
    """A picture."""

    type: Literal["image"]
    source: Annotated[Base64Source | UrlSource | FileSource, Field(discriminator="type")]
    cache_control: CacheControl | None = None


class Citations(Shape):
    """Whether the model quotes a document."""

    enabled: bool = False


class Document(Shape):
    """A document."""

    type: Literal["document"]
    source: Annotated[PdfSource | PlainSource | UrlSource | FileSource, Field(discriminator="type")]
    cache_control: CacheControl | None = None
    citations: Citations | None = None
    context: str | None = None
    title: str | None = None


class Direct(Shape):
    """The model itself as the caller of a tool."""

    type: Literal["direct"]


class ToolUse(Shape):
    """A tool call of the model, sent back."""

    type: Literal["tool_use"]
    id: Annotated[str, Field(pattern=_TOOL_USE_ID)]
    name: Annotated[str, Field(pattern=TOOL_NAME)]
    input: dict[str, Any]
    cache_control: CacheControl | None = None
    caller: Direct = Direct(type="direct")
    toolset_name: None = None


Inner = Annotated[InnerText | Image | Document, Field(discriminator="type")]


class ToolResult(Shape):
    """What a tool answered; an empty string stands for no content."""

    type: Literal["tool_result"]
    tool_use_id: Annotated[str, Field(pattern=_TOOL_USE_ID)]
    content: Annotated[list[Inner], BeforeValidator(lambda content: [] if content == "" else as_blocks(content))] = Field(
        default_factory=list
    )
    is_error: bool = False
    cache_control: CacheControl | None = None
    toolset_name: None = None


class Thinking(Shape):
    """The model's thinking, sent back."""

    type: Literal["thinking"]
    thinking: str
    signature: str


Block = Annotated[Text | Image | Document | ToolUse | ToolResult | Thinking, Field(discriminator="type")]


class Message(Shape):
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    content: Annotated[list[Block], BeforeValidator(as_blocks)]
