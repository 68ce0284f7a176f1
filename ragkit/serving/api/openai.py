"""The part of OpenAI's API that is about retrieval: models, embeddings, vector stores.

A vector store is a collection, its id the collection's name; a file is a document, `file-ID`. What
clients send along and means nothing here is ignored, as they expect. Wire format: that of
github.com/openai/openai-openapi, tested with the `openai` client.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ragkit.errors import UsageError
from ragkit.serving.api import json_shapes
from ragkit.serving.api.endpoint import Asked, Desk, Endpoint
from ragkit.serving.collections.batching import Options
from ragkit.serving.collections.library import Served
from ragkit.serving.schema.parts import MOST_TEXT, NAME
from ragkit.serving.transport.responses import Problem, answer

if TYPE_CHECKING:
    from ragkit.records.documents import Hit
    from ragkit.records.reports import DocumentEntry

RESULTS = 10  # passages, where none is said
OWNER = "ragkit"


async def models(desk: Desk, asked: Asked) -> Response:
    """GET /v1/models: collections, to chat with, and encoders, for embeddings."""
    data = [_model(desk, name) for name in await _names(desk)]
    return answer({"object": "list", "data": data})


async def model(desk: Desk, asked: Asked) -> Response:
    """GET /v1/models/{model}."""
    name = asked.path["model"]
    if name not in await _names(desk):
        raise unknown_model(name)
    return answer(_model(desk, name))


async def _names(desk: Desk) -> list[str]:
    encoders = [
        (await desk.library.look_up(served.collection.status)).model
        for served in desk.library.served.values()
    ]
    return list(dict.fromkeys([*desk.library.served, *filter(None, map(_shown, encoders))]))


def _shown(encoder: str | None) -> str | None:
    """An encoder's name; of a model that is a folder, no more than the folder's own."""
    return Path(encoder).name if encoder and Path(encoder).is_absolute() else encoder


def _model(desk: Desk, name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": desk.started, "owned_by": OWNER}


def unknown_model(name: str) -> Problem:
    """404, as OpenAI words it."""
    message = f"the model {name[:64]!r} does not exist; GET /v1/models lists those that do"
    return Problem(404, message, "model_not_found", "model")


async def embeddings(desk: Desk, asked: Asked) -> Response:
    """POST /v1/embeddings: vectors of texts as passages have them."""
    texts = asked.body["input"] if isinstance(asked.body["input"], list) else [asked.body["input"]]
    served = await _encoding(desk, asked.body["model"])
    vectors, tokens = await desk.library.look_up(_encoded, served, texts)
    wanted = asked.body.get("dimensions")
    if wanted not in (None, vectors.shape[1]):
        raise UsageError(f"dimensions is {wanted}; this model makes {vectors.shape[1]}")
    rows = vectors.astype("<f4")
    if asked.body.get("encoding_format", "float") == "base64":
        shown: list[Any] = [base64.b64encode(row.tobytes()).decode() for row in rows]
    else:
        shown = rows.tolist()
    data = [
        {"object": "embedding", "index": position, "embedding": each}
        for position, each in enumerate(shown)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return answer({"object": "list", "data": data, "model": asked.body["model"], "usage": usage})


async def _encoding(desk: Desk, name: str) -> Served:
    """The collection that has this encoder, or this name."""
    for served in desk.library.served.values():
        status = await desk.library.look_up(served.collection.status)
        if name in (served.name, _shown(status.model)):
            return served
    raise unknown_model(name)


def _encoded(served: Served, texts: list[str]) -> tuple[Any, int]:
    encoder = served.collection.encoder()
    return encoder.encode_passages(texts), sum(encoder.count_tokens(texts))


async def stores(desk: Desk, asked: Asked) -> Response:
    """GET /v1/vector_stores."""
    data = [await _store(desk, served) for served in desk.library.served.values()]
    return answer(listed(data))


async def store(desk: Desk, asked: Asked) -> Response:
    """GET /v1/vector_stores/{vector_store_id}."""
    return answer(await _store(desk, desk.library[asked.path["vector_store_id"]]))


async def _store(desk: Desk, served: Served) -> dict[str, Any]:
    found = await desk.library.look_up(served.collection.status)
    is_running = desk.library.runs.latest(served.name).state == "running"
    counts = {
        "completed": found.files.get("indexed", 0) + found.files.get("empty", 0),
        "failed": found.files.get("failed", 0),
        "in_progress": 0,
        "cancelled": found.files.get("skipped", 0),
    }
    return {
        "id": served.name,
        "object": "vector_store",
        "created_at": desk.started,
        "name": served.name,
        "status": "in_progress" if is_running else "completed",
        "usage_bytes": found.database_bytes + found.index_bytes,
        "file_counts": {**counts, "total": sum(counts.values())},
        "metadata": {},
        "last_active_at": None,
        "expires_after": None,
        "expires_at": None,
    }


async def store_search(desk: Desk, asked: Asked) -> Response:
    """POST /v1/vector_stores/{vector_store_id}/search."""
    served = desk.library[asked.path["vector_store_id"]]
    query = asked.body["query"]
    queries = query if isinstance(query, list) else [query]
    hits = await found(served, queries, asked.body)
    data = [
        {
            "file_id": json_shapes.file_id(hit.document_id),
            "filename": hit.path,
            "score": hit.score,
            "attributes": json_shapes.attributes(hit),
            "content": [{"type": "text", "text": hit.text}],
        }
        for hit in hits
    ]
    return answer(
        {
            "object": "vector_store.search_results.page",
            "search_query": queries,
            "data": data,
            "has_more": False,
            "next_page": None,
        }
    )


def options(asked: dict[str, Any]) -> Options:
    """What OpenAI's parameters of a search (of a store, or of the tool) mean here."""
    threshold = (asked.get("ranking_options") or {}).get("score_threshold")
    return Options(
        k=asked.get("max_num_results", RESULTS),
        where=asked.get("filters") or None,
        min_score=threshold if threshold else -1.0,
    )


