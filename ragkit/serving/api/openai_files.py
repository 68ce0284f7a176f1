"""Documents as files of OpenAI's API: those of a vector store, and those of all of them.

A file is a document. Its id is `file-ID`, or `file-ID-COLLECTION` where the server has several
collections, as ids of documents are counted in each. The content of a file is the text that was
extracted from it. Files cannot be uploaded or deleted here: the folders decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ragkit.errors import UsageError
from ragkit.serving.api import json_shapes
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.api.openai import STORE_PATH, file_id, list_object
from ragkit.serving.collections.library import ServedCollection, UnknownCollectionError
from ragkit.serving.schema.parts import MAX_TEXT
from ragkit.serving.transport.json_http import ApiError, json_response

if TYPE_CHECKING:
    from ragkit.records.reports import DocumentEntry

_FILE_ID = re.compile(r"file-([0-9]{1,15})(?:-(.{1,64}))?")
_STORE_PAGE_SIZE, _PAGE_SIZE = 20, 100  # files, as OpenAI's API has them
_MAX_PAGE = 100


async def list_store_files(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/vector_stores/{vector_store_id}/files."""
    served = context.library[request.path["vector_store_id"]]
    limit = request.query.get("limit") or _STORE_PAGE_SIZE
    after = _in_store(served, request.query["after"]) if "after" in request.query else 0
    entries = await context.library.read(served.collection.documents, after, limit + 1)
    ids = [entry.id for entry in entries[:limit]]
    files = await context.library.read(served.collection.file_fields, ids)
    data = [_store_file(context, served, entry, files.get(entry.id, {}))
            for entry in entries[:limit]]  # fmt: skip
    return json_response(list_object(data, has_more=len(entries) > limit))


