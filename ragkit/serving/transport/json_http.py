"""JSON over HTTP: request bodies in; responses, server-sent events and errors out.

A request body must be complete, of limited length and arrive within `BODY_SECONDS`: a
caller who never ends a body would otherwise hold a connection for ever. Every error response is
`{"error": {"message", "type", "code", "param"}}`, as in OpenAI's API. Errors of the caller are
described in ragkit's own words; all others go to the log only, because they may name folders of
this machine. Knows ASGI; knows no endpoint and no collection.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import anyio
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ragkit.errors import BusyError, RagkitError, UsageError
from ragkit.serving.transport.access import App, Receive, Scope, Send

MAX_BODY_BYTES = 1_000_000
BODY_SECONDS = 30.0  # time for a body to arrive
KEEP_ALIVE_SECONDS = 75  # without a request, after which a connection is closed
_LINE_ENDS = "\u0085\u2028\u2029"  # beside those that JSON escapes
STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}  # proxies: no buffering
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error",
                429: "rate_limit_error"}  # fmt: skip
logger = logging.getLogger("ragkit")


class ApiError(Exception):
    """An error response: HTTP status, message, code, the request parameter at fault, headers."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.code, self.param, self.headers = code, param, headers

    @property
    def type(self) -> str:
        """OpenAI's error type for this status."""
        if self.status in _ERROR_TYPES:
            return _ERROR_TYPES[self.status]
        return "server_error" if self.status >= 500 else "invalid_request_error"

    def fields(self) -> dict[str, Any]:
        """Return the JSON body."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "code": self.code,
                "param": self.param,
            }
        }

    def response(self) -> Response:
        """Return the complete response."""
        return json_response(self.fields(), self.status, self.headers)


def to_api_error(error: Exception) -> ApiError:
    """Return what the caller may know about `error`; log what is not the caller's fault."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, UsageError):
        return ApiError(400, str(error), "invalid_value")
    if isinstance(error, BusyError):
        logger.warning("%s", error)
        return ApiError(409, "another process is writing to the collection", "busy")
    if isinstance(error, RagkitError):
        logger.error("%s", error)
        return ApiError(503, "the collection or its model cannot be used now", "unavailable")
    logger.error("unexpected %s", type(error).__name__, exc_info=error)
    return ApiError(500, "internal error; the server's log has the details", "internal_error")


def encode_json(value: object) -> bytes:
    """Return `value` as compact JSON in UTF-8. Raises ValueError for NaN and infinity."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def json_response(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response that no cache keeps."""
    return Response(
        encode_json(value),
        status,
        {"cache-control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def encode_event(name: str | None, value: object) -> bytes:
    """Return one server-sent event; without `event:` line if `name` is None (OpenAI's chat)."""
    head = b"" if name is None else f"event: {name}\n".encode()
    data = encode_json(value)
    for letter in _LINE_ENDS:  # clients that split text into lines would end the event there
        data = data.replace(letter.encode(), f"\\u{ord(letter):04x}".encode())
    return head + b"data: " + data + b"\n\n"


class EventStreamResponse(StreamingResponse):
    """Server-sent events from a generator, which is closed when the response ends.

    Starlette leaves the generator to garbage collection when the caller disconnects: a request to
    a language model would go on until then. `source` is the generator that `content` reads.
    """

    def __init__(
        self, content: AsyncGenerator[bytes, None], source: AsyncGenerator[Any, None]
    ) -> None:
        super().__init__(content, headers=STREAM_HEADERS, media_type="text/event-stream")
        self._generators: tuple[AsyncGenerator[Any, None], ...] = (content, source)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end or the caller disconnects."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                for generator in self._generators:
                    await generator.aclose()


async def read_json(request: Request, max_bytes: int = MAX_BODY_BYTES) -> Any:  # noqa: ANN401 (any JSON value)
    """Return the JSON value in a request's body of at most `max_bytes`.

    Raises ApiError: 415 if the content type is not JSON (which a page of another site cannot send
    without a CORS preflight), 400 if the body is not JSON, and what `read_body` raises.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise ApiError(415, "expected content-type: application/json", "unsupported_media_type")
    return parse_json(await read_body(request.scope, request.receive, max_bytes))


async def read_body(scope: Scope, receive: Receive, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return the complete body of a request.

    Raises ApiError: 413 if it is longer than `max_bytes`, 408 if it takes longer than
    BODY_SECONDS, 499 if the caller hangs up before its end.
    """
    too_large = ApiError(413, f"the body is larger than {max_bytes:,} bytes", "body_too_large")
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 15 or int(declared) > max_bytes:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            has_more = True
            while has_more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    logger.warning("a caller hung up in the middle of a body: %r", scope["path"])
                    raise ApiError(499, "the caller has hung up")
                size += len(part := message.get("body", b""))
                if size > max_bytes:
                    raise too_large
                parts.append(part)
                has_more = message.get("more_body", False)
    except TimeoutError:
        reason = f"the body did not arrive within {BODY_SECONDS:g} seconds"
        raise ApiError(408, reason, "too_slow", headers={"connection": "close"}) from None
    return b"".join(parts)


def buffer_body(app: App) -> App:
    """Return ASGI middleware that calls `app` once the body is complete, within the limits above.

    For applications that would wait for a body without a limit of time.
    """

    async def call_with_body(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        try:
            body = await read_body(scope, receive)
        except ApiError as error:
            await error.response()(scope, receive, send)
            return
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Any:  # noqa: ANN401 (an ASGI message)
            return messages.pop() if messages else await receive()

        await app(scope, replay, send)

    return call_with_body


def parse_json(body: bytes) -> Any:  # noqa: ANN401
    """Return the value of a strict JSON text: UTF-8, no NaN, no lone surrogate.

    Raises ApiError 400 for anything else, also for nesting beyond Python's recursion limit.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_reject_constant)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ApiError(400, f"the body is not JSON: {reason}", "invalid_json") from None
    return value


def _reject_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
