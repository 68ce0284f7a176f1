"""Building blocks of JSON Schemas: limits, fields that several schemas share, constructors.

Knows no request and no response.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_QUERY = 8_000  # characters
MAX_TEXT = 1_000_000  # characters of a document in one response

QUERY = {"type": "string", "minLength": 1, "maxLength": MAX_QUERY}
NAME = {"type": "string", "minLength": 1, "maxLength": 64, "description": "a collection's name"}
STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
NUMBER_OR_NULL = {"type": ["number", "null"]}
STRING_OR_NULL, INTEGER_OR_NULL = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
BOOLEAN = {"type": "boolean"}
OBJECT = {"type": "object"}


def object_schema(
    properties: Mapping[str, Any], *required: str, allow_others: bool = False
) -> dict[str, Any]:
    """Return the schema of an object; `allow_others` accepts further properties."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return schema if allow_others else {**schema, "additionalProperties": False}


def array_schema(items: Mapping[str, Any], max_items: int | None = None) -> dict[str, Any]:
    """Return the schema of an array of `items`, at most `max_items` of them."""
    return {"type": "array", "items": items, **({"maxItems": max_items} if max_items else {})}


def nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that also allows null, as clients send it for an option that is not set."""
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [*types, "null"], **enum}


def ref(name: str) -> dict[str, Any]:
    """Return a reference to the schema of this name in `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}
