"""JSON Schemas of requests and responses: requests are validated by them, OpenAPI shows them.

Requests of ragkit's own API refuse unknown properties, so that a misspelt name is noticed. Data
only; the schemas for OpenAI's API are in `openai`.
"""

from __future__ import annotations

from typing import Any

from ragkit.records.reports import UNREAD_STATUSES
from ragkit.retrieval.options import SEARCH_OPTIONS
from ragkit.serving.schema.exploring import EXPLORING
from ragkit.serving.schema.lookup import LOOKUP
from ragkit.serving.schema.openai import OPENAI
from ragkit.serving.schema.page import PAGE
from ragkit.serving.schema.parts import (
    BOOLEAN,
    INTEGER,
    INTEGER_OR_NULL,
    NAME,
    NUMBER,
    NUMBER_OR_NULL,
    OBJECT,
    QUERY,
    STRING,
    STRING_OR_NULL,
    array_schema,
    object_schema,
    ref,
)

_SEARCH_OPTIONS = {name: option["schema"] for name, option in SEARCH_OPTIONS.items()}
# For answers, exact search and reranking are the server's settings.
_ANSWER_OPTIONS = {
    name: option["schema"]
    for name, option in SEARCH_OPTIONS.items()
    if option["for_answers"] and name not in ("exact", "rerank")
}
_LOCATION = {
    "path": STRING, "page": INTEGER_OR_NULL, "locator": STRING_OR_NULL,
    "start_line": INTEGER_OR_NULL, "end_line": INTEGER_OR_NULL, "start": INTEGER, "end": INTEGER,
    "citation": STRING, "title": STRING, "stale": BOOLEAN,
}  # fmt: skip
_PLACE = object_schema(
    {"passage_id": INTEGER, "document_id": INTEGER, **_LOCATION},
    *("passage_id", "document_id", "path", "citation", "start", "end"),
)
_TURN = object_schema({"question": QUERY, "answer": {"type": "string", "maxLength": 100_000}},
                "question", "answer")  # fmt: skip
