"""What the doubles of models' providers take for a JSON schema."""

from __future__ import annotations

_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})


def is_schema(schema: object) -> bool:
    """Tell whether a value is a JSON schema, as far as the house uses them."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict):
        return False
    kinds = schema.get("type", [])
    required = schema.get("required", [])
    return (
        set([kinds] if isinstance(kinds, str) else kinds) <= _TYPES
        and isinstance(required, list)
        and all(isinstance(name, str) for name in required)
        and isinstance(schema.get("enum", []), list)
        and isinstance(schema.get("description", ""), str)
        and all(is_schema(inner) for inner in inner_schemas(schema))
    )


def inner_schemas(schema: dict[str, object]) -> list[object]:
    """Return the schemas within a schema; what stands in the place of one and is none comes as None."""
    inner: list[object] = []
    for name in ("properties", "$defs"):
        named = schema.get(name, {})
        inner += named.values() if isinstance(named, dict) else [None]
    for name in ("anyOf", "allOf", "oneOf"):
        listed = schema.get(name, [])
        inner += listed if isinstance(listed, list) else [None]
    return inner + [schema[name] for name in ("items", "additionalProperties", "not") if name in schema]
