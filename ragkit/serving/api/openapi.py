"""The table of endpoints as an OpenAPI 3.1 document, and as a page to read. Knows no HTTP."""

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
    "openai": "What the clients of OpenAI's API use; parameters that mean nothing here are ignored",
    "operations": "For those who run the server",
}
_ERRORS = {
    400: "The request is wrong; `param` says where",
    401: "A token is needed: Authorization: Bearer TOKEN",
    403: "Pages of this origin may not ask",
    404: "Nothing is there by this name",
    408: "The body did not arrive in time",
    409: "Something else writes to the collection",
    413: "The body is too large",
    415: "The body is not application/json",
    421: "This server is not called by that Host",
    429: "Too many requests of this address",
    503: "The collection or its model cannot be used, or too much goes on",
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
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


def _operation(each: Endpoint) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for media in each.media:
        is_json = each.answer and media == "application/json"
        shown[media] = {"schema": ref(str(each.answer))} if is_json else {}
    responses: dict[str, Any] = {str(each.status): {"description": "Done", "content": shown}}
    for status in each.own_errors:
        error = {"application/json": {"schema": ref("Error")}}
        responses[str(status)] = {"description": _ERRORS[status], "content": error}
    found: dict[str, Any] = {
        "summary": each.summary,
        "operationId": f"{each.handler.__module__.rpartition('.')[2]}_{each.handler.__name__}_"
        f"{each.method.lower()}",
        "tags": [each.tag],
        "parameters": _parameters(each),
        "responses": responses,
    }
    if each.body is not None:
        content = {"application/json": {"schema": ref(each.body)}}
        found["requestBody"] = {"required": True, "content": content}
    if each.open:
        found["security"] = [{}]
    return found


def _parameters(each: Endpoint) -> list[dict[str, Any]]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in each.path_schemas.items()
    ]
    query = [
        {"name": name, "in": "query", "required": name in each.required, "schema": schema}
        for name, schema in each.query.items()
    ]
    return path + query


def page(endpoints: Sequence[Endpoint]) -> str:
    """The same to read: plain HTML, no script, nothing loaded from elsewhere."""
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<title>ragkit: the API</title><link rel=stylesheet href=/web/docs.css></head><body><main>"
        f"<h1>ragkit {escape(__version__)}</h1><p>Machines read <a href=/openapi.json>"
        "/openapi.json</a>.</p>"
    ]
    for tag, text in _TAGS.items():
        parts.append(f"<h2>{escape(text)}</h2>")
        parts += [_section(each) for each in endpoints if each.tag == tag]
    return "".join([*parts, "</main></body></html>"])


def _section(each: Endpoint) -> str:
    fields: dict[str, Any] = {**each.path_schemas, **each.query}
    required = {*each.path_schemas, *each.required}
    if each.body is not None:
        body: Mapping[str, Any] = SCHEMAS[each.body]
        fields |= body["properties"]
        required |= set(body.get("required", ()))
    rows = [
        f"<tr><th scope=row><code>{escape(name)}</code>{' *' if name in required else ''}</th>"
        f"<td>{escape(_told(schema))}</td></tr>"
        for name, schema in fields.items()
    ]
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    head = f"<h3><code>{each.method} {escape(each.path)}</code></h3>"
    return f"<section>{head}<p>{escape(each.summary)}</p>{table}</section>"


def _told(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_told(each) for each in schema["anyOf"])
    kind = schema.get("type", "anything")
    words = [kind if isinstance(kind, str) else " or ".join(kind)]
    if kind == "array" and "items" in schema:
        words[0] = f"array of {_told(schema['items'])}"
    if "enum" in schema:
        words.append(", ".join(map(str, schema["enum"])))
    if "minimum" in schema or "maximum" in schema:
        words.append(f"{schema.get('minimum', '')} to {schema.get('maximum', '')}")
    if "description" in schema:
        words.append(schema["description"])
    return "; ".join(words)
