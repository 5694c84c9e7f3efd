"""The rules of the Chat Completions API that no shape can tell."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from typing import TYPE_CHECKING

from PIL import Image as Pictures

from tests.json_schemas import is_schema
from tests.openai_models import ApiError, Flavour, Model
from tests.openai_shapes import Assistant, CreateCompletion, FilePart, ImagePart, ToolResult, User

if TYPE_CHECKING:
    from tests.openai_shapes import Message

_PDF = re.compile(r"data:application/pdf;base64,(.+)", re.DOTALL)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,(.+)", re.DOTALL)


def check_request(request: CreateCompletion, model: Model, flavour: Flavour) -> None:
    """Refuse what keeps the shapes and breaks a rule."""
    try:
        _check_parameters(request, model, flavour)
        _check_tools(request)
        _check_calls(request.messages)
        for message in request.messages:
            _check_pictures(message, model, flavour)
    except _Broken as broken:
        raise ApiError(flavour, broken.message, code=broken.code) from None


class _Broken(Exception):
    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def _check_parameters(request: CreateCompletion, model: Model, flavour: Flavour) -> None:
    if request.stream_options is not None and not request.stream:
        raise _Broken("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    if request.max_tokens is not None and request.max_completion_tokens is not None:
        raise _Broken("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    if model.modern:
        unsupported = [name for name in ("max_tokens", "temperature", "top_p", "stop") if getattr(request, name) is not None]
        if unsupported:
            instead = " Use 'max_completion_tokens' instead." if unsupported[0] == "max_tokens" else ""
            raise _Broken(
                f"Unsupported parameter: '{unsupported[0]}' is not supported with this model.{instead}", "unsupported_parameter"
            )
    if request.reasoning_effort is not None and not (model.reasons or flavour.efforts_for_all):
        raise _Broken("Unrecognized request argument supplied: reasoning_effort")
    if request.tools and model.calls_without_effort and request.reasoning_effort != "none":
        raise _Broken(
            f"Function tools with reasoning_effort are not supported for {model.id} in /v1/chat/completions. To use function "
            "tools, use /v1/responses or set reasoning_effort to 'none'."
        )
    if request.most is not None and request.most > model.max_output:
        raise _Broken(
            f"max_tokens is too large: {request.most}. This model supports at most {model.max_output} completion tokens, "
            f"whereas you provided {request.most}.",
            "invalid_value",
        )


def _check_tools(request: CreateCompletion) -> None:
    tools = request.tools or []
    names = [tool.function.name for tool in tools]
    if len(set(names)) < len(names):
        raise _Broken("Invalid 'tools': tool names must be unique.")
    for number, tool in enumerate(tools):
        parameters = tool.function.parameters
        if parameters and (parameters.get("type") != "object" or not is_schema(parameters)):
            raise _Broken(
                f"Invalid schema for function '{tool.function.name}': tools[{number}] has no schema of an object.",
                "invalid_function_parameters",
            )
    if request.tool_choice is not None and not tools:
        raise _Broken("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")


def _check_calls(messages: list[Message]) -> None:
    open_calls: list[str] = []
    for number, message in enumerate(messages):
        if isinstance(message, ToolResult):
            if message.tool_call_id not in open_calls:
                raise _Broken(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                )
            open_calls.remove(message.tool_call_id)
            continue
        _check_answered(open_calls)
        if isinstance(message, Assistant):
            open_calls = _calls_of(message, number)
    _check_answered(open_calls)


def _check_answered(open_calls: list[str]) -> None:
    if open_calls:
        raise _Broken(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
            f"The following tool_call_ids did not have response messages: {', '.join(open_calls)}"
        )


def _calls_of(message: Assistant, number: int) -> list[str]:
    calls = message.tool_calls or []
    if not calls and not message.content:
        raise _Broken(f"Invalid value for 'messages[{number}].content': expected a string, got null.", "invalid_type")
    ids = [call.id for call in calls]
    if len(set(ids)) < len(ids):
        raise _Broken(f"Duplicate value for 'tool_call_id' in messages[{number}].tool_calls.", "invalid_value")
    for call in calls:
        # OpenAI takes any string here; the templates of the models that others serve take none that is no JSON object.
        if not _is_object(call.function.arguments):
            raise _Broken(f"Invalid value for 'messages[{number}].tool_calls': arguments must be a JSON object.")
        if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", call.function.name):
            raise _Broken(f"Invalid 'messages[{number}].tool_calls[0].function.name': string does not match pattern.")
    return ids


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check_pictures(message: Message, model: Model, flavour: Flavour) -> None:
    parts = message.content if isinstance(message, User) and isinstance(message.content, list) else []
    for part in parts:
        if isinstance(part, FilePart):
            _check_file(part, model, flavour)
        if not isinstance(part, ImagePart):
            continue
        if not model.sees:
            raise _Broken("Invalid content type. image_url is only supported by certain models.")
        url = part.image_url.url
        picture = _PICTURE.fullmatch(url)
        if not picture and not re.match("https?://", url):
            raise _Broken("Invalid 'image_url': expected a base64-encoded data URL with an image MIME type, or an http(s) URL.")
        if picture is not None and not _is_picture(_decoded(picture[1], "Invalid base64 image_url.")):
            raise _Broken("You uploaded an unsupported image. Please make sure your image is valid.", "image_parse_error")


def _check_file(part: FilePart, model: Model, flavour: Flavour) -> None:
    if flavour.name not in ("openai", "openrouter") or not model.sees:
        raise _Broken("Invalid content type. file is not supported by this model.")
    found = _PDF.fullmatch(part.file.file_data)
    if found is None or not _decoded(found[1], "Invalid base64 file_data.").startswith(b"%PDF-"):
        raise _Broken("Invalid file data: expected a base64-encoded data URL with an application/pdf MIME type.")


def _decoded(sent: str, complaint: str) -> bytes:
    try:
        return base64.b64decode(sent, validate=True)
    except binascii.Error:
        raise _Broken(complaint, "invalid_base64") from None


def _is_picture(content: bytes) -> bool:
    try:
        with Pictures.open(io.BytesIO(content)) as picture:
            picture.load()
    except OSError:
        return False
    return True
