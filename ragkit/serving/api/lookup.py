"""Endpoints that look through the extracted text, as agents do: grep, glob, ls, read, related.

Fields are those of the Python API. A result that was cut has a `cursor`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from starlette.responses import Response

from ragkit.lookup.budget import MAX_TOKENS, MIN_TOKENS
from ragkit.lookup.grep import MAX_CONTEXT, MAX_PATTERN, MAX_SECONDS
from ragkit.lookup.listing import MAX_DEPTH, MAX_GLOB
from ragkit.lookup.ranges import parse_range
from ragkit.lookup.related import MAX_AROUND, MAX_SIMILAR
from ragkit.records.hits import hit_fields
from ragkit.records.lookup import Listing
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.schema.parts import NAME
from ragkit.serving.transport.json_http import json_response

_GREP = ("ignore_case", "literal", "word", "glob", "where", "context", "limit", "cursor", "seconds")


async def grep(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/grep: the lines in which a regular expression matches."""
    served = context.library[request.query.get("collection")]
    options = _given(request, *_GREP)
    found = await context.library.read(
        served.look_up,
        lambda collection, _: collection.grep(request.query["pattern"], **options),
    )
    matches = [_without_root(match) for match in found.matches]
    fields = {"cursor": found.cursor, "searched": found.searched, "notice": found.notice}
    return json_response({"collection": served.name, "matches": matches, **fields})


async def glob(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/glob: the documents whose path matches a glob."""
    served = context.library[request.query.get("collection")]
    options = _given(request, "where", "limit", "cursor")
    listing = await context.library.read(
        served.look_up,
        lambda collection, _: collection.glob(request.query["pattern"], **options),
    )
    return _listing_response(served.name, listing)


async def list_folder(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/ls: what is in a folder."""
    served = context.library[request.query.get("collection")]
    options = _given(request, "path", "depth", "where", "limit", "cursor")
    listing = await context.library.read(
        served.look_up, lambda collection, _: collection.ls(**options)
    )
    return _listing_response(served.name, listing)


def _listing_response(name: str, listing: Listing) -> Response:
    entries = [_without_root(entry) for entry in listing.entries]
    fields = {"entries": entries, "cursor": listing.cursor, "total": listing.total}
    return json_response({"collection": name, **fields})


async def read(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/read: lines or pages of a document."""
    served = context.library[request.query.get("collection")]
    options = _given(request, "max_tokens", "cursor")
    for name in ("lines", "pages"):
        if name in request.query:
            options[name] = parse_range(request.query[name], name)
    options.setdefault("max_tokens", MAX_TOKENS)
    part = await context.library.read(
        served.look_up,
        lambda collection, own: collection.read(own, **options),
        request.query["reference"],
    )
    return json_response({"collection": served.name, **_without_root(part)})


async def related(context: Context, request: ValidatedRequest) -> Response:
    """GET /v1/related: the passages around one, and those similar to it."""
    served = context.library[request.query.get("collection")]
    options = _given(request, "k", "around", "where", "other_documents")
    found = await context.library.read(
        served.look_up,
        lambda collection, own: collection.related(own, **options),
        request.query["reference"],
    )
    groups = {"before": found.before, "after": found.after, "similar": found.similar}
    fields = {
        name: [hit_fields(hit, with_root=False) for hit in hits] for name, hits in groups.items()
    }
    passage = hit_fields(found.passage, with_root=False)
    return json_response({"collection": served.name, "passage": passage, **fields})


def _given(request: ValidatedRequest, *names: str) -> dict[str, Any]:
    return {name: request.query[name] for name in names if name in request.query}


def _without_root(record: Any) -> dict[str, Any]:  # noqa: ANN401 (a dataclass of records/lookup)
    fields = dataclasses.asdict(record)
    del fields["root"]
    return fields


def _integer(low: int, high: int, text: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high, "description": text}


_FLAG = {"type": "boolean"}
_COLLECTION = {"collection": NAME}
_WHERE = {"where": {"type": "string", "maxLength": 10_000, "description": "a filter"}}
_CURSOR = {"cursor": {"type": "string", "maxLength": 4_000, "description": "to go on there"}}
_GLOB = {"type": "string", "minLength": 1, "maxLength": MAX_GLOB}
_REFERENCE = {"reference": {"type": "string", "minLength": 1, "maxLength": 4_000}}
_RANGE = {"type": "string", "maxLength": 40, "description": "FIRST-LAST, from 1"}
_LIST = {**_COLLECTION, **_WHERE, **_CURSOR, "limit": _integer(1, 10_000, "entries; default 1,000")}
ENDPOINTS = (
    Endpoint("GET", "/v1/grep", grep, "http_grep_get",
             "Find a regular expression in the text of all documents", "own", "GrepAnswer",
             query={**_COLLECTION, **_WHERE, **_CURSOR,
                    "pattern": {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN},
                    "ignore_case": _FLAG, "literal": _FLAG, "word": _FLAG, "glob": _GLOB,
                    "context": _integer(0, MAX_CONTEXT, "lines before and after"),
                    "limit": _integer(1, 1_000, "matches; default 100"),
                    "seconds": {"type": "number", "minimum": 0.1, "maximum": MAX_SECONDS}},
             required=("pattern",), errors=(404,)),
    Endpoint("GET", "/v1/glob", glob, "http_glob_get", "Find documents by their path", "own",
             "Listing", query={**_LIST, "pattern": _GLOB}, required=("pattern",), errors=(404,)),
    Endpoint("GET", "/v1/ls", list_folder, "http_ls_get", "List a folder", "own", "Listing",
             query={**_LIST, "path": {"type": "string", "maxLength": 4_000},
                    "depth": _integer(1, MAX_DEPTH, "levels; default 1")}, errors=(404,)),
    Endpoint("GET", "/v1/read", read, "http_read_get", "Read lines or pages of a document", "own",
             "TextPart",
             query={**_COLLECTION, **_REFERENCE, **_CURSOR, "lines": _RANGE, "pages": _RANGE,
                    "max_tokens": _integer(MIN_TOKENS, MAX_TOKENS, "of the text, estimated")},
             required=("reference",), errors=(404,)),
    Endpoint("GET", "/v1/related", related, "http_related_get",
             "Passages around one and similar to it", "own", "Related",
             query={**_COLLECTION, **_REFERENCE, **_WHERE,
                    "k": _integer(0, MAX_SIMILAR, "similar passages; default 5"),
                    "around": _integer(0, MAX_AROUND, "before and after; default 1"),
                    "other_documents": _FLAG},
             required=("reference",), errors=(404,)),
)  # fmt: skip
