"""One chunk of a streamed chat completion, as far as it can be read: the SDK checks nothing of what servers send."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from openai import BaseModel as FromSDK
from pydantic import BaseModel, ConfigDict, PlainValidator


def _as_text(value: object) -> str:
    if isinstance(value, Mapping):  # the arguments of a call, from a server that does not write them as a string
        return json.dumps(value)
    if value is not None and not isinstance(value, str | int):
        raise ValueError(f"{type(value).__name__} is no text")
    return "" if value is None else str(value)


# Not pydantic's own text, which takes no half of a character, of which a server may send two.
Words = Annotated[str, PlainValidator(_as_text)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class CalledFunction(_Part):
    """A piece of what a call calls."""

    name: Words = ""
    arguments: Words = ""


class CallPiece(_Part):
    """A piece of a call; many servers number their calls, some do not."""

    index: int | None = None
    id: Words = ""
    function: CalledFunction | None = None


class Delta(_Part):
    """What a chunk adds."""

    content: Words = ""
    refusal: Words = ""
    tool_calls: tuple[CallPiece, ...] | None = None
    function_call: CalledFunction | None = None


class Choice(_Part):
    """One of the answers, of which the house asks for one."""

    delta: Delta | None = None
    finish_reason: Words = ""
    error: Any = None


class Chunk(_Part):
    """A chunk, with the fields of Groq's usage and of errors that some servers put into it."""

    choices: tuple[Choice, ...] | None = None
    usage: Any = None
    x_groq: Any = None
    error_message: Words = ""
    error_type: Words = ""
    code: Words = ""

    @property
    def error(self) -> object | None:
        """The error that stands in it or in its choice, where the SDK does not look."""
        if self.error_message:
            return {"message": self.error_message, "type": self.error_type, "code": self.code}
        return next((choice.error for choice in self.choices or () if choice.error), None)


def read_chunk(sent: object) -> Chunk:
    """Read what the SDK took for a chunk. Raises ValueError for what is none."""
    return Chunk.model_validate(sent.to_dict(warnings=False) if isinstance(sent, FromSDK) else sent)
