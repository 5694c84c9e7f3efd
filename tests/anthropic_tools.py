"""The vendor's rules of tools: their names, the schemas of their input, and what `strict` forbids in a schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.anthropic_models import invalid
from tests.anthropic_shapes import ToolChoice
from tests.json_schemas import inner_schemas, is_schema

if TYPE_CHECKING:
    from tests.anthropic_shapes import CountTokens

_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_MOST_STRICT_TOOLS = 20

# What structured outputs do not support, by the type of the value.
_UNSUPPORTED = {
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "string": {"minLength", "maxLength"},
    "array": {"maxItems", "uniqueItems"},
}


def check_tools(request: CountTokens) -> None:
    """Refuse tools whose names clash or whose schemas are none, and a choice of a tool that is not there."""
    names = [tool.name for tool in request.tools]
    if len(set(names)) < len(names):
        raise invalid("tools: Tool names must be unique.")
    if sum(tool.strict for tool in request.tools) > _MOST_STRICT_TOOLS:
        raise invalid(f"tools: At most {_MOST_STRICT_TOOLS} tools can be strict.")
    for number, tool in enumerate(request.tools):
        _check_input_schema(tool.input_schema, f"tools.{number}.custom")
        if tool.strict:
            _check_strict(tool.input_schema, f"tools.{number}.custom")
    if request.tool_choice is not None and not names:
        raise invalid("tool_choice: tool_choice may only be specified while providing tools.")
    if isinstance(request.tool_choice, ToolChoice) and request.tool_choice.name not in names:
        raise invalid(f"tool_choice: Tool '{request.tool_choice.name}' not found in provided tools")
    if request.output_config and request.output_config.format:
        _check_strict(request.output_config.format.shape, "output_config.format.schema")


def _check_input_schema(schema: dict[str, Any], where: str) -> None:
    if "type" not in schema:
        raise invalid(f"{where}.input_schema.type: Field required")
    if schema["type"] != "object":
        raise invalid(f"{where}.input_schema.type: Input should be 'object'")
    if schema.keys() & {"oneOf", "allOf", "anyOf"}:
        raise invalid(f"{where}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level")
    for name in schema.get("properties") or {}:
        if not _PROPERTY.fullmatch(name):
            raise invalid(f"{where}.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'")
    if not is_schema(schema):
        raise invalid(
            f"{where}.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 "
            "(https://json-schema.org/draft/2020-12)."
        )


def _check_strict(schema: object, where: str) -> None:
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        raise invalid(f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    if isinstance(kind, str) and (unsupported := sorted(schema.keys() & _UNSUPPORTED.get(kind, set()))):
        raise invalid(f"{where}: For '{kind}' type, properties {', '.join(unsupported)} are not supported")
    for inner in inner_schemas(schema):
        _check_strict(inner, where)
