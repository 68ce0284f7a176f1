"""What schemas are made of: bounds, the fields that several share, and how they are written.

Knows no request and no answer.
"""

from __future__ import annotations

from typing import Any

MOST_K = 100
MOST_QUERY = 8_000  # characters
MOST_TEXT = 1_000_000  # characters of a document in one answer

QUERY = {"type": "string", "minLength": 1, "maxLength": MOST_QUERY}
NAME = {"type": "string", "minLength": 1, "maxLength": 64, "description": "a collection's name"}
STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
TEXT_OR_NONE, COUNT_OR_NONE = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
TRUTH = {"type": "boolean"}
OBJECT = {"type": "object"}


def object_of(properties: dict[str, Any], *required: str, more: bool = False) -> dict[str, Any]:
    """An object of these properties; with `more`, of others as well."""
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        found["required"] = list(required)
    return found if more else {**found, "additionalProperties": False}


def array_of(items: dict[str, Any], most: int | None = None) -> dict[str, Any]:
    """An array of these, of so many at most."""
    return {"type": "array", "items": items, **({"maxItems": most} if most else {})}


def ref(name: str) -> dict[str, Any]:
    """A reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}
