"""JSON Schemas of the requests that clients of OpenAI's API send. Other properties are ignored.

Data only.
"""

from __future__ import annotations

from typing import Any

from ragkit.serving.schema.parts import (
    BOOLEAN,
    MAX_QUERY,
    NAME,
    QUERY,
    STRING,
    array_schema,
    object_schema,
    ref,
)

MAX_INPUTS = 256  # texts of one request for embeddings
MAX_MESSAGES = 200
_CONTENT_PART = object_schema(
    {"type": STRING, "text": {"type": "string", "maxLength": 200_000}}, "type", allow_others=True
)
_CONTENT = {"anyOf": [{"type": "string", "maxLength": 200_000}, array_schema(_CONTENT_PART, 100)]}
_MESSAGE = object_schema(
    {
        "role": {"type": "string", "enum": ["system", "developer", "user", "assistant"]},
        "content": _CONTENT,
    },
    *("role", "content"),
    allow_others=True,
)
_MODEL = {"type": "string", "minLength": 1, "maxLength": 200, "description": "one of /v1/models"}
_FILE_SEARCH = object_schema(
    {
        "type": {"type": "string", "enum": ["file_search"]},
        "vector_store_ids": {**array_schema(NAME, 1), "minItems": 1},
        "max_num_results": {"type": "integer", "minimum": 1, "maximum": 50},
        "filters": {"type": ["object", "null"]},
        "ranking_options": ref("RankingOptions"),
    },
    "type",
    "vector_store_ids",
    allow_others=True,
)

OPENAI: dict[str, Any] = {
    "RankingOptions": object_schema(
        {"ranker": STRING, "score_threshold": {"type": "number", "minimum": 0, "maximum": 1}},
        allow_others=True,
    ),
    "VectorStoreSearch": object_schema(
        {
            "query": {"anyOf": [QUERY, {**array_schema(QUERY, 8), "minItems": 1}]},
            "filters": {"type": ["object", "null"]},
            "max_num_results": {"type": "integer", "minimum": 1, "maximum": 50},
            "ranking_options": ref("RankingOptions"),
            "rewrite_query": BOOLEAN,
        },
        "query",
        allow_others=True,
    ),
    "EmbeddingsRequest": object_schema(
        {
            "model": _MODEL,
            "input": {
                "anyOf": [
                    {"type": "string", "minLength": 1, "maxLength": 200_000},
                    {
                        **array_schema({"type": "string", "minLength": 1, "maxLength": 200_000},
                                MAX_INPUTS),
                        "minItems": 1,
                    },
                ]
            },
            "encoding_format": {"type": "string", "enum": ["float", "base64"]},
            "dimensions": {"type": "integer", "minimum": 1, "maximum": 100_000},
        },
        "model",
        "input",
        allow_others=True,
    ),
    "ChatRequest": object_schema(
        {
            "model": _MODEL,
            "messages": {**array_schema(_MESSAGE, MAX_MESSAGES), "minItems": 1},
            "stream": {"type": ["boolean", "null"]},
            "stream_options": {"type": ["object", "null"]},
            "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 1},
        },
        "model",
        "messages",
        allow_others=True,
    ),
    "ResponsesRequest": object_schema(
        {
            "model": _MODEL,
            "input": {
                "anyOf": [
                    {"type": "string", "minLength": 1, "maxLength": MAX_QUERY},
                    {**array_schema(_MESSAGE, MAX_MESSAGES), "minItems": 1},
                ]
            },
            "tools": array_schema(_FILE_SEARCH, 1),
            "include": {**array_schema(STRING, 20), "type": ["array", "null"]},
            "stream": {"type": ["boolean", "null"]},
            "previous_response_id": {"type": "null"},
        },
        "model",
        "input",
        allow_others=True,
    ),
    "OpenAIObject": {"type": "object", "required": ["object"],
                     "properties": {"object": STRING}},
}  # fmt: skip
