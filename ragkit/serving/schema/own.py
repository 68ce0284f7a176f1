"""The shapes of requests and answers as JSON Schema: what is checked and what is documented.

Own requests refuse what they don't know, so that a misspelt name is noticed. Data only; that of
OpenAI's API is in `schemas_openai`.
"""

from __future__ import annotations

from typing import Any

from ragkit.serving.schema.openai import OPENAI
from ragkit.serving.schema.parts import (
    COUNT_OR_NONE,
    INTEGER,
    MOST_K,
    NAME,
    NUMBER,
    OBJECT,
    QUERY,
    STRING,
    TEXT_OR_NONE,
    TRUTH,
    array_of,
    object_of,
    ref,
)
from ragkit.settings import FUSIONS, MODES

_K = {"type": "integer", "minimum": 1, "maximum": MOST_K, "description": "passages; default 10"}
_WHERE = {
    "type": ["string", "object"],
    "maxLength": 10_000,
    "description": "a filter: an expression, or the JSON of OpenAI's API (docs/ranking.md)",
}
_MODE = {"type": "string", "enum": list(MODES)}
_MIN_SCORE = {"type": "number", "minimum": -1, "maximum": 1, "description": "lowest cosine"}
_HOW = {
    "k": _K,
    "mode": _MODE,
    "min_score": _MIN_SCORE,
    "where": _WHERE,
    "per_document": {"type": "integer", "minimum": 1, "maximum": MOST_K},
    "diverse": {
        "type": ["boolean", "number"],
        "minimum": 0,
        "maximum": 1,
        "description": "no two passages that say the same; a number is the λ of MMR",
    },
    "fusion": {"type": "string", "enum": list(FUSIONS)},
    "collection": NAME,
}
_PLACE = {
    "path": STRING, "page": COUNT_OR_NONE, "locator": TEXT_OR_NONE,
    "start_line": COUNT_OR_NONE, "end_line": COUNT_OR_NONE, "start": INTEGER, "end": INTEGER,
    "citation": STRING, "title": STRING, "stale": TRUTH,
}  # fmt: skip
_TURN = object_of({"question": QUERY, "answer": {"type": "string", "maxLength": 100_000}},
                "question", "answer")  # fmt: skip
