"""Endpoints that show a collection as a whole (topics, map, near-duplicates), how its model reads a
text, and what users judged.

What takes long in a large collection runs one at a time (`collections/long_runs`). Only `judge` and
POST /v1/topics change a collection; they are refused where it is only read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ragkit.errors import UsageError
from ragkit.records.exploring import duplicate_fields, topic_fields
from ragkit.records.hits import hit_fields
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.collections.library import ServedCollection
from ragkit.serving.schema.parts import NAME
from ragkit.serving.transport.json_http import ApiError, json_response

if TYPE_CHECKING:
    from ragkit.records.exploring import MapReport
    from ragkit.records.reports import Judgement

MAX_PASSAGES = 200_000  # of a collection whose map, topics or duplicates are computed for a request
_MAX_GROUPS = 100
_COLORS = ("topic", "folder", "type", "none")
_MAX_LISTED = 1_000  # judgements in one response


def refuse_read_only(served: ServedCollection) -> None:
    """Raise ApiError if the collection is only read."""
    if not served.collection.is_trusted:
        message = "this collection is only read: accept it with ragkit trust"
        raise ApiError(403, message, "read_only")
    if served.collection.is_read_only:
        raise ApiError(403, "this collection is only read: its folder is read-only", "read_only")


async def _compute(
    context: Context, served: ServedCollection, key: tuple[Any, ...], work: Callable[[], Response]
) -> Response:
    """Return what `work` returns, a run of its own. Raises UsageError for a huge collection."""
    status = await context.library.read(served.collection.status)
    if status.passages > MAX_PASSAGES:
        raise UsageError(
            f"the collection has {status.passages:,} passages; over HTTP at most "
            f"{MAX_PASSAGES:,}: use the command ragkit on the server's machine"
        )
    return await context.library.long_runs.run((served.name, *key), work)


async def get_topics(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/topics: the topics as they are stored."""
    served = context.library[request.query.get("collection")]
    stored = await context.library.read(served.collection.stored_topics)
    fields = {**dataclasses.asdict(stored), "can_update": not served.collection.is_read_only}
    return json_response({"collection": served.name, **fields})


