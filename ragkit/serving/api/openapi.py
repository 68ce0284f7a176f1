"""The endpoints as an OpenAPI 3.1 document and as an HTML page to read. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ragkit.serving.api.endpoint import Endpoint
from ragkit.serving.schema.own import SCHEMAS
from ragkit.serving.schema.parts import ref
from ragkit.version import __version__

_TAGS = {
    "own": "ragkit's own API",
    "openai": "Compatible with OpenAI's API; parameters without a meaning here are ignored",
    "operations": "Operations",
}
_ERRORS = {
    400: "Invalid request; `param` names the parameter",
    401: "A token is required: Authorization: Bearer TOKEN",
    403: "Cross-origin requests from this origin are refused",
    404: "Not found",
    408: "The body did not arrive in time",
    409: "Another process is writing to the collection",
    413: "The body is too large",
    415: "The body is not application/json",
    421: "Unknown Host header",
    429: "Too many requests from this address",
    503: "The collection or its model cannot be used, or the server is overloaded",
}


def build_document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI document of these endpoints."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ragkit",
            "version": __version__,
            "summary": "Semantic search over your own documents, with citations",
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for media_type in endpoint.media_types:
        is_json = endpoint.response and media_type == "application/json"
        content[media_type] = {"schema": ref(str(endpoint.response))} if is_json else {}
    responses: dict[str, Any] = {str(endpoint.status): {"description": "Done", "content": content}}
    for status in endpoint.error_statuses:
        error = {"application/json": {"schema": ref("Error")}}
        responses[str(status)] = {"description": _ERRORS[status], "content": error}
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": endpoint.operation_id,
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint),
        "responses": responses,
    }
    if endpoint.body is not None:
        body = {"application/json": {"schema": ref(endpoint.body)}}
        operation["requestBody"] = {"required": True, "content": body}
    if endpoint.is_public:
        operation["security"] = [{}]
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in endpoint.path_schemas.items()
    ]
    query = [
        {"name": name, "in": "query", "required": name in endpoint.required, "schema": schema}
        for name, schema in endpoint.query.items()
    ]
    return path + query


def render_page(endpoints: Sequence[Endpoint]) -> str:
    """Return the reference as HTML: no script, nothing loaded from elsewhere."""
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<title>ragkit: the API</title><link rel=stylesheet href=/web/docs.css></head><body><main>"
        f"<h1>ragkit {escape(__version__)}</h1><p>For programs: <a href=/openapi.json>"
        "/openapi.json</a>.</p>"
    ]
    for tag, text in _TAGS.items():
        parts.append(f"<h2>{escape(text)}</h2>")
        parts += [_section(endpoint) for endpoint in endpoints if endpoint.tag == tag]
    return "".join([*parts, "</main></body></html>"])


def _section(endpoint: Endpoint) -> str:
    fields: dict[str, Any] = {**endpoint.path_schemas, **endpoint.query}
    required = {*endpoint.path_schemas, *endpoint.required}
    if endpoint.body is not None:
        body: Mapping[str, Any] = SCHEMAS[endpoint.body]
        fields |= body["properties"]
        required |= set(body.get("required", ()))
    rows = [
        f"<tr><th scope=row><code>{escape(name)}</code>{' *' if name in required else ''}</th>"
        f"<td>{escape(_describe(schema))}</td></tr>"
        for name, schema in fields.items()
    ]
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    head = f"<h3><code>{endpoint.method} {escape(endpoint.path)}</code></h3>"
    return f"<section>{head}<p>{escape(endpoint.summary)}</p>{table}</section>"


def _describe(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: type, allowed values, limits, description."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_describe(alternative) for alternative in schema["anyOf"])
    kind = schema.get("type", "anything")
    parts = [kind if isinstance(kind, str) else " or ".join(kind)]
    if kind == "array" and "items" in schema:
        parts[0] = f"array of {_describe(schema['items'])}"
    if "enum" in schema:
        parts.append(", ".join(map(str, schema["enum"])))
    if "minimum" in schema or "maximum" in schema:
        parts.append(f"{schema.get('minimum', '')} to {schema.get('maximum', '')}")
    if "description" in schema:
        parts.append(schema["description"])
    return "; ".join(parts)