SCHEMAS: dict[str, Any] = {
    "Error": object_of(
        {
            "error": object_of(
                {
                    "message": STRING,
                    "type": STRING,
                    "code": TEXT_OR_NONE,
                    "param": TEXT_OR_NONE,
                },
                *("message", "type"),
            )
        },
        "error",
    ),
    "SearchRequest": object_of(
        {
            "query": QUERY,
            **_HOW,
            "context": {
                "type": "integer",
                "minimum": 0,
                "maximum": 20,
                "description": "passages before and after each",
            },
            "explain": {"type": "boolean", "description": "why each is there; k is 20 at most"},
            "rerank": {
                "type": "boolean",
                "description": "the first 20 are read again by the server's cross-encoder",
            },
            "budget": {
                "type": "number",
                "minimum": 0.001,
                "maximum": 60,
                "description": "seconds for rerank: as many passages as fit, best first",
            },
            "exact": {
                "type": "boolean",
                "description": "compare all vectors, also of a large collection",
            },
        },
        "query",
    ),
    "Hit": object_of(
        {
            "rank": INTEGER, "score": NUMBER, "passage_id": INTEGER, "text": STRING,
            "heading": array_of(STRING), "scores": OBJECT, "metadata": OBJECT,
            "document_id": COUNT_OR_NONE, "explanation": OBJECT, **_PLACE,
        },
        *("rank", "score", "passage_id", "text", "path", "citation", "start", "end"),
    ),
    "SearchAnswer": object_of(
        {"collection": NAME, "query": STRING, "hits": array_of(ref("Hit"))},
        *("collection", "query", "hits"),
    ),
    "AskRequest": object_of(
        {
            "question": QUERY,
            **_HOW,
            "history": array_of(_TURN, 50),
            "stream": {"type": "boolean", "description": "as server-sent events; default false"},
            "extractive": {"type": "boolean", "description": "of the sources' sentences, no LLM"},
        },
        "question",
    ),
    "Citation": object_of(
        {"n": INTEGER, "passage_id": INTEGER, "quote": STRING, "document_id": COUNT_OR_NONE,
         **_PLACE},
        *("n", "passage_id", "quote"),
    ),
    "Answer": object_of(
        {
            "collection": NAME, "text": STRING, "citations": array_of(ref("Citation")),
            "answerable": TRUTH, "hits": array_of(ref("Hit")), "model": STRING,
            "unsupported": array_of(OBJECT), "warnings": array_of(STRING), "question": STRING,
            "usage": {"type": ["object", "null"]},
        },
        *("text", "citations", "answerable", "hits", "model"),
    ),
    "Document": object_of(
        {
            "id": INTEGER, "path": STRING, "title": STRING, "media_type": TEXT_OR_NONE,
            "characters": INTEGER, "passages": INTEGER, "metadata": OBJECT,
        },
        *("id", "path", "title", "characters", "passages"),
    ),
    "Documents": object_of(
        {
            "collection": NAME,
            "documents": array_of(ref("Document")),
            "total": INTEGER,
            "next": {**COUNT_OR_NONE, "description": "`after` of the next page"},
        },
        *("collection", "documents", "total", "next"),
    ),
    "DocumentText": object_of(
        {
            "collection": NAME, "id": INTEGER, "path": STRING, "title": STRING,
            "media_type": TEXT_OR_NONE, "characters": INTEGER, "passages": INTEGER,
            "metadata": OBJECT, "text": STRING, "start": INTEGER, "end": INTEGER,
        },
        *("id", "path", "text", "start", "end", "characters"),
    ),
    "Excerpt": object_of(
        {"collection": NAME, "text": STRING, "truncated": TRUTH, **_PLACE},
        *("text", "path", "citation", "start", "end"),
    ),
    "Status": object_of(
        {
            "version": STRING,
            "collections": array_of(
                object_of(
                    {
                        "name": NAME, "roots": array_of(STRING), "files": OBJECT,
                        "coverage": OBJECT, "documents": INTEGER, "passages": INTEGER,
                        "pending": INTEGER, "model": TEXT_OR_NONE, "dimension": COUNT_OR_NONE,
                        "window": COUNT_OR_NONE, "database_bytes": INTEGER,
                        "index_bytes": INTEGER, "generation": INTEGER, "index": ref("IndexRun"),
                    },
                    *("name", "documents", "passages"),
                )
            ),
        },
        *("version", "collections"),
    ),
    "UnreadFile": object_of(
        {
            "id": INTEGER, "path": STRING,
            "status": {"type": "string", "enum": ["indexed", "empty", "skipped", "failed"]},
            "kind": {**TEXT_OR_NONE, "description": "null where only parts are missing"},
            "reason": TEXT_OR_NONE,
            "parts": array_of(object_of({"path": STRING, "kind": STRING, "reason": STRING},
                                        "path", "kind", "reason")),
            "parts_count": {**INTEGER, "description": "with those that are not named"},
        },
        *("id", "path", "status", "kind", "reason", "parts", "parts_count"),
    ),
    "Unread": object_of(
        {
            "collection": NAME,
            "files": array_of(ref("UnreadFile")),
            "next": {**COUNT_OR_NONE, "description": "`after` of the next page"},
        },
        *("collection", "files", "next"),
    ),
    "IndexRequest": object_of(
        {"collection": NAME, "roots": {**array_of(NAME, 100), "minItems": 1}},
    ),
    "IndexRun": object_of(
        {
            "state": {"type": "string", "enum": ["never", "running", "done", "failed", "stopped"]},
            "roots": array_of(STRING), "files": INTEGER, "files_total": INTEGER,
            "embedded": INTEGER, "pending": INTEGER, "seconds": NUMBER,
            "report": {"type": ["object", "null"]}, "error": TEXT_OR_NONE,
        },
        "state",
    ),
    "Health": object_of({"status": {"type": "string", "enum": ["ok"]}}, "status"),
    **OPENAI,
}  # fmt: skip
