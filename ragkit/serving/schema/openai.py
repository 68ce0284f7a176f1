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
    nullable,
    object_schema,
    ref,
)

MAX_INPUTS = 2048  # texts of one request for embeddings
MAX_STORES = 20  # that one search of files may name
MAX_TOOLS = 128  # as OpenAI's API has it
MAX_EMBEDDINGS_BYTES = 16_000_000  # of such a request's body
_TEXT = {
    "type": "string", "minLength": 1, "maxLength": 200_000,
    "x-expected": "string (token arrays belong to the vocabulary of another model: send text)",
}  # fmt: skip
_CONTENT_PART = object_schema(
    {"type": STRING, "text": {"type": "string", "maxLength": 200_000}}, "type", allow_others=True
)
_CONTENT = {
    "anyOf": [
        {"type": "string", "maxLength": 200_000},
        array_schema(_CONTENT_PART, 100),
        {"type": "null"},  # of an assistant's message that only calls tools
    ]
}
_MESSAGE = object_schema(
    {
        "role": {
            "type": "string",
            "enum": ["system", "developer", "user", "assistant", "tool", "function"],
        },
        "content": _CONTENT,
    },
    "role",
    allow_others=True,
)
# An item of a response's input: a message, or what an earlier response put out. Only messages are
# read, so that a client may send a whole conversation back.
_INPUT_ITEM = object_schema(
    {"type": nullable(STRING), "role": nullable(STRING), "content": _CONTENT}, allow_others=True
)
_MODEL = {"type": "string", "minLength": 1, "maxLength": 200, "description": "one of /v1/models"}
_RESULTS = nullable({"type": "integer", "minimum": 1, "maximum": 50})
# Of any kind; a search of files is done here, functions are for the language model.
_TOOL = object_schema(
    {
        "type": STRING,
        "vector_store_ids": {**array_schema(NAME, MAX_STORES), "minItems": 1},
        "max_num_results": _RESULTS,
        "filters": {"type": ["object", "null"]},
        "ranking_options": nullable(ref("RankingOptions")),
    },
    "type",
    allow_others=True,
)
_CHOICE = {"anyOf": [STRING, {"type": "object"}, {"type": "null"}]}
_JSON_SCHEMA = object_schema({"name": STRING, "schema": nullable({"type": "object"})}, "name",
                             allow_others=True)  # fmt: skip
_FORMAT = {"type": "string", "enum": ["text", "json_object", "json_schema"]}
_OUTPUT = {
    "tool_choice": _CHOICE,
    "parallel_tool_calls": nullable(BOOLEAN),
}

OPENAI: dict[str, Any] = {
    "RankingOptions": object_schema(
        {
            "ranker": nullable(STRING),
            "score_threshold": nullable({"type": "number", "minimum": 0, "maximum": 1}),
        },
        allow_others=True,
    ),
    "VectorStoreSearch": object_schema(
        {
            "query": {"anyOf": [QUERY, {**array_schema(QUERY, 8), "minItems": 1}]},
            "filters": {"type": ["object", "null"]},
            "max_num_results": _RESULTS,
            "ranking_options": nullable(ref("RankingOptions")),
            "rewrite_query": nullable(BOOLEAN),
        },
        "query",
        allow_others=True,
    ),
    "EmbeddingsRequest": object_schema(
        {
            "model": _MODEL,
            "input": {
                "anyOf": [_TEXT, {**array_schema(_TEXT, MAX_INPUTS), "minItems": 1}],
            },
            "encoding_format": nullable({"type": "string", "enum": ["float", "base64"]}),
            "dimensions": nullable({"type": "integer", "minimum": 1, "maximum": 100_000}),
        },
        "model",
        "input",
        allow_others=True,
    ),
    "ChatRequest": object_schema(
        {
            "model": _MODEL,
            "messages": {**array_schema(_MESSAGE), "minItems": 1},
            "stream": {"type": ["boolean", "null"]},
            "stream_options": {"type": ["object", "null"]},
            "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 1},
            "tools": nullable(array_schema(object_schema({"type": STRING}, "type",
                                                         allow_others=True), MAX_TOOLS)),
            **_OUTPUT,
            "response_format": nullable(object_schema(
                {"type": _FORMAT, "json_schema": _JSON_SCHEMA}, "type", allow_others=True)),
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
                    {**array_schema(_INPUT_ITEM), "minItems": 1},
                ]
            },
            "tools": nullable(array_schema(_TOOL, MAX_TOOLS)),
            **_OUTPUT,
            "instructions": nullable(STRING),
            "text": nullable(object_schema(
                {"format": nullable(object_schema({"type": _FORMAT}, "type", allow_others=True))},
                allow_others=True)),
            "include": {**array_schema(STRING, 20), "type": ["array", "null"]},
            "stream": {"type": ["boolean", "null"]},
            "previous_response_id": {
                "type": "null",
                "x-expected": "null, because no response is stored: send the conversation as input",
            },
        },
        "model",
        "input",
        allow_others=True,
    ),
    "OpenAIObject": {"type": "object", "required": ["object"],
                     "properties": {"object": STRING}},
}  # fmt: skip