async def find_topics(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/topics: find or update the topics, and store them."""
    served = context.library[request.body.get("collection")]
    refuse_read_only(served)
    count, rebuild = request.body.get("count"), request.body.get("rebuild", False)

    def work() -> Response:
        report = served.collection.topics(count=count, rebuild=rebuild)
        topics = [
            {
                **topic_fields(topic),
                "central": [hit_fields(hit, with_root=False) for hit in topic.central],
            }
            for topic in report.topics
        ]
        fields = {"passages": report.passages, "silhouette": report.silhouette}
        return json_response(
            {"collection": served.name, **fields, "updated": report.updated, "topics": topics}
        )

    return await _compute(context, served, ("topics", count, rebuild), work)


async def get_map(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/map: the passages as points, column by column."""
    served = context.library[request.query.get("collection")]
    color = request.query.get("color", "topic")

    def work() -> Response:
        report = served.collection.map(color=color)
        return json_response({"collection": served.name, **_map_fields(report)})

    return await _compute(context, served, ("map", color), work)


def _map_fields(report: MapReport) -> dict[str, Any]:
    """The points as columns, a third of the size; groups with the most points first."""
    counts: dict[str, int] = {}
    for point in report.points:
        counts[point.group] = counts.get(point.group, 0) + 1
    names = sorted(counts, key=lambda name: (-counts[name], name))
    group_at = {name: index for index, name in enumerate(names)}
    paths = {point.document_id: point.path for point in report.points}
    document_at = {id_: index for index, id_ in enumerate(paths)}
    return {
        "method": report.method,
        "kept": report.kept,
        "groups": [{"name": name, "points": counts[name]} for name in names],
        "documents": [{"id": id_, "path": path} for id_, path in paths.items()],
        "passage_id": [point.passage_id for point in report.points],
        "x": [point.x for point in report.points],
        "y": [point.y for point in report.points],
        "group": [group_at[point.group] for point in report.points],
        "document": [document_at[point.document_id] for point in report.points],
    }


async def get_duplicates(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/duplicates: near-duplicate passages with what differs, and pairs of documents."""
    served = context.library[request.query.get("collection")]
    min_score, limit = request.query.get("min_score", 0.95), request.query.get("limit", 20)

    def work() -> Response:
        report = served.look_up(lambda collection, _: collection.duplicates(min_score, limit=limit))
        fields = duplicate_fields(report, with_root=False)
        for pair in fields["documents"]:  # documents of several roots are told apart by their roots
            pair["path"] = served.redact_paths(pair["path"])
            pair["other_path"] = served.redact_paths(pair["other_path"])
        return json_response({"collection": served.name, **fields})

    return await _compute(context, served, ("duplicates", min_score, limit), work)


async def explain_text(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/explain: how the collection's model reads a text."""
    body = request.body
    served = context.library[body.get("collection")]
    if not body["text"].strip():
        raise UsageError("the text is empty")

    def work() -> Response:
        from ragkit.encoders.inspection.explanation import explanation_fields
        from ragkit.encoders.sentence_encoder import SentenceEncoder

        encoder = served.collection.encoder()
        if not isinstance(encoder, SentenceEncoder):
            raise UsageError(f"{encoder.name} cannot be looked into: it does not run here")
        found = encoder.explain(body["text"], body.get("word"), body.get("neighbors", 5))
        layers = len(found.rollout)
        layer = body.get("layer", layers)
        if layer > layers:
            raise UsageError(f"layer is {layer}; expected a number from 1 to {layers}")
        fields = explanation_fields(found, layer)
        rollout = fields["rollout"][layer - 1]
        return json_response(
            {"collection": served.name, **fields, "layer": layer, "rollout": rollout}
        )

    key = (served.name, "explain", *(body.get(name) for name in _EXPLAINED))
    return await context.library.long_runs.run(key, work)


_EXPLAINED = ("text", "word", "neighbors", "layer")


async def judge(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/judge: store whether passages answer a query."""
    body = request.body
    served = context.library[body.get("collection")]
    refuse_read_only(served)
    stored = await context.library.read(
        served.judge, body["query"], body["references"], body["relevant"]
    )
    return json_response(
        {"collection": served.name, "judgements": judgement_fields(served, stored)}
    )


async def list_judgements(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/judgements: what was judged, by query, in pages."""
    served = context.library[request.query.get("collection")]
    query, after = request.query.get("query"), request.query.get("after", 0)
    stored = await context.library.read(served.collection.judgements, query)
    page = stored[after : after + _MAX_LISTED]
    rest = after + len(page) if after + len(page) < len(stored) else None
    return json_response(
        {
            "collection": served.name,
            "judgements": await context.library.read(judgement_fields, served, page),
            "next": rest,
        }
    )


def judgement_fields(
    served: ServedCollection, judgements: Iterable[Judgement]
) -> list[dict[str, Any]]:
    """Return judgements as JSON values, without paths of this machine."""
    return [
        {**dataclasses.asdict(judgement), "path": served.redact_paths(judgement.path)}
        for judgement in judgements
    ]


_COLLECTION = {"collection": NAME}
ENDPOINTS = (
    Endpoint("GET", "/v1/topics", get_topics, "http_topics_get", "The topics as they are stored",
             "own", "StoredTopics", query=_COLLECTION, errors=(404,)),
    Endpoint("POST", "/v1/topics", find_topics, "http_topics_post",
             "Find or update the topics, and store them", "own", "TopicsAnswer", "TopicsRequest",
             errors=(403, 404, 409)),
    Endpoint("GET", "/v1/map", get_map, "http_map_get",
             "The passages as points of a plane, similar ones near each other", "own", "Map",
             query={**_COLLECTION, "color": {"type": "string", "enum": list(_COLORS)}},
             errors=(404,)),
    Endpoint("GET", "/v1/duplicates", get_duplicates, "http_duplicates_get",
             "Near-duplicate passages with what differs, and pairs of documents", "own",
             "Duplicates",
             query={**_COLLECTION, "min_score": {"type": "number", "minimum": 0.5, "maximum": 1},
                    "limit": {"type": "integer", "minimum": 1, "maximum": _MAX_GROUPS}},
             errors=(404,)),
    Endpoint("POST", "/v1/explain", explain_text, "http_explain_post",
             "How the model reads a text: attention rollout, nearest words, poolings", "own",
             "TextExplanation", "ExplainRequest", errors=(404,)),
    Endpoint("POST", "/v1/judge", judge, "http_judge_post",
             "Store whether passages answer a query", "own", "Judgements", "JudgeRequest",
             errors=(403, 404, 409)),
    Endpoint("GET", "/v1/judgements", list_judgements, "http_judgements_get",
             "What was judged, in pages", "own", "Judgements",
             query={**_COLLECTION, "query": {"type": "string", "minLength": 1, "maxLength": 8_000},
                    "after": {"type": "integer", "minimum": 0, "maximum": 2**31}},
             errors=(404,)),
)  # fmt: skip