async def found(served: Served, queries: list[str], asked: dict[str, Any]) -> list[Hit]:
    """The best passages of all queries, each once, by their cosine to the nearest of them."""
    wanted = options(asked)
    every = [await served.search(query, wanted) for query in queries]
    if len(every) == 1:
        return every[0]
    ranked = sorted((hit for hits in every for hit in hits), key=lambda hit: -hit.score)
    once = {hit.passage_id: hit for hit in reversed(ranked)}
    best = sorted(once.values(), key=lambda hit: (-hit.score, hit.passage_id))
    return best[: wanted.k]


def listed(data: list[dict[str, Any]], *, has_more: bool = False) -> dict[str, Any]:
    """A page of OpenAI's lists."""
    ids = [each["id"] for each in data]
    return {
        "object": "list",
        "data": data,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": has_more,
    }


def _number(name: str) -> int:
    """The document's id behind a file's."""
    return int(name.removeprefix("file-"))


async def files(desk: Desk, asked: Asked) -> Response:
    """GET /v1/vector_stores/{vector_store_id}/files."""
    served = desk.library[asked.path["vector_store_id"]]
    limit = asked.query.get("limit", 20)
    after = _number(asked.query.get("after", "file-0"))
    entries = await desk.library.look_up(served.collection.documents, after, limit + 1)
    data = [_file(desk, served, entry) for entry in entries[:limit]]
    return answer(listed(data, has_more=len(entries) > limit))


async def file(desk: Desk, asked: Asked) -> Response:
    """GET /v1/vector_stores/{vector_store_id}/files/{file_id}."""
    served = desk.library[asked.path["vector_store_id"]]
    entry, _ = await _document(desk, served, asked.path["file_id"], 0)
    return answer(_file(desk, served, entry))


async def content(desk: Desk, asked: Asked) -> Response:
    """GET /v1/vector_stores/{vector_store_id}/files/{file_id}/content."""
    served = desk.library[asked.path["vector_store_id"]]
    _, text = await _document(desk, served, asked.path["file_id"], MOST_TEXT)
    return answer(
        {
            "object": "vector_store.file_content.page",
            "data": [{"type": "text", "text": text}],
            "has_more": False,
            "next_page": None,
        }
    )


async def _document(
    desk: Desk, served: Served, name: str, length: int
) -> tuple[DocumentEntry, str]:
    try:
        return await desk.library.look_up(served.collection.document, _number(name), 0, length)
    except UsageError:
        raise Problem(404, f"no file has the id {name}", "not_found", "file_id") from None


def _file(desk: Desk, served: Served, entry: DocumentEntry) -> dict[str, Any]:
    metadata = {
        name[: json_shapes.MOST_KEY]: value[: json_shapes.MOST_VALUE]
        for name, value in {"path": entry.path, **entry.metadata}.items()
    }
    return {
        "id": json_shapes.file_id(entry.id),
        "object": "vector_store.file",
        "created_at": desk.started,
        "vector_store_id": served.name,
        "status": "completed",
        "usage_bytes": entry.characters,
        "last_error": None,
        "attributes": dict(list(metadata.items())[: json_shapes.MOST_ATTRIBUTES]),
    }


_STORE = {"vector_store_id": NAME}
_FILE = {"type": "string", "pattern": "^file-[0-9]{1,15}$"}
_PAGE = {"limit": {"type": "integer", "minimum": 1, "maximum": 100}, "after": _FILE}
_ROOM = {"type": "string", "minLength": 1, "maxLength": 200}

ENDPOINTS = (
    Endpoint("GET", "/v1/models", models, "Collections and encoders", "openai", "OpenAIObject",
             strict=False),
    Endpoint("GET", "/v1/models/{model}", model, "One of them", "openai", "OpenAIObject",
             path_schemas={"model": _ROOM}, strict=False, errors=(404,)),
    Endpoint("POST", "/v1/embeddings", embeddings, "Vectors of texts", "openai", "OpenAIObject",
             "EmbeddingsRequest", strict=False, errors=(404,)),
    Endpoint("GET", "/v1/vector_stores", stores, "Collections as vector stores", "openai",
             "OpenAIObject", strict=False),
    Endpoint("GET", "/v1/vector_stores/{vector_store_id}", store, "One of them", "openai",
             "OpenAIObject", path_schemas=_STORE, strict=False, errors=(404,)),
    Endpoint("POST", "/v1/vector_stores/{vector_store_id}/search", store_search,
             "Passages of a vector store", "openai", "OpenAIObject", "VectorStoreSearch",
             path_schemas=_STORE, strict=False, errors=(404,)),
    Endpoint("GET", "/v1/vector_stores/{vector_store_id}/files", files, "Documents as files",
             "openai", "OpenAIObject", query=_PAGE, path_schemas=_STORE, strict=False,
             errors=(404,)),
    Endpoint("GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}", file, "One of them",
             "openai", "OpenAIObject", path_schemas={**_STORE, "file_id": _FILE}, strict=False,
             errors=(404,)),
    Endpoint("GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}/content", content,
             "Its text", "openai", "OpenAIObject", path_schemas={**_STORE, "file_id": _FILE},
             strict=False, errors=(404,)),
)  # fmt: skip
