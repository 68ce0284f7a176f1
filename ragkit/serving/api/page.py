"""What the web page needs beside search and ask: its opening screen, counts for filters, pictures
of pages; and, where the user allowed it, folders and files that are added.

The endpoints are part of the API; a program may use them too.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses

from starlette.responses import Response

from ragkit.errors import UsageError
from ragkit.retrieval.options import SEARCH_OPTIONS
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.api.exploring import judgement_fields, refuse_read_only
from ragkit.serving.collections.folders import MAX_UPLOAD_BYTES, NO_FOLDERS, NO_UPLOADS
from ragkit.serving.collections.originals import open_file
from ragkit.serving.schema.parts import NAME
from ragkit.serving.transport.access import is_loopback
from ragkit.serving.transport.json_http import ApiError, json_response

_EXPLAINED = 5  # hits whose closest sentence is computed
_NEWEST = 6  # files on the opening screen
_WATCHING_WAIT = 60.0  # seconds for the run of a watch to end
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded", "via", "x-real-ip")


def _is_local(context: Context, request: ValidatedRequest) -> bool:
    """Whether the caller sits at this machine: on loopback, and through no proxy."""
    client, headers = request.request.client, request.request.headers
    host = request.request.url.hostname or ""
    return (
        context.is_local
        and client is not None
        and is_loopback(client.host)
        and is_loopback(host)
        and not any(name in headers for name in _FORWARDED)
    )


async def get_overview(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/overview: folders, newest files, questions, and what may be added."""
    served = context.library[request.query.get("collection")]
    overview = await context.library.read(served.collection.overview, _NEWEST)
    labels = {path: label for label, path in served.roots.items()}
    rights = context.folders.rights
    folders = [
        {"label": labels.get(folder.root, folder.root.rpartition("/")[2] or "root"),
         "documents": folder.documents}
        for folder in overview.folders
    ]  # fmt: skip
    return json_response(
        {
            "collection": served.name,
            "folders": folders,
            "newest": [dataclasses.asdict(file) for file in overview.newest],
            "questions": list(overview.questions),
            "can_open_files": _is_local(context, request),
            "is_watching": context.folders.watchers is not None,
            "add_folders": None if rights.add_from else NO_FOLDERS,
            "upload": None if rights.upload_to else NO_UPLOADS,
        }
    )