async def get_store_file(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/vector_stores/{vector_store_id}/files/{file_id}."""
    served = context.library[request.path["vector_store_id"]]
    document_id = _in_store(served, request.path["file_id"])
    entry, _ = await _read_document(context, served, document_id, 0)
    files = await context.library.read(served.collection.file_fields, [document_id])
    return json_response(_store_file(context, served, entry, files.get(document_id, {})))


async def get_store_file_content(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/vector_stores/{vector_store_id}/files/{file_id}/content."""
    served = context.library[request.path["vector_store_id"]]
    document_id = _in_store(served, request.path["file_id"])
    _, text = await _read_document(context, served, document_id, MAX_TEXT)
    return json_response(
        {
            "object": "vector_store.file_content.page",
            "data": [{"type": "text", "text": text}],
            "has_more": False,
            "next_page": None,
        }
    )


async def list_files(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/files: the documents of all collections, one collection after the other."""
    limit = request.query.get("limit") or _PAGE_SIZE
    stores = list(context.library.served.values())
    after = 0
    if "after" in request.query:
        served, after = _find_store(context, request.query["after"])
        stores = stores[stores.index(served) :]
    data: list[dict[str, Any]] = []
    for served in stores:
        missing = limit + 1 - len(data)
        entries = await context.library.read(served.collection.documents, after, missing)
        data += [_file(context, served, entry) for entry in entries]
        after = 0
        if len(data) > limit:
            break
    return json_response(list_object(data[:limit], has_more=len(data) > limit))


async def get_file(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/files/{file_id}."""
    served, document_id = _find_store(context, request.path["file_id"])
    entry, _ = await _read_document(context, served, document_id, 0)
    return json_response(_file(context, served, entry))


async def get_file_content(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/files/{file_id}/content: the extracted text, as plain text."""
    served, document_id = _find_store(context, request.path["file_id"])
    _, text = await _read_document(context, served, document_id, MAX_TEXT)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(text.encode(), headers=headers, media_type="text/plain; charset=utf-8")


def _parse(identifier: str) -> tuple[int, str | None]:
    """The document's id and the collection's name in the id of a file."""
    match = _FILE_ID.fullmatch(identifier)
    if match is None:
        raise _unknown(identifier)
    return int(match[1]), match[2]


def _in_store(served: ServedCollection, identifier: str) -> int:
    """The document's id in this collection. Raises ApiError 404 for a file of another one."""
    document_id, name = _parse(identifier)
    if name not in (None, served.name):
        raise _unknown(identifier)
    return document_id


def _find_store(context: Context, identifier: str) -> tuple[ServedCollection, int]:
    """The collection and the document's id. Raises ApiError 404 for an unknown collection."""
    document_id, name = _parse(identifier)
    try:
        return context.library[name], document_id
    except UnknownCollectionError:
        raise _unknown(identifier) from None


def _unknown(identifier: str) -> ApiError:
    return ApiError(404, f"no file has the id {identifier[:90]}", "not_found", "file_id")


async def _read_document(
    context: Context, served: ServedCollection, document_id: int, length: int
) -> tuple[DocumentEntry, str]:
    """A document and the first `length` characters of its text. Raises ApiError 404."""
    try:
        return await context.library.read(served.collection.document, document_id, 0, length)
    except UsageError:
        raise _unknown(file_id(context, served, document_id)) from None


def _store_file(
    context: Context, served: ServedCollection, entry: DocumentEntry, file: Mapping[str, str | int]
) -> dict[str, Any]:
    return {
        "id": file_id(context, served, entry.id),
        "object": "vector_store.file",
        "created_at": context.started,
        "vector_store_id": served.name,
        "status": "completed",
        "usage_bytes": entry.characters,
        "last_error": None,
        "attributes": json_shapes.document_attributes(entry, file),
    }


def _file(context: Context, served: ServedCollection, entry: DocumentEntry) -> dict[str, Any]:
    return {
        "id": file_id(context, served, entry.id),
        "object": "file",
        "bytes": entry.characters,
        "created_at": context.started,
        "expires_at": None,
        "filename": entry.path,
        "purpose": "assistants",
        "status": "processed",
    }


_FILE = {"type": "string", "pattern": "^file-[0-9]{1,15}(-.{1,64})?$"}
_PAGE = {"limit": {"type": "integer", "minimum": 1, "maximum": _MAX_PAGE}, "after": _FILE}
_STORE_FILE = {**STORE_PATH, "file_id": _FILE}
_STORE_FILES = "/v1/vector_stores/{vector_store_id}/files"

ENDPOINTS = (
    Endpoint("GET", _STORE_FILES, list_store_files, "openai_files_get", "Documents as files",
             "openai", "OpenAIObject", query=_PAGE, path_schemas=STORE_PATH, is_strict=False,
             errors=(404,)),
    Endpoint("GET", _STORE_FILES + "/{file_id}", get_store_file, "openai_file_get", "One of them",
             "openai", "OpenAIObject", path_schemas=_STORE_FILE, is_strict=False, errors=(404,)),
    Endpoint("GET", _STORE_FILES + "/{file_id}/content", get_store_file_content,
             "openai_content_get", "Its text", "openai", "OpenAIObject", path_schemas=_STORE_FILE,
             is_strict=False, errors=(404,)),
    Endpoint("GET", "/v1/files", list_files, "openai_all_files_get",
             "Documents of all collections as files", "openai", "OpenAIObject", query=_PAGE,
             is_strict=False, errors=(404,)),
    Endpoint("GET", "/v1/files/{file_id}", get_file, "openai_one_file_get", "One of them",
             "openai", "OpenAIObject", path_schemas={"file_id": _FILE}, is_strict=False,
             errors=(404,)),
    Endpoint("GET", "/v1/files/{file_id}/content", get_file_content, "openai_file_content_get",
             "Its extracted text, plain", "openai", path_schemas={"file_id": _FILE},
             is_strict=False, errors=(404,), media_types=("text/plain",)),
)  # fmt: skip
