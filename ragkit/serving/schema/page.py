"""JSON Schemas for the endpoints that the web page uses beside search and ask. Data only."""

from __future__ import annotations

from typing import Any

from ragkit.serving.schema.exploring import JUDGEMENT
from ragkit.serving.schema.parts import (
    BOOLEAN,
    INTEGER,
    NAME,
    NUMBER,
    STRING,
    STRING_OR_NULL,
    array_schema,
    object_schema,
)

_WHERE = {"type": "string", "maxLength": 10_000}
_FACETS = ("type", "folder", "date", "tag")
_VALUES = array_schema(
    object_schema({"label": STRING, "documents": INTEGER, "where": STRING},
                  "label", "documents", "where")
)  # fmt: skip
PAGE: dict[str, Any] = {
    "Overview": object_schema(
        {
            "collection": NAME,
            "folders": array_schema(object_schema({"label": STRING, "documents": INTEGER},
                                                  "label", "documents")),
            "newest": array_schema(
                object_schema(
                    {"document_id": INTEGER, "path": STRING, "title": STRING, "changed": NUMBER},
                    *("document_id", "path", "title", "changed"),
                )
            ),
            "questions": array_schema(STRING),
            "can_open_files": BOOLEAN,
            "is_watching": BOOLEAN,
            "add_folders": {**STRING_OR_NULL, "description": "null, or why none can be added"},
            "upload": {**STRING_OR_NULL, "description": "null, or why files cannot be sent"},
        },
        *("collection", "folders", "newest", "questions"),
    ),
    "FacetsRequest": object_schema(
        {
            "collection": NAME,
            "where": _WHERE,
            "chosen": object_schema({name: array_schema(_WHERE, 50) for name in _FACETS}),
        }
    ),
    "Facets": object_schema({"collection": NAME, **dict.fromkeys(_FACETS, _VALUES)}, "collection"),
    "PagePicture": object_schema(
        {
            "collection": NAME, "page": INTEGER, "pages": INTEGER, "width": INTEGER,
            "height": INTEGER, "stale": BOOLEAN,
            "boxes": {**array_schema(array_schema(NUMBER)),
                      "description": "of the passage: left, top, width, height, 0 to 1"},
            "png": {"type": "string", "description": "the picture, in base64"},
        },
        *("page", "pages", "width", "height", "boxes", "png"),
    ),
    "Nearest": object_schema(
        {
            "collection": NAME,
            "notices": array_schema(STRING),
            "judgements": {**array_schema(JUDGEMENT), "description": "of this query"},
            "sentences": array_schema(
                object_schema({"passage_id": INTEGER, "start": INTEGER, "end": INTEGER},
                              "passage_id", "start", "end")
            ),
        },
        *("notices", "sentences"),
    ),
    "CollectionRequest": object_schema({"collection": NAME}),
    "OpenedFile": object_schema({"collection": NAME, "name": STRING}, "name"),
    "FolderChoices": object_schema({"folders": array_schema(STRING)}, "folders"),
    "FolderRequest": object_schema(
        {"collection": NAME, "folder": {"type": "string", "minLength": 1, "maxLength": 1000}},
        "folder",
    ),
    "UploadRequest": object_schema(
        {
            "collection": NAME,
            "name": {"type": "string", "minLength": 1, "maxLength": 250},
            "data": {"type": "string", "description": "the file, in base64"},
        },
        *("name", "data"),
    ),
    "StoredUpload": object_schema(
        {"collection": NAME, "name": STRING, "is_new": BOOLEAN, "root": STRING},
        *("name", "is_new", "root"),
    ),
}  # fmt: skip
