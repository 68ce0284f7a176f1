"""The shapes of requests that clients of OpenAI's API send; what more they send is ignored.

Data only.
"""

from __future__ import annotations

from typing import Any

from ragkit.serving.schema.parts import (
    MOST_QUERY,
    NAME,
    QUERY,
    STRING,
    TRUTH,
    array_of,
    object_of,
    ref,
)

MOST_INPUTS = 256  # texts of one request for embeddings
MOST_MESSAGES = 200
_PART = object_of({"type": STRING, "text": {"type": "string", "maxLength": 200_000}}, "type",
                more=True)  # fmt: skip
_CONTENT = {"anyOf": [{"type": "string", "maxLength": 200_000}, array_of(_PART, 100)]}
_MESSAGE = object_of(
    {
        "role": {"type": "string", "enum": ["system", "developer", "user", "assistant"]},
        "content": _CONTENT,
    },
    *("role", "content"),
    more=True,
)
_MODEL = {"type": "string", "minLength": 1, "maxLength": 200, "description": "one of /v1/models"}
_FILE_SEARCH = object_of(
    {
        "type": {"type": "string", "enum": ["file_search"]},
        "vector_store_ids": {**array_of(NAME, 1), "minItems": 1},
        "max_num_results": {"type": "integer", "minimum": 1, "maximum": 50},
        "filters": {"type": ["object", "null"]},
        "ranking_options": ref("RankingOptions"),
    },
    "type",
    "vector_store_ids",
    more=True,
)

OPENAI: dict[str, Any] = {
    "RankingOptions": object_of(
        {"ranker": STRING, "score_threshold": {"type": "number", "minimum": 0, "maximum": 1}},
        more=True,
    ),
    "VectorStoreSearch": object_of(
        {
            "query": {"anyOf": [QUERY, {**array_of(QUERY, 8), "minItems": 1}]},
            "filters": {"type": ["object", "null"]},
            "max_num_results": {"type": "integer", "minimum": 1, "maximum": 50},
            "ranking_options": ref("RankingOptions"),
            "rewrite_query": TRUTH,
        },
        "query",
        more=True,
    ),
    "EmbeddingsRequest": object_of(
        {
            "model": _MODEL,
            "input": {
                "anyOf": [
                    {"type": "string", "minLength": 1, "maxLength": 200_000},
                    {
                        **array_of({"type": "string", "minLength": 1, "maxLength": 200_000},
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
    "ChatRequest": object_of(
        {
            "model": _MODEL,
            "messages": {**array_of(_MESSAGE, MOST_MESSAGES), "minItems": 1},
            "stream": {"type": ["boolean", "null"]},
            "stream_options": {"type": ["object", "null"]},
            "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 1},
        },
        "model",
        "messages",
        more=True,
    ),
    "ResponsesRequest": object_of(
        {
            "model": _MODEL,
            "input": {
                "anyOf": [
                    {"type": "string", "minLength": 1, "maxLength": MOST_QUERY},
                    {**array_of(_MESSAGE, MOST_MESSAGES), "minItems": 1},
                ]
            },
            "tools": array_of(_FILE_SEARCH, 1),
            "include": {**array_of(STRING, 20), "type": ["array", "null"]},
            "stream": {"type": ["boolean", "null"]},
            "previous_response_id": {"type": "null"},
        },
        "model",
        "input",
        more=True,
    ),
    "OpenAIObject": {"type": "object", "required": ["object"],
                     "properties": {"object": STRING}},
}  # fmt: skip
