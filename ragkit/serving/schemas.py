"""The shapes of requests and answers as JSON Schema: what is checked and what is documented.

Own requests refuse what they don't know, so that a misspelt name is noticed; those of OpenAI's
shape take and ignore what clients send along. Data only.
"""

from __future__ import annotations

from typing import Any

from ragkit.settings import FUSIONS, MODES

MOST_K = 100
MOST_QUERY = 8_000  # characters
MOST_TEXT = 1_000_000  # characters of a document in one answer
MOST_INPUTS = 256  # texts of one request for embeddings
MOST_MESSAGES = 200

QUERY = {"type": "string", "minLength": 1, "maxLength": MOST_QUERY}
NAME = {"type": "string", "minLength": 1, "maxLength": 64, "description": "a collection's name"}
K = {"type": "integer", "minimum": 1, "maximum": MOST_K, "description": "passages; default 10"}
WHERE = {
    "type": ["string", "object"],
    "maxLength": 10_000,
    "description": "a filter: an expression, or the JSON of OpenAI's API (docs/ranking.md)",
}
MODE = {"type": "string", "enum": list(MODES)}
MIN_SCORE = {"type": "number", "minimum": -1, "maximum": 1, "description": "lowest cosine"}
_STRING, _INTEGER, _NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
_TEXT_OR_NONE, _COUNT_OR_NONE = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
_TRUTH = {"type": "boolean"}
_OBJECT = {"type": "object"}


