"""ragkit's own API under /v1/: search, ask, documents, get, status, index; and health and metrics.

Handlers take checked arguments, call the collection and shape what it says. Field names are those
of the Python API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import Response, StreamingResponse

from ragkit.errors import UsageError
from ragkit.serving.api import json_shapes
from ragkit.serving.api.endpoint import Asked, Desk, Endpoint
from ragkit.serving.collections import answer_threads
from ragkit.serving.collections.batching import Options
from ragkit.serving.collections.library import Served
from ragkit.serving.schema.own import SCHEMAS
from ragkit.serving.schema.parts import MOST_TEXT, NAME
from ragkit.serving.transport import metrics
from ragkit.serving.transport.responses import Problem, answer, event, problem_of
from ragkit.version import __version__

if TYPE_CHECKING:
    from ragkit.records.answers import Event
    from ragkit.records.documents import Hit

_OPTIONS = tuple(Options.__slots__)
_ANSWER_OPTIONS = ("k", "mode", "min_score", "where", "per_document", "diverse", "fusion")
MOST_EXPLAINED = 20  # hits
NO_BUFFERING = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def search(desk: Desk, asked: Asked) -> Response:
    """POST /v1/search, and GET with the same names in the query string."""
    named = asked.body if asked.body is not None else asked.query
    served = desk.library[named.get("collection")]
    options = Options(**{name: named[name] for name in _OPTIONS if name in named})
    if options.budget is not None and not options.rerank:
        raise UsageError("budget is the time for rerank; ask for that too")
    if options.rerank and served.collection.settings.reranker is None:
        raise UsageError("nothing is reranked here: the server's settings name no reranker")
    if options.explain or options.rerank:
        hits = await _alone(desk, served, named["query"], options)
    else:
        hits = await served.search(named["query"], options)
    return answer(
        {
            "collection": served.name,
            "query": named["query"],
            "hits": [json_shapes.hit_fields(hit) for hit in hits],
        }
    )


async def _alone(desk: Desk, served: Served, query: str, options: Options) -> list[Hit]:
    """A search whose hits are read by a model once more, so that no other should wait for it."""
    if options.explain and (options.k or served.collection.settings.top_k) > MOST_EXPLAINED:
        raise UsageError(f"explain takes a k of {MOST_EXPLAINED} at most")
    return await desk.library.search_slowly(served, query, options)


def _begin(served: Served, body: dict[str, Any]) -> Iterator[Event]:
    from ragkit.records.answers import Turn

    named = {name: body[name] for name in _ANSWER_OPTIONS if name in body}
    history = [Turn(each["question"], each["answer"]) for each in body.get("history", ())]
    llm: Literal[False] | None = False if body.get("extractive") else None
    return served.ask_stream(body["question"], history=history, llm=llm, **named)


async def ask(desk: Desk, asked: Asked) -> Response:
    """POST /v1/ask: as one answer, or as it is made."""
    served = desk.library[asked.body.get("collection")]
    if not asked.body["question"].strip():
        raise UsageError("the question is empty")
    events = desk.answering.events(partial(_begin, served, asked.body))
    if not asked.body.get("stream"):
        found = await answer_threads.while_here(asked.request, answer_threads.last(events))
        return answer({"collection": served.name, **json_shapes.answer_fields(found)})
    first = await anext(events)  # what is wrong with the request shows here, as a status
    return StreamingResponse(
        _told(first, events), headers=NO_BUFFERING, media_type="text/event-stream"
    )


async def _told(first: Event, events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    """Hits, then text, then citations and usage, as server-sent events; `done` at the end."""
    from ragkit.records.answers import Answer, Piece, Retrieved

    try:
        async for each in answer_threads.with_first(first, events):
            if isinstance(each, Retrieved):
                hits = [json_shapes.hit_fields(hit) for hit in each.hits]
                yield event("hits", {"hits": hits, "question": each.question})
            elif isinstance(each, Piece):
                yield event("text", {"text": each.text})
            elif isinstance(each, Answer):
                yield event("citations", {"text": each.text, **json_shapes.verdict_fields(each)})
                yield event("usage", json_shapes.usage_fields(each))
        yield event("done", {})
    except Exception as error:  # the status is sent: what went wrong is an event
        yield event("error", problem_of(error).fields())


async def documents(desk: Desk, asked: Asked) -> Response:
    """GET /v1/documents: a page of them."""
    served = desk.library[asked.query.get("collection")]
    limit = asked.query.get("limit", 100)
    after = asked.query.get("after", 0)
    found = await desk.library.look_up(served.collection.documents, after, limit + 1)
    status = await desk.library.look_up(served.collection.status)
    return answer(
        {
            "collection": served.name,
            "documents": [json_shapes.entry_fields(entry) for entry in found[:limit]],
            "total": status.documents,
            "next": found[limit - 1].id if len(found) > limit else None,
        }
    )


async def document(desk: Desk, asked: Asked) -> Response:
    """GET /v1/documents/{document_id}: its text, or a part of it."""
    served = desk.library[asked.query.get("collection")]
    start = asked.query.get("start", 0)
    end = asked.query.get("end", start + MOST_TEXT)
    length = max(0, min(end - start, MOST_TEXT))
    try:
        entry, text = await desk.library.look_up(
            served.collection.document, asked.path["document_id"], start, length
        )
    except UsageError as error:
        raise Problem(404, str(error), "not_found") from None
    span = {"start": start, "end": start + len(text)}
    return answer(
        {"collection": served.name, **json_shapes.entry_fields(entry), "text": text, **span}
    )


async def unread(desk: Desk, asked: Asked) -> Response:
    """GET /v1/unread: a page of the files that were not read, and why."""
    served = desk.library[asked.query.get("collection")]
    limit, after = asked.query.get("limit", 100), asked.query.get("after", 0)
    left_out = asked.query.get("left_out", False)
    found = await desk.library.look_up(served.not_read, after, limit + 1, left_out)
    return answer(
        {
            "collection": served.name,
            "files": [json_shapes.not_read_fields(each) for each in found[:limit]],
            "next": found[limit - 1].id if len(found) > limit else None,
        }
    )


async def get(desk: Desk, asked: Asked) -> Response:
    """GET /v1/get: the text behind a citation."""
    served = desk.library[asked.query.get("collection")]
    reference, context = asked.query["reference"], asked.query.get("context", 0)
    try:
        excerpt = await desk.library.look_up(served.excerpt, reference, context)
    except UsageError as error:
        raise Problem(404, str(error), "not_found") from None
    return answer({"collection": served.name, **json_shapes.excerpt_fields(excerpt, MOST_TEXT)})


async def status(desk: Desk, asked: Asked) -> Response:
    """GET /v1/status: what is in the collections, and how their indexing is doing."""
    name = asked.query.get("collection")
    chosen = [desk.library[name]] if name else list(desk.library.served.values())
    found = []
    for served in chosen:
        fields = await desk.library.look_up(served.status)
        found.append({**fields, "index": _run_fields(desk, served)})
    return answer({"version": __version__, "collections": found})


def _run_fields(desk: Desk, served: Served) -> dict[str, Any]:
    run = desk.library.runs.latest(served.name)
    return {name: getattr(run, name) for name in run.__slots__}


async def start_index(desk: Desk, asked: Asked) -> Response:
    """POST /v1/index: bring roots up to date, in the background."""
    served = desk.library[asked.body.get("collection")]
    wanted = asked.body.get("roots", list(served.roots))
    unknown = [label for label in wanted if label not in served.roots]
    if unknown or not wanted:
        named = ", ".join(served.roots) or "none; index a folder first"
        raise UsageError(f"no root is called {unknown[:1]}; there are: {named}")
    roots = {label: served.roots[label] for label in wanted}
    desk.library.runs.start(served.name, served.collection, roots)
    return answer(_run_fields(desk, served), 202)


async def index_run(desk: Desk, asked: Asked) -> Response:
    """GET /v1/index: how far the latest run is."""
    return answer(_run_fields(desk, desk.library[asked.query.get("collection")]))


async def health(desk: Desk, asked: Asked) -> Response:
    """GET /v1/health: this program answers."""
    return answer({"status": "ok"})


async def ready(desk: Desk, asked: Asked) -> Response:
    """GET /v1/ready: models and index files are loaded."""
    if not desk.library.is_warm:
        raise Problem(503, "models are being loaded", "not_ready", headers={"retry-after": "1"})
    return answer({"status": "ok"})


async def figures(desk: Desk, asked: Asked) -> Response:
    """GET /metrics."""
    gauges: dict[str, dict[str, float]] = {"documents": {}, "passages": {}, "pending": {}}
    for name, served in desk.library.served.items():
        found = await desk.library.look_up(served.collection.status)
        for figure, values in gauges.items():
            values[name] = getattr(found, figure)
    gauges["answers_going_on"] = {"": desk.answering.going_on}
    sizes = {name: served.batcher.sizes for name, served in desk.library.served.items()}
    return Response(desk.metrics.text(sizes, gauges), media_type=metrics.TYPE)


_COLLECTION = {"collection": NAME}
_ID = {"type": "integer", "minimum": 1, "maximum": 2**53}
_PAGE = {
    "after": {**_ID, "minimum": 0},
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
}
_PLACE = {"type": "integer", "minimum": 0, "maximum": 2**31}
_SEARCH = SCHEMAS["SearchRequest"]["properties"]
_BY_LINK = (
    "query",
    "k",
    "mode",
    "min_score",
    "context",
    "collection",
    "per_document",
    "fusion",
    "rerank",
    "budget",
    "exact",
)

ENDPOINTS = (
    Endpoint("POST", "/v1/search", search, "The passages that answer best", "own", "SearchAnswer",
             "SearchRequest", errors=(404,)),
    Endpoint("GET", "/v1/search", search, "The same by a link", "own", "SearchAnswer",
             query={**{name: _SEARCH[name] for name in _BY_LINK},
                    "where": {"type": "string", "maxLength": 10_000}},
             required=("query",), errors=(404,)),
    Endpoint("POST", "/v1/ask", ask, "A cited answer", "own", "Answer", "AskRequest",
             media=("application/json", "text/event-stream"), errors=(404,)),
    Endpoint("GET", "/v1/documents", documents, "Documents, a page at a time", "own", "Documents",
             query={**_COLLECTION, **_PAGE}, errors=(404,)),
    Endpoint("GET", "/v1/documents/{document_id}", document, "A document's text", "own",
             "DocumentText", query={**_COLLECTION, "start": _PLACE, "end": _PLACE},
             path_schemas={"document_id": _ID}, errors=(404,)),
    Endpoint("GET", "/v1/get", get, "The text behind a citation", "own", "Excerpt",
             query={**_COLLECTION, "reference": {"type": "string", "minLength": 1,
                                                 "maxLength": 4000},
                    "context": {"type": "integer", "minimum": 0, "maximum": 1000}},
             required=("reference",), errors=(404,)),
    Endpoint("GET", "/v1/status", status, "What is in the collections", "own", "Status",
             query=_COLLECTION, errors=(404,)),
    Endpoint("GET", "/v1/unread", unread, "Files that were not read, and why, a page at a time",
             "own", "Unread", query={**_COLLECTION, **_PAGE, "left_out": {
                 "type": "boolean", "description": "instead those that rules leave out, or that "
                 "are no documents"}}, errors=(404,)),
    Endpoint("POST", "/v1/index", start_index, "Bring roots up to date, in the background", "own",
             "IndexRun", "IndexRequest", status=202, errors=(404, 409)),
    Endpoint("GET", "/v1/index", index_run, "How far that is", "own", "IndexRun",
             query=_COLLECTION, errors=(404,)),
    Endpoint("GET", "/v1/health", health, "Whether the server answers", "operations", "Health",
             open=True),
    Endpoint("GET", "/v1/ready", ready, "Whether models and index files are loaded", "operations",
             "Health", open=True),
    Endpoint("GET", "/metrics", figures, "Figures for Prometheus", "operations",
             media=("text/plain",)),
)  # fmt: skip
