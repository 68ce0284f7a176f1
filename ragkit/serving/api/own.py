"""ragkit's own API under /v1/: search, ask, documents, get, status, index; health and metrics.

Handlers take validated arguments, call the collection and serialize its result. Field names are
those of the Python API.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import Response

from ragkit.errors import UsageError
from ragkit.records.hits import hit_fields
from ragkit.retrieval.options import SEARCH_OPTIONS
from ragkit.serving.api import json_shapes
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.collections.library import ServedCollection, wait_for_answer, wait_for_first
from ragkit.serving.schema.own import SCHEMAS
from ragkit.serving.schema.parts import MAX_TEXT, NAME
from ragkit.serving.transport import metrics
from ragkit.serving.transport.json_http import (
    ApiError,
    EventStreamResponse,
    encode_event,
    json_response,
    to_api_error,
)
from ragkit.version import __version__

if TYPE_CHECKING:
    from ragkit.records.answers import Event
    from ragkit.retrieval.options import SearchOptions

MAX_EXPLAINED = 20  # hits


async def search(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/search, and GET with the same names in the query string."""
    fields = request.body if request.body is not None else request.query
    if "collections" in fields:
        return await _search_several(context, fields)
    served = context.library[fields.get("collection")]
    options = served.collection.search_options(_options_in(fields))
    _check_options(served, options)
    if options.explain or options.rerank:
        hits = await context.library.search_alone(served, fields["query"], options)
    else:
        hits = await served.search(fields["query"], options)
    return json_response(
        {
            "collection": served.name,
            "query": fields["query"],
            "hits": [hit_fields(hit, with_root=False) for hit in hits],
            **json_shapes.partial_fields(hits),
        }
    )


async def _search_several(context: Context, fields: Mapping[str, Any]) -> Response:
    names, overrides = fields["collections"], _options_in(fields)
    if "collection" in fields:
        raise UsageError("both collection and collections are given; expected one of them")
    for name in names:
        served = context.library[name]
        _check_options(served, served.collection.search_options(overrides))
    merged = await context.library.search_several(names, fields["query"], overrides)
    return json_response(
        {
            "collections": list(merged.collections),
            "merged_by": merged.merged_by,
            "query": fields["query"],
            "hits": [hit_fields(hit, with_root=False) for hit in merged.hits],
        }
    )


def _check_options(served: ServedCollection, options: SearchOptions) -> None:
    """Raise UsageError for what this server does not have or limits."""
    if options.rerank and served.collection.settings.reranker is None:
        raise UsageError("rerank is not available: the server's settings name no reranker")
    if options.explain and options.k > MAX_EXPLAINED:
        raise UsageError(f"with explain, k is at most {MAX_EXPLAINED}")