def _object(properties: dict[str, Any], *required: str, more: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        found["required"] = list(required)
    return found if more else {**found, "additionalProperties": False}


def _list(items: dict[str, Any], most: int | None = None) -> dict[str, Any]:
    return {"type": "array", "items": items, **({"maxItems": most} if most else {})}


def ref(name: str) -> dict[str, Any]:
    """A reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


_HOW = {
    "k": K,
    "mode": MODE,
    "min_score": MIN_SCORE,
    "where": WHERE,
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
    "path": _STRING, "page": _COUNT_OR_NONE, "locator": _TEXT_OR_NONE,
    "start_line": _COUNT_OR_NONE, "end_line": _COUNT_OR_NONE, "start": _INTEGER, "end": _INTEGER,
    "citation": _STRING, "title": _STRING, "stale": _TRUTH,
}  # fmt: skip
_TURN = _object({"question": QUERY, "answer": {"type": "string", "maxLength": 100_000}},
                "question", "answer")  # fmt: skip
_PART = _object({"type": _STRING, "text": {"type": "string", "maxLength": 200_000}}, "type",
                more=True)  # fmt: skip
_CONTENT = {"anyOf": [{"type": "string", "maxLength": 200_000}, _list(_PART, 100)]}
_MESSAGE = _object(
    {
        "role": {"type": "string", "enum": ["system", "developer", "user", "assistant"]},
        "content": _CONTENT,
    },
    *("role", "content"),
    more=True,
)
_MODEL = {"type": "string", "minLength": 1, "maxLength": 200, "description": "one of /v1/models"}
_FILE_SEARCH = _object(
    {
        "type": {"type": "string", "enum": ["file_search"]},
        "vector_store_ids": {**_list(NAME, 1), "minItems": 1},
        "max_num_results": {"type": "integer", "minimum": 1, "maximum": 50},
        "filters": {"type": ["object", "null"]},
        "ranking_options": ref("RankingOptions"),
    },
    "type",
    "vector_store_ids",
    more=True,
)

SCHEMAS: dict[str, Any] = {
    "Error": _object(
        {
            "error": _object(
                {
                    "message": _STRING,
                    "type": _STRING,
                    "code": _TEXT_OR_NONE,
                    "param": _TEXT_OR_NONE,
                },
                *("message", "type"),
            )
        },
        "error",
    ),
    "SearchRequest": _object(
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
    "Hit": _object(
        {
            "rank": _INTEGER, "score": _NUMBER, "passage_id": _INTEGER, "text": _STRING,
            "heading": _list(_STRING), "scores": _OBJECT, "metadata": _OBJECT,
            "document_id": _COUNT_OR_NONE, "explanation": _OBJECT, **_PLACE,
        },
        *("rank", "score", "passage_id", "text", "path", "citation", "start", "end"),
    ),
    "SearchAnswer": _object(
        {"collection": NAME, "query": _STRING, "hits": _list(ref("Hit"))},
        *("collection", "query", "hits"),
    ),
    "AskRequest": _object(
        {
            "question": QUERY,
            **_HOW,
            "history": _list(_TURN, 50),
            "stream": {"type": "boolean", "description": "as server-sent events; default false"},
            "extractive": {"type": "boolean", "description": "of the sources' sentences, no LLM"},
        },
        "question",
    ),
    "Citation": _object(
        {"n": _INTEGER, "passage_id": _INTEGER, "quote": _STRING, "document_id": _COUNT_OR_NONE,
         **_PLACE},
        *("n", "passage_id", "quote"),
    ),
    "Answer": _object(
        {
            "collection": NAME, "text": _STRING, "citations": _list(ref("Citation")),
            "answerable": _TRUTH, "hits": _list(ref("Hit")), "model": _STRING,
            "unsupported": _list(_OBJECT), "warnings": _list(_STRING), "question": _STRING,
            "usage": {"type": ["object", "null"]},
        },
        *("text", "citations", "answerable", "hits", "model"),
    ),
    "Document": _object(
        {
            "id": _INTEGER, "path": _STRING, "title": _STRING, "media_type": _TEXT_OR_NONE,
            "characters": _INTEGER, "passages": _INTEGER, "metadata": _OBJECT,
        },
        *("id", "path", "title", "characters", "passages"),
    ),
    "Documents": _object(
        {
            "collection": NAME,
            "documents": _list(ref("Document")),
            "total": _INTEGER,
            "next": {**_COUNT_OR_NONE, "description": "`after` of the next page"},
        },
        *("collection", "documents", "total", "next"),
    ),
    "DocumentText": _object(
        {
            "collection": NAME, "id": _INTEGER, "path": _STRING, "title": _STRING,
            "media_type": _TEXT_OR_NONE, "characters": _INTEGER, "passages": _INTEGER,
            "metadata": _OBJECT, "text": _STRING, "start": _INTEGER, "end": _INTEGER,
        },
        *("id", "path", "text", "start", "end", "characters"),
    ),
    "Excerpt": _object(
        {"collection": NAME, "text": _STRING, "truncated": _TRUTH, **_PLACE},
        *("text", "path", "citation", "start", "end"),
    ),
    "Status": _object(
        {
            "version": _STRING,
            "collections": _list(
                _object(
                    {
                        "name": NAME, "roots": _list(_STRING), "files": _OBJECT,
                        "coverage": _OBJECT, "documents": _INTEGER, "passages": _INTEGER,
                        "pending": _INTEGER, "model": _TEXT_OR_NONE, "dimension": _COUNT_OR_NONE,
                        "window": _COUNT_OR_NONE, "database_bytes": _INTEGER,
                        "index_bytes": _INTEGER, "generation": _INTEGER, "index": ref("IndexRun"),
                    },
                    *("name", "documents", "passages"),
                )
            ),
        },
        *("version", "collections"),
    ),
    "IndexRequest": _object(
        {"collection": NAME, "roots": {**_list(NAME, 100), "minItems": 1}},
    ),
    "IndexRun": _object(
        {
            "state": {"type": "string", "enum": ["never", "running", "done", "failed", "stopped"]},
            "roots": _list(_STRING), "files": _INTEGER, "files_total": _INTEGER,
            "embedded": _INTEGER, "pending": _INTEGER, "seconds": _NUMBER,
            "report": {"type": ["object", "null"]}, "error": _TEXT_OR_NONE,
        },
        "state",
    ),
    "Health": _object({"status": {"type": "string", "enum": ["ok"]}}, "status"),
    "RankingOptions": _object(
        {"ranker": _STRING, "score_threshold": {"type": "number", "minimum": 0, "maximum": 1}},
        more=True,
    ),
    "VectorStoreSearch": _object(
        {
            "query": {"anyOf": [QUERY, {**_list(QUERY, 8), "minItems": 1}]},
            "filters": {"type": ["object", "null"]},
            "max_num_results": {"type": "integer", "minimum": 1, "maximum": 50},
            "ranking_options": ref("RankingOptions"),
            "rewrite_query": _TRUTH,
        },
        "query",
        more=True,
    ),
    "EmbeddingsRequest": _object(
        {
            "model": _MODEL,
            "input": {
                "anyOf": [
                    {"type": "string", "minLength": 1, "maxLength": 200_000},
                    {
                        **_list({"type": "string", "minLength": 1, "maxLength": 200_000},
                                MOST_INPUTS),
                        "minItems": 1,
                    },
                ]
            },
            "encoding_format": {"type": "string", "enum": ["float", "base64"]},
            "dimensions": {"type": "integer", "minimum": 1, "maximum": 100_000},
        },
        "model",
        "input",
        more=True,
    ),
    "ChatRequest": _object(
        {
            "model": _MODEL,
            "messages": {**_list(_MESSAGE, MOST_MESSAGES), "minItems": 1},
            "stream": {"type": ["boolean", "null"]},
            "stream_options": {"type": ["object", "null"]},
            "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 1},
        },
        "model",
        "messages",
        more=True,
    ),
    "ResponsesRequest": _object(
        {
            "model": _MODEL,
            "input": {
                "anyOf": [
                    {"type": "string", "minLength": 1, "maxLength": MOST_QUERY},
                    {**_list(_MESSAGE, MOST_MESSAGES), "minItems": 1},
                ]
            },
            "tools": _list(_FILE_SEARCH, 1),
            "include": {**_list(_STRING, 20), "type": ["array", "null"]},
            "stream": {"type": ["boolean", "null"]},
            "previous_response_id": {"type": "null"},
        },
        "model",
        "input",
        more=True,
    ),
    "OpenAIObject": {"type": "object", "required": ["object"],
                     "properties": {"object": _STRING}},
}  # fmt: skip
