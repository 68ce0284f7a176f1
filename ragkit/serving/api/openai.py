"""The retrieval part of OpenAI's API: models, embeddings, vector stores.

A vector store is a collection, its id the collection's name. Its files are in `openai_files`.
Parameters that have no meaning here are ignored, as clients expect. Wire format: that of
github.com/openai/openai-openapi, tested with the `openai` client.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.responses import Response

from ragkit.errors import UsageError
from ragkit.serving.api import json_shapes
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.collections.library import ServedCollection
from ragkit.serving.schema.openai import MAX_EMBEDDINGS_BYTES
from ragkit.serving.schema.parts import NAME
from ragkit.serving.transport.json_http import ApiError, json_response

if TYPE_CHECKING:
    from ragkit.records.hits import Hit
    from ragkit.retrieval.options import SearchOptions

DEFAULT_RESULTS = 10  # passages
# (collection of the hit, document id) → title, type, mtime and size
FileFields: TypeAlias = dict[tuple[str | None, int | None], Mapping[str, str | int]]
OWNER = "ragkit"


async def list_models(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/models: collections, for chat, and encoders, for embeddings."""
    data = [_model_object(context, name) for name in await _model_names(context)]
    return json_response({"object": "list", "data": data})


async def get_model(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/models/{model}."""
    name = request.path["model"]
    if name not in await _model_names(context):
        raise unknown_model(name)
    return json_response(_model_object(context, name))


async def _model_names(context: Context) -> list[str]:
    encoders = [
        (await context.library.read(served.collection.status)).model
        for served in context.library.served.values()
    ]
    names = filter(None, map(_public_name, encoders))
    return list(dict.fromkeys([*context.library.served, *names]))


def _public_name(encoder: str | None) -> str | None:
    """The encoder's name; for a model folder only the folder's name, without its path."""
    return Path(encoder).name if encoder and Path(encoder).is_absolute() else encoder


def _model_object(context: Context, name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": context.started, "owned_by": OWNER}


def unknown_model(name: str) -> ApiError:
    """Return the 404 error of OpenAI's API for an unknown model."""
    message = f"the model {name[:64]!r} does not exist; GET /v1/models lists those that do"
    return ApiError(404, message, "model_not_found", "model")


async def create_embeddings(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/embeddings: the vectors that these texts would have as passages."""
    body = request.body
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    served = await _find_encoder(context, body["model"])
    vectors, tokens = await context.library.read(_encode, served, texts)
    dimensions = body.get("dimensions")
    if dimensions not in (None, vectors.shape[1]):
        raise UsageError(f"dimensions is {dimensions}; this model makes {vectors.shape[1]}")
    rows = vectors.astype("<f4")
    if body.get("encoding_format") == "base64":
        encoded: list[Any] = [base64.b64encode(row.tobytes()).decode() for row in rows]
    else:
        encoded = rows.tolist()
    data = [
        {"object": "embedding", "index": position, "embedding": embedding}
        for position, embedding in enumerate(encoded)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})


async def _find_encoder(context: Context, name: str) -> ServedCollection:
    """The first collection that has this name or whose encoder has it."""
    for served in context.library.served.values():
        status = await context.library.read(served.collection.status)
        if name in (served.name, _public_name(status.model)):
            return served
    raise unknown_model(name)


def _encode(served: ServedCollection, texts: list[str]) -> tuple[Any, int]:
    """(n, d) float32 unit rows, and the number of tokens."""
    encoder = served.collection.encoder()
    return encoder.encode_passages(texts), sum(encoder.count_tokens(texts))


async def list_stores(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/vector_stores."""
    data = [await _store_object(context, served) for served in context.library.served.values()]
    return json_response(list_object(data))


async def get_store(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/vector_stores/{vector_store_id}."""
    served = context.library[request.path["vector_store_id"]]
    return json_response(await _store_object(context, served))


async def _store_object(context: Context, served: ServedCollection) -> dict[str, Any]:
    status = await context.library.read(served.collection.status)
    is_running = context.library.index_runs.latest(served.name).state == "running"
    counts = {
        "completed": status.files.get("indexed", 0) + status.files.get("empty", 0),
        "failed": status.files.get("failed", 0) + status.files.get("unsupported", 0),
        "in_progress": 0,
        "cancelled": status.files.get("skipped", 0),
    }
    return {
        "id": served.name,
        "object": "vector_store",
        "created_at": context.started,
        "name": served.name,
        "status": "in_progress" if is_running else "completed",
        "usage_bytes": status.database_bytes + status.index_bytes,
        "file_counts": {**counts, "total": sum(counts.values())},
        "metadata": {},
        "last_active_at": None,
        "expires_after": None,
        "expires_at": None,
    }


async def search_store(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/vector_stores/{vector_store_id}/search."""
    served = context.library[request.path["vector_store_id"]]
    query = request.body["query"]
    queries = query if isinstance(query, list) else [query]
    options = served.collection.search_options(
        {"k": DEFAULT_RESULTS, **search_arguments(request.body)}
    )
    hits = await search_all(served, queries, options)
    files = await read_file_fields(context, served, hits)
    data = [
        {
            "file_id": hit_file_id(context, served, hit),
            "filename": hit.path,
            "score": json_shapes.openai_score(hit),
            "attributes": json_shapes.openai_attributes(
                hit, files.get((hit.collection, hit.document_id), {})
            ),
            "content": [{"type": "text", "text": hit.text}],
        }
        for hit in hits
    ]
    return json_response(
        {
            "object": "vector_store.search_results.page",
            "search_query": queries,
            "data": data,
            "has_more": False,
            "next_page": None,
            **json_shapes.partial_fields(hits),
        }
    )


def file_id(context: Context, served: ServedCollection, document_id: int | None) -> str:
    """Return the id that a document has as a file; it names the collection if there are several."""
    store = served.name if len(context.library.served) > 1 else None
    return json_shapes.file_id(document_id, store)


def hit_file_id(context: Context, served: ServedCollection, hit: Hit | None) -> str:
    """Return the id that a hit's document has as a file. A hit of several collections names its
    own; any other is of `served`."""
    if hit is not None and hit.collection is not None:
        served = context.library[hit.collection]
    return file_id(context, served, None if hit is None else hit.document_id)


async def read_file_fields(
    context: Context, served: ServedCollection, hits: Sequence[Hit]
) -> FileFields:
    """Return what can be filtered of the documents of these hits: title, type, mtime, size."""
    ids: dict[str | None, set[int]] = {}
    for hit in hits:
        if hit.document_id is not None:
            ids.setdefault(hit.collection, set()).add(hit.document_id)
    fields: FileFields = {}
    for name, documents in ids.items():
        collection = (served if name is None else context.library[name]).collection
        found = await context.library.read(collection.file_fields, sorted(documents))
        fields |= {(name, document_id): values for document_id, values in found.items()}
    return fields


def search_arguments(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return our names of OpenAI's parameters of a store search or a file_search tool."""
    threshold = (parameters.get("ranking_options") or {}).get("score_threshold")
    arguments = {
        "k": parameters.get("max_num_results"),
        "where": parameters.get("filters") or None,
        "min_score": threshold or None,  # 0 admits every passage
    }
    return {name: value for name, value in arguments.items() if value is not None}


async def search_all(
    served: ServedCollection, queries: list[str], options: SearchOptions
) -> list[Hit]:
    """Return the best hits of all queries, each passage once with its highest cosine."""
    results = [await served.search(query, options) for query in queries]
    if len(results) == 1:
        return results[0]
    ranked = sorted(
        (hit for hits in results for hit in hits), key=lambda hit: -json_shapes.openai_score(hit)
    )
    by_passage = {hit.passage_id: hit for hit in reversed(ranked)}
    best = sorted(
        by_passage.values(), key=lambda hit: (-json_shapes.openai_score(hit), hit.passage_id)
    )
    from ragkit.records.display import Hits

    merged = Hits(best[: options.k])
    missing = {number for hits in results for number in getattr(hits, "missing_shards", ())}
    merged.missing_shards = tuple(sorted(missing))
    return merged


def list_object(data: list[dict[str, Any]], *, has_more: bool = False) -> dict[str, Any]:
    """Return one page of a list as OpenAI's API has it."""
    ids = [item["id"] for item in data]
    return {
        "object": "list",
        "data": data,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": has_more,
    }


STORE_PATH = {"vector_store_id": NAME}
_MODEL = {"type": "string", "minLength": 1, "maxLength": 200}

ENDPOINTS = (
    Endpoint("GET", "/v1/models", list_models, "openai_models_get", "Collections and encoders",
             "openai", "OpenAIObject", is_strict=False),
    Endpoint("GET", "/v1/models/{model}", get_model, "openai_model_get", "One of them", "openai",
             "OpenAIObject", path_schemas={"model": _MODEL}, is_strict=False, errors=(404,)),
    Endpoint("POST", "/v1/embeddings", create_embeddings, "openai_embeddings_post",
             "Vectors of texts", "openai", "OpenAIObject", "EmbeddingsRequest", is_strict=False,
             errors=(404,), max_body_bytes=MAX_EMBEDDINGS_BYTES),
    Endpoint("GET", "/v1/vector_stores", list_stores, "openai_stores_get",
             "Collections as vector stores", "openai", "OpenAIObject", is_strict=False),
    Endpoint("GET", "/v1/vector_stores/{vector_store_id}", get_store, "openai_store_get",
             "One of them", "openai", "OpenAIObject", path_schemas=STORE_PATH, is_strict=False,
             errors=(404,)),
    Endpoint("POST", "/v1/vector_stores/{vector_store_id}/search", search_store,
             "openai_store_search_post", "Search a vector store", "openai", "OpenAIObject",
             "VectorStoreSearch", path_schemas=STORE_PATH, is_strict=False, errors=(404,)),
)  # fmt: skip