def _options_in(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The search options among the fields of a request."""
    return {name: value for name, value in fields.items() if name in SEARCH_OPTIONS}


def _ask_stream(served: ServedCollection, body: dict[str, Any]) -> Iterator[Event]:
    from ragkit.records.answers import Turn

    history = [Turn(turn["question"], turn["answer"]) for turn in body.get("history", ())]
    llm: Literal[False] | None = False if body.get("extractive") else None
    return served.ask_stream(body["question"], history=history, llm=llm, **_options_in(body))


async def ask(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/ask: one JSON answer, or server-sent events while it is generated."""
    served = context.library[request.body.get("collection")]
    if not request.body["question"].strip():
        raise UsageError("the question is empty")
    events = context.library.answers.stream(partial(_ask_stream, served, request.body))
    if request.body.get("stream"):
        return EventStreamResponse(_encode_events(await wait_for_first(events)), events)
    answer = await request.run_until_disconnect(wait_for_answer(events))
    return json_response({"collection": served.name, **json_shapes.answer_fields(answer)})


async def _encode_events(events: AsyncIterator[Event]) -> AsyncGenerator[bytes, None]:
    """Hits, then text, then citations and usage, as server-sent events; `done` at the end."""
    from ragkit.records.answers import Answer, Piece, Retrieved

    try:
        async for item in events:
            if isinstance(item, Retrieved):
                hits = [hit_fields(hit, with_root=False) for hit in item.hits]
                yield encode_event("hits", {"hits": hits, "question": item.question})
            elif isinstance(item, Piece):
                yield encode_event("text", {"text": item.text})
            elif isinstance(item, Answer):
                verdict = json_shapes.verdict_fields(item)
                yield encode_event("citations", {"text": item.text, **verdict})
                yield encode_event("usage", json_shapes.usage_fields(item))
        yield encode_event("done", {})
    except Exception as error:  # the status has been sent, so the error is an event
        yield encode_event("error", to_api_error(error).fields())


async def list_documents(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/documents: one page of them, ordered by id."""
    served = context.library[request.query.get("collection")]
    limit, after = request.query.get("limit", 100), request.query.get("after", 0)
    entries = await context.library.read(served.collection.documents, after, limit + 1)
    status = await context.library.read(served.collection.status)
    return json_response(
        {
            "collection": served.name,
            "documents": [json_shapes.entry_fields(entry) for entry in entries[:limit]],
            "total": status.documents,
            "next": entries[limit - 1].id if len(entries) > limit else None,
        }
    )


async def get_document(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/documents/{document_id}: its text, or the characters `start` to `end` of it."""
    served = context.library[request.query.get("collection")]
    start = request.query.get("start", 0)
    end = request.query.get("end", start + MAX_TEXT)
    length = max(0, min(end - start, MAX_TEXT))
    try:
        entry, text = await context.library.read(
            served.collection.document, request.path["document_id"], start, length
        )
    except UsageError as error:
        raise ApiError(404, str(error), "not_found") from None
    span = {"start": start, "end": start + len(text)}
    return json_response(
        {"collection": served.name, **json_shapes.entry_fields(entry), "text": text, **span}
    )


async def list_unread(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/unread: one page of the files that were not read, with the reasons."""
    served = context.library[request.query.get("collection")]
    limit, after = request.query.get("limit", 100), request.query.get("after", 0)
    left_out = request.query.get("left_out", False)
    files = await context.library.read(served.list_not_read, after, limit + 1, left_out)
    return json_response(
        {
            "collection": served.name,
            "files": [json_shapes.not_read_fields(file) for file in files[:limit]],
            "next": files[limit - 1].id if len(files) > limit else None,
        }
    )


async def get_excerpt(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/get: the text behind a citation."""
    reference, lines = request.query["reference"], request.query.get("context", 0)
    if "collection" in request.query:
        served = context.library[request.query["collection"]]
    else:
        served, reference = context.library.locate(reference)
    try:
        excerpt = await context.library.read(served.get_excerpt, reference, lines)
    except UsageError as error:
        raise ApiError(404, str(error), "not_found") from None
    fields = json_shapes.excerpt_fields(excerpt, MAX_TEXT)
    return json_response({"collection": served.name, **fields})


async def get_status(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/status: what the collections contain, and the progress of indexing."""
    name = request.query.get("collection")
    selected = [context.library[name]] if name else list(context.library.served.values())
    collections = []
    for served in selected:
        fields = await context.library.read(served.status_fields)
        collections.append({**fields, "index": _run_fields(context, served)})
    return json_response({"version": __version__, "collections": collections})


def _run_fields(context: Context, served: ServedCollection) -> dict[str, Any]:
    run = context.library.index_runs.latest(served.name)
    return {name: getattr(run, name) for name in run.__slots__}


async def start_index(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/index: start to update roots in the background."""
    served = context.library[request.body.get("collection")]
    labels = request.body.get("roots", list(served.roots))
    unknown = [label for label in labels if label not in served.roots]
    if unknown or not labels:
        known = ", ".join(served.roots) or "none; index a folder first"
        raise UsageError(f"no root is called {unknown[:1]}; the roots are: {known}")
    roots = {label: served.roots[label] for label in labels}
    context.library.index_runs.start(served.name, served.collection, roots)
    return json_response(_run_fields(context, served), 202)


async def get_index_run(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/index: the progress of the latest run."""
    return json_response(_run_fields(context, context.library[request.query.get("collection")]))


async def health(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/health: the server answers."""
    return json_response({"status": "ok"})


async def ready(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/ready: models and index files are loaded."""
    if not context.library.is_warm:
        raise ApiError(503, "models are being loaded", "not_ready", headers={"retry-after": "1"})
    return json_response({"status": "ok"})


async def get_metrics(context: Context, request: ValidatedRequest) -> Response:
    """GET /metrics, in Prometheus' text format."""
    gauges: dict[str, dict[str, float]] = {"documents": {}, "passages": {}, "pending": {}}
    for name, served in context.library.served.items():
        status = await context.library.read(served.collection.status)
        for gauge, values in gauges.items():
            values[name] = getattr(status, gauge)
    gauges["answers_going_on"] = {"": context.library.answers.in_progress}
    sizes = {name: served.batcher.batch_sizes for name, served in context.library.served.items()}
    return Response(context.metrics.render(sizes, gauges), media_type=metrics.CONTENT_TYPE)


_COLLECTION = {"collection": NAME}
_ID = {"type": "integer", "minimum": 1, "maximum": 2**53}
_PAGE = {
    "after": {**_ID, "minimum": 0},
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
}
_OFFSET = {"type": "integer", "minimum": 0, "maximum": 2**31}
_SEARCH = SCHEMAS["SearchRequest"]["properties"]
# A link has all options but those that a query string cannot express or that take long.
_SEARCH_LINK = {
    **{
        name: schema
        for name, schema in _SEARCH.items()
        if name not in ("diverse", "explain", "collections")
    },
    "where": {"type": "string", "maxLength": 10_000},
}

ENDPOINTS = (
    Endpoint("POST", "/v1/search", search, "http_search_post",
             "Search: the passages that match a query best", "own", "SearchAnswer",
             "SearchRequest", errors=(404,)),
    Endpoint("GET", "/v1/search", search, "http_search_get", "The same search as a link", "own",
             "SearchAnswer",
             query=_SEARCH_LINK, required=("query",), errors=(404,)),
    Endpoint("POST", "/v1/ask", ask, "http_ask_post", "A cited answer", "own", "Answer",
             "AskRequest", media_types=("application/json", "text/event-stream"), errors=(404,)),
    Endpoint("GET", "/v1/documents", list_documents, "http_documents_get",
             "List the documents, in pages", "own", "Documents",
             query={**_COLLECTION, **_PAGE}, errors=(404,)),
    Endpoint("GET", "/v1/documents/{document_id}", get_document, "http_document_get",
             "A document's text", "own", "DocumentText",
             query={**_COLLECTION, "start": _OFFSET, "end": _OFFSET},
             path_schemas={"document_id": _ID}, errors=(404,)),
    Endpoint("GET", "/v1/get", get_excerpt, "http_get_get", "The text behind a citation", "own",
             "Excerpt",
             query={**_COLLECTION, "reference": {"type": "string", "minLength": 1,
                                                 "maxLength": 4000},
                    "context": {"type": "integer", "minimum": 0, "maximum": 1000,
                                "description": "lines before and after"}},
             required=("reference",), errors=(404,)),
    Endpoint("GET", "/v1/status", get_status, "http_status_get", "What the collections contain",
             "own", "Status", query=_COLLECTION, errors=(404,)),
    Endpoint("GET", "/v1/unread", list_unread, "http_unread_get",
             "List the files that were not read, with the reasons, in pages", "own", "Unread",
             query={**_COLLECTION, **_PAGE, "left_out": {
                 "type": "boolean", "description": "list instead the files that rules exclude or "
                 "that are not documents"}}, errors=(404,)),
    Endpoint("POST", "/v1/index", start_index, "http_start_index_post",
             "Update roots in the background", "own", "IndexRun", "IndexRequest", status=202,
             errors=(404, 409)),
    Endpoint("GET", "/v1/index", get_index_run, "http_index_run_get",
             "The progress of the latest index run", "own", "IndexRun",
             query=_COLLECTION, errors=(404,)),
    Endpoint("GET", "/v1/health", health, "http_health_get", "Whether the server answers",
             "operations", "Health", is_public=True),
    Endpoint("GET", "/v1/ready", ready, "http_ready_get",
             "Whether models and index files are loaded", "operations", "Health", is_public=True),
    Endpoint("GET", "/metrics", get_metrics, "http_figures_get", "Metrics for Prometheus",
             "operations", media_types=("text/plain",)),
)  # fmt: skip
