"""JSON Schemas of the endpoints that show a collection as a whole, and of judgements. Data only."""

from __future__ import annotations

from typing import Any

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
    nullable,
    object_schema,
    ref,
)

MAX_EXPLAINED_TEXT = 2_000  # characters
MAX_TOPICS = 1_000
MAX_JUDGED = 100  # passages in one request
_TOPIC = {"id": INTEGER, "name": STRING, "terms": array_schema(STRING), "parent": STRING_OR_NULL,
          "passages": INTEGER}  # fmt: skip
_PASSAGE_INDEX = {
    **array_schema(INTEGER),
    "description": "for each point, its position in the list of this name",
}
_PLACES = {**array_schema(NUMBER), "description": "of each point"}
JUDGEMENT = object_schema(
    {
        "query": STRING, "relevant": BOOLEAN, "path": STRING,
        "quote": {**STRING, "description": "the judged text; empty for the whole document"},
        "judged_at": STRING, "document_id": INTEGER_OR_NULL,
        "span": {"type": ["array", "null"], "items": INTEGER,
                 "description": "where the text is now; null if it is gone"},
    },
    *("query", "relevant", "path", "quote", "document_id", "span"),
)  # fmt: skip
EXPLORING: dict[str, Any] = {
    "StoredTopics": object_schema(
        {
            "collection": NAME,
            "topics": array_schema(object_schema(_TOPIC, *_TOPIC)),
            "passages": {**INTEGER, "description": "with a topic"},
            "unassigned": {**INTEGER, "description": "passages without a topic"},
            "can_update": {**BOOLEAN, "description": "whether POST may store topics"},
        },
        *("topics", "passages", "unassigned", "can_update"),
    ),
    "TopicsRequest": object_schema(
        {
            "collection": NAME,
            "count": {"type": "integer", "minimum": 1, "maximum": MAX_TOPICS,
                      "description": "number of topics; default: that with the best silhouette"},
            "rebuild": {**BOOLEAN, "description": "find the topics anew; default false"},
        }
    ),
    "TopicsAnswer": object_schema(
        {
            "collection": NAME, "passages": INTEGER, "silhouette": NUMBER_OR_NULL,
            "updated": BOOLEAN,
            "topics": array_schema(
                object_schema(
                    {**_TOPIC, "cohesion": NUMBER, "silhouette": NUMBER_OR_NULL,
                     "central": array_schema(ref("Hit"))},
                    *_TOPIC,
                )
            ),
        },
        *("topics", "passages", "silhouette", "updated"),
    ),
    "Map": object_schema(
        {
            "collection": NAME, "method": STRING,
            "kept": {**INTEGER, "description": "points that are where an earlier map had them"},
            "groups": array_schema(object_schema({"name": STRING, "points": INTEGER},
                                                 "name", "points")),
            "documents": array_schema(object_schema({"id": INTEGER, "path": STRING},
                                                    "id", "path")),
            "passage_id": {**array_schema(INTEGER), "description": "of each point, ascending"},
            "x": _PLACES, "y": _PLACES, "group": _PASSAGE_INDEX, "document": _PASSAGE_INDEX,
        },
        *("method", "kept", "groups", "documents", "passage_id", "x", "y", "group", "document"),
    ),
    "Duplicates": object_schema(
        {
            "collection": NAME, "min_score": NUMBER, "passages": INTEGER, "group_count": INTEGER,
            "groups": array_schema(array_schema(
                object_schema(
                    {
                        "passage": ref("Hit"),
                        "difference": nullable(object_schema(
                            {
                                "changes": array_schema(STRING),
                                "removed_numbers": array_schema(STRING),
                                "added_numbers": array_schema(STRING),
                                "parts": {**array_schema(array_schema(STRING)), "description":
                                          "same, removed or added; and the text"},
                            },
                            *("changes", "parts"),
                        )),
                    },
                    *("passage", "difference"),
                )
            )),
            "document_count": INTEGER,
            "documents": array_schema(
                object_schema(
                    {
                        "path": STRING, "other_path": STRING, "document_id": INTEGER,
                        "other_document_id": INTEGER, "shared": NUMBER, "other_shared": NUMBER,
                        "relation": {**STRING, "enum": ["identical", "similar", "contained",
                                                        "version"]},
                    },
                    *("path", "other_path", "shared", "other_shared", "relation"),
                )
            ),
        },
        *("min_score", "passages", "group_count", "groups", "document_count", "documents"),
    ),
    "ExplainRequest": object_schema(
        {
            "collection": NAME,
            "text": {"type": "string", "minLength": 1, "maxLength": MAX_EXPLAINED_TEXT},
            "word": {"type": "string", "minLength": 1, "maxLength": 200,
                     "description": "only the neighbors of this word"},
            "neighbors": {"type": "integer", "minimum": 0, "maximum": 50},
            "layer": {"type": "integer", "minimum": 1, "maximum": 1000,
                      "description": "of `rollout` and `sources`; default: the last"},
        },
        "text",
    ),
    "TextExplanation": object_schema(
        {
            "collection": NAME, "text": STRING, "model": STRING, "pooling": STRING,
            "layers": INTEGER, "layer": INTEGER, "truncated_tokens": INTEGER,
            "tokens": array_schema(OBJECT),
            "rollout": {**array_schema(array_schema(NUMBER)), "description":
                        "after `layer`: the share of the column's token in the row's"},
            "poolings": array_schema(OBJECT), "words": array_schema(OBJECT),
        },
        *("text", "model", "pooling", "layers", "layer", "tokens", "rollout", "poolings", "words"),
    ),
    "JudgeRequest": object_schema(
        {
            "collection": NAME, "query": QUERY,
            "references": {**array_schema({"type": "string", "minLength": 1, "maxLength": 4_000},
                                          MAX_JUDGED), "minItems": 1},
            "relevant": {"type": ["boolean", "null"],
                         "description": "null forgets what was said about these parts"},
        },
        *("query", "references", "relevant"),
    ),
    "Judgements": object_schema(
        {"collection": NAME, "judgements": array_schema(JUDGEMENT),
         "next": {**INTEGER_OR_NULL, "description": "`after` of the next page"}},
        "judgements",
    ),
}  # fmt: skip
