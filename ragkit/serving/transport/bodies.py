"""Bodies of requests as they come in: whole, not too large, not too slow, and what JSON they hold.

A caller who never ends a body would else hold a connection for ever. Knows ASGI, and nothing of
what is asked for.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request

from ragkit.serving.transport.access import App, Receive, Scope, Send
from ragkit.serving.transport.responses import Problem

MOST = 1_000_000  # bytes
SECONDS = 30.0  # that a body may take to arrive
logger = logging.getLogger("ragkit")


async def body_of(request: Request) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """The JSON of a request. Raises Problem: not JSON, not said to be, and what `whole` raises.

    A page of another host cannot send this content type without asking first.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "expected content-type: application/json", "unsupported_media_type")
    return parsed(await whole(request.scope, request.receive))


async def whole(scope: Scope, receive: Receive) -> bytes:
    """All of a body. Raises Problem: larger than MOST, slower than SECONDS, or the caller hung up
    before its end."""
    too_large = Problem(413, f"the body is larger than {MOST:,} bytes", "body_too_large")
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 15 or int(declared) > MOST:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    logger.warning("a caller hung up in the middle of a body: %r", scope["path"])
                    raise Problem(499, "the caller has hung up")
                size += len(part := message.get("body", b""))
                if size > MOST:
                    raise too_large
                parts.append(part)
                more = message.get("more_body", False)
    except TimeoutError:
        late = f"the body did not arrive within {SECONDS:g} seconds"
        raise Problem(408, late, "too_slow", headers={"connection": "close"}) from None
    return b"".join(parts)


def arrived(app: App) -> App:
    """`app`, which is called once a body is whole, for applications that would wait for ever."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        try:
            body = await whole(scope, receive)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        kept = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Any:  # noqa: ANN401 (a message of ASGI)
            return kept.pop() if kept else await receive()

        await app(scope, again, send)

    return run


def parsed(body: bytes) -> Any:  # noqa: ANN401
    """Strict JSON: UTF-8, no NaN, no half of a surrogate pair, no depth beyond Python's."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Problem(400, f"the body is not JSON: {reason}", "invalid_json") from None
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