async def count_facets(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/facets: numbers of documents by type, folder, date and tag."""
    served = context.library[request.body.get("collection")]
    where = request.body.get("where", "").strip() or None
    chosen = request.body.get("chosen", {})
    facets = await context.library.read(served.collection.facets, where, chosen)
    values = {
        name: [dataclasses.asdict(value) for value in facet] for name, facet in facets.items()
    }
    return json_response({"collection": served.name, **values})


async def find_nearest(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/nearest: for the first hits of a search the sentence closest to the query, and what
    a user should know about the hits. Slower than the search, so a page asks for it afterwards."""
    body = request.body
    served = context.library[body.get("collection")]
    fields = {name: value for name, value in body.items() if name in SEARCH_OPTIONS}
    options = served.collection.search_options(
        {
            **fields,
            "k": min(fields.get("k", _EXPLAINED), _EXPLAINED),
            "explain": True,
            "rerank": False,
        }
    )
    hits = await context.library.search_alone(served, body["query"], options)
    notices = await context.library.read(
        served.collection.search_notices, body["query"], options, hits
    )
    sentences = [
        {"passage_id": hit.passage_id, "start": hit.explanation.start, "end": hit.explanation.end}
        for hit in hits
        if hit.explanation is not None
    ]
    judgements = await context.library.read(served.collection.judgements, body["query"])
    return json_response(
        {
            "collection": served.name,
            "notices": notices,
            "judgements": judgement_fields(served, judgements),
            "sentences": sentences,
        }
    )


async def get_page(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/documents/{document_id}/pages/{page}: a picture of the page, with boxes."""
    served = context.library[request.query.get("collection")]
    start = request.query.get("start", 0)
    span = (start, request.query.get("end", start))
    try:
        view = await context.library.read(
            context.originals.view_page, served, request.path["document_id"], request.path["page"],
            span, request.query.get("width", 1000),
        )  # fmt: skip
    except UsageError as error:
        raise ApiError(404, str(error), "not_found") from None
    return json_response(
        {
            "collection": served.name,
            "page": view.page,
            "pages": view.pages,
            "width": view.picture.width,
            "height": view.picture.height,
            "stale": view.stale,
            "boxes": view.picture.boxes,
            "png": base64.b64encode(view.picture.png).decode(),
        }
    )


async def open_original(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/documents/{document_id}/open: open the file on the screen of this machine."""
    served = context.library[request.body.get("collection")]
    if not _is_local(context, request):
        raise UsageError("files are opened only for callers on the server's own machine")
    name = await context.library.read(open_file, served, request.path["document_id"])
    return json_response({"collection": served.name, "name": name})


async def list_folders(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/folders: the folders that may be added."""
    return json_response({"folders": await context.library.read(context.folders.choices)})


async def add_folder(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/folders: make a folder a root, and index it in the background."""
    served = context.library[request.body.get("collection")]
    refuse_read_only(served)
    label = await context.library.read(context.folders.add, served, request.body["folder"])
    wait = None if context.folders.watchers is None else _WATCHING_WAIT
    roots = {label: served.roots[label]}
    run = context.library.index_runs.start(served.name, served.collection, roots, wait)
    return json_response({name: getattr(run, name) for name in run.__slots__}, 202)


async def store_upload(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/uploads: store a file in the folder for it; index it with POST /v1/index."""
    served = context.library[request.body.get("collection")]
    refuse_read_only(served)
    try:
        data = base64.b64decode(request.body["data"], validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("data is not base64") from None
    stored, root = await context.library.read(
        context.folders.store, served, request.body["name"], data
    )
    return json_response(
        {"collection": served.name, "name": stored.name, "is_new": stored.is_new, "root": root}, 201
    )


_COLLECTION = {"collection": NAME}
_ID = {"type": "integer", "minimum": 1, "maximum": 2**53}
_OFFSET = {"type": "integer", "minimum": 0, "maximum": 2**31}
ENDPOINTS = (
    Endpoint("GET", "/v1/overview", get_overview, "http_overview_get",
             "Folders, newest files, questions to ask", "own", "Overview",
             query=_COLLECTION, errors=(404,)),
    Endpoint("POST", "/v1/facets", count_facets, "http_facets_post",
             "Count documents by type, folder, date and tag", "own", "Facets", "FacetsRequest",
             errors=(404,)),
    Endpoint("POST", "/v1/nearest", find_nearest, "http_nearest_post",
             "The sentences closest to a query in its first hits, and notices", "own", "Nearest",
             "SearchRequest", errors=(404,)),
    Endpoint("GET", "/v1/documents/{document_id}/pages/{page}", get_page, "http_page_get",
             "A page of the original as a picture, with boxes around a passage", "own",
             "PagePicture",
             query={**_COLLECTION, "start": _OFFSET, "end": _OFFSET,
                    "width": {"type": "integer", "minimum": 200, "maximum": 2400}},
             path_schemas={"document_id": _ID, "page": {**_ID, "maximum": 10**6}}, errors=(404,)),
    Endpoint("POST", "/v1/documents/{document_id}/open", open_original, "http_open_post",
             "Open the file on the server's own screen; for local callers", "own", "OpenedFile",
             "CollectionRequest", path_schemas={"document_id": _ID}, errors=(404,)),
    Endpoint("GET", "/v1/folders", list_folders, "http_folders_get",
             "List the folders that may be added", "own", "FolderChoices"),
    Endpoint("POST", "/v1/folders", add_folder, "http_folders_post",
             "Add a folder and index it in the background", "own", "IndexRun", "FolderRequest",
             status=202, errors=(403, 404, 409)),
    Endpoint("POST", "/v1/uploads", store_upload, "http_uploads_post",
             "Store a file in the folder for it", "own", "StoredUpload", "UploadRequest",
             status=201, errors=(403, 404), max_body_bytes=MAX_UPLOAD_BYTES * 4 // 3 + 10_000),
)  # fmt: skip