_COLLECTIONS = {
    **array_schema(NAME, 20),
    "minItems": 1,
    "description": "search these collections together, in place of one",
}
SCHEMAS: dict[str, Any] = {
    "Error": object_schema(
        {
            "error": object_schema(
                {
                    "message": STRING,
                    "type": STRING,
                    "code": STRING_OR_NULL,
                    "param": STRING_OR_NULL,
                },
                *("message", "type"),
            )
        },
        "error",
    ),
    "SearchRequest": object_schema(
        {"query": QUERY, **_SEARCH_OPTIONS, "collection": NAME, "collections": _COLLECTIONS},
        "query",
    ),
    "Hit": object_schema(
        {
            "rank": INTEGER, "score": NUMBER_OR_NULL, "passage_id": INTEGER, "text": STRING,
            "heading": array_schema(STRING), "scores": OBJECT, "metadata": OBJECT,
            "document_id": INTEGER_OR_NULL, "explanation": OBJECT, "collection": NAME,
            "copies": INTEGER, "also_at": array_schema(_PLACE), **_LOCATION,
            "highlights": array_schema(array_schema(INTEGER)),
            "newer_version": {
                **object_schema({"path": STRING, "document_id": INTEGER}, "path", "document_id"),
                "description": "the newest version of its document, if there is a newer one",
            },
        },
        *("rank", "score", "passage_id", "text", "path", "citation", "start", "end"),
    ),
    "SearchAnswer": object_schema(
        {
            "collection": NAME,
            "collections": array_schema(NAME),
            "merged_by": {
                "type": "string",
                "enum": ["score", "rank"],
                "description": "score: the scores of all collections are comparable; rank: the "
                "rankings are interleaved, because encoders differ",
            },
            "query": STRING,
            "hits": array_schema(ref("Hit")),
            "partial": {
                "type": "boolean",
                "description": "true if shards of a sharded collection did not answer; else absent",
            },
            "missing_shards": {
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "description": "the numbers of these shards",
            },
        },
        *("query", "hits"),
    ),
    "AskRequest": object_schema(
        {
            "question": QUERY,
            **_ANSWER_OPTIONS,
            "collection": NAME,
            "history": array_schema(_TURN, 50),
            "stream": {"type": "boolean", "description": "as server-sent events; default false"},
            "extractive": {"type": "boolean", "description": "of the sources' sentences, no LLM"},
        },
        "question",
    ),
    "Citation": object_schema(
        {"n": INTEGER, "passage_id": INTEGER, "quote": STRING, "document_id": INTEGER_OR_NULL,
         **_LOCATION},
        *("n", "passage_id", "quote"),
    ),
    "Answer": object_schema(
        {
            "collection": NAME, "text": STRING, "citations": array_schema(ref("Citation")),
            "answerable": BOOLEAN, "hits": array_schema(ref("Hit")), "model": STRING,
            "unsupported": array_schema(OBJECT), "warnings": array_schema(STRING),
            "question": STRING, "usage": {"type": ["object", "null"]},
            "relevance": {"type": ["number", "null"]},
        },
        *("text", "citations", "answerable", "hits", "model"),
    ),
    "Document": object_schema(
        {
            "id": INTEGER, "path": STRING, "title": STRING, "media_type": STRING_OR_NULL,
            "characters": INTEGER, "passages": INTEGER, "metadata": OBJECT,
        },
        *("id", "path", "title", "characters", "passages"),
    ),
    "Documents": object_schema(
        {
            "collection": NAME,
            "documents": array_schema(ref("Document")),
            "total": INTEGER,
            "next": {**INTEGER_OR_NULL, "description": "`after` of the next page"},
        },
        *("collection", "documents", "total", "next"),
    ),
    "DocumentText": object_schema(
        {
            "collection": NAME, "id": INTEGER, "path": STRING, "title": STRING,
            "media_type": STRING_OR_NULL, "characters": INTEGER, "passages": INTEGER,
            "metadata": OBJECT, "text": STRING, "start": INTEGER, "end": INTEGER,
        },
        *("id", "path", "text", "start", "end", "characters"),
    ),
    "Excerpt": object_schema(
        {"collection": NAME, "text": STRING, "truncated": BOOLEAN, **_LOCATION},
        *("text", "path", "citation", "start", "end"),
    ),
    "Status": object_schema(
        {
            "version": STRING,
            "collections": array_schema(
                object_schema(
                    {
                        "name": NAME, "roots": array_schema(STRING), "files": OBJECT,
                        "coverage": OBJECT, "documents": INTEGER, "passages": INTEGER,
                        "pending": INTEGER, "unreadable": INTEGER, "model": STRING_OR_NULL,
                        "dimension": INTEGER_OR_NULL,
                        "window": INTEGER_OR_NULL, "database_bytes": INTEGER,
                        "index_bytes": INTEGER, "generation": INTEGER, "index": ref("IndexRun"),
                    },
                    *("name", "documents", "passages"),
                )
            ),
        },
        *("version", "collections"),
    ),
    "UnreadFile": object_schema(
        {
            "id": INTEGER, "path": STRING,
            "status": {"type": "string", "enum": ["indexed", "empty", *UNREAD_STATUSES]},
            "kind": {**STRING_OR_NULL, "description": "null where only parts are missing"},
            "reason": STRING_OR_NULL,
            "parts": array_schema(object_schema({"path": STRING, "kind": STRING, "reason": STRING},
                                        "path", "kind", "reason")),
            "parts_count": {**INTEGER, "description": "with those that are not named"},
        },
        *("id", "path", "status", "kind", "reason", "parts", "parts_count"),
    ),
    "Unread": object_schema(
        {
            "collection": NAME,
            "files": array_schema(ref("UnreadFile")),
            "next": {**INTEGER_OR_NULL, "description": "`after` of the next page"},
        },
        *("collection", "files", "next"),
    ),
    "IndexRequest": object_schema(
        {"collection": NAME, "roots": {**array_schema(NAME, 100), "minItems": 1}},
    ),
    "IndexRun": object_schema(
        {
            "state": {"type": "string", "enum": ["never", "running", "done", "failed", "stopped"]},
            "roots": array_schema(STRING), "files": INTEGER, "files_total": INTEGER,
            "embedded": INTEGER, "pending": INTEGER, "seconds": NUMBER,
            "report": {"type": ["object", "null"]}, "error": STRING_OR_NULL,
        },
        "state",
    ),
    "Health": object_schema({"status": {"type": "string", "enum": ["ok"]}}, "status"),
    **EXPLORING,
    **PAGE,
    **LOOKUP,
    **OPENAI,
}  # fmt: skip
