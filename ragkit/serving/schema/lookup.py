"""JSON Schemas of the responses of `api/lookup`. Data only."""

from __future__ import annotations

from typing import Any

from ragkit.serving.schema.parts import (
    BOOLEAN,
    INTEGER,
    INTEGER_OR_NULL,
    NAME,
    STRING,
    STRING_OR_NULL,
    array_schema,
    object_schema,
    ref,
)

_MATCH = object_schema(
    {
        "citation": STRING, "line": INTEGER, "text": STRING, "offset": INTEGER,
        "before": array_schema(STRING), "after": array_schema(STRING), "path": STRING,
        "document_id": INTEGER, "page": INTEGER_OR_NULL, "locator": STRING_OR_NULL,
        "start": INTEGER, "end": INTEGER, "stale": BOOLEAN,
    },
    *("citation", "line", "text", "path"),
)  # fmt: skip
_ENTRY = object_schema(
    {
        "path": STRING,
        "kind": {"type": "string", "enum": ["folder", "document", "container", "unread"]},
        "documents": INTEGER, "characters": INTEGER_OR_NULL, "media_type": STRING_OR_NULL,
        "title": STRING_OR_NULL, "reason": STRING_OR_NULL, "document_id": INTEGER_OR_NULL,
        "citation": STRING,
    },
    *("path", "kind", "documents"),
)  # fmt: skip
LOOKUP: dict[str, Any] = {
    "GrepAnswer": object_schema(
        {
            "collection": NAME, "matches": array_schema(_MATCH), "cursor": STRING_OR_NULL,
            "searched": {**INTEGER, "description": "documents"}, "notice": STRING_OR_NULL,
        },
        *("matches", "cursor", "searched"),
    ),
    "Listing": object_schema(
        {
            "collection": NAME, "entries": array_schema(_ENTRY), "cursor": STRING_OR_NULL,
            "total": INTEGER,
        },
        *("entries", "cursor", "total"),
    ),
    "TextPart": object_schema(
        {
            "collection": NAME, "citation": STRING, "path": STRING, "title": STRING,
            "text": STRING, "first_line": INTEGER, "last_line": INTEGER, "lines": INTEGER,
            "page": INTEGER_OR_NULL, "pages": INTEGER, "start": INTEGER, "end": INTEGER,
            "characters": INTEGER, "cursor": STRING_OR_NULL, "stale": BOOLEAN,
        },
        *("citation", "text", "first_line", "last_line", "cursor"),
    ),
    "Related": object_schema(
        {
            "collection": NAME, "passage": ref("Hit"), "before": array_schema(ref("Hit")),
            "after": array_schema(ref("Hit")), "similar": array_schema(ref("Hit")),
        },
        *("passage", "before", "after", "similar"),
    ),
}  # fmt: skip
