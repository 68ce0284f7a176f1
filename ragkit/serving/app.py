"""The ASGI application: the table of endpoints behind gate and limits; and the server that runs it.

From outside in: how much (`limits`), who may ask (CORS for the pages that were named; `gate`), what
(the table). Everything else is in the modules beside this one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ragkit.serving.api import openai, openai_chat, openapi, own
from ragkit.serving.api.endpoint import Desk, Endpoint
from ragkit.serving.collections.answer_threads import Answering
from ragkit.serving.collections.library import Library
from ragkit.serving.transport.access import App, Gate
from ragkit.serving.transport.metrics import Metrics
from ragkit.serving.transport.rate_limit import ENDPOINT, REQUESTS, Limits
from ragkit.serving.transport.responses import Problem
from ragkit.serving.web.static import Web, page, served

ENDPOINTS: tuple[Endpoint, ...] = (*own.ENDPOINTS, *openai.ENDPOINTS, *openai_chat.ENDPOINTS)
LAST_WORDS = 10  # seconds that requests have to end when the server stops
OPEN = ("/", "/docs", "/openapi.json", "/web/", *(each.path for each in ENDPOINTS if each.open))
logger = logging.getLogger("ragkit")


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may ask, and how much. `host` is the address that is listened at."""

    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()  # other host names of this server
    origins: tuple[str, ...] = ()  # of pages that may ask: https://chat.example
    token: str | None = None
    rate: float | None = None  # requests a second of one address
    requests: int = REQUESTS  # at the same time


def app(library: Library, rules: Rules, on_ready: Callable[[], None] = lambda: None) -> App:
    """The application. `on_ready` is called when it starts."""
    metrics = Metrics()
    desk = Desk(library, Answering(), metrics, int(time.time()))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        on_ready()
        yield
        desk.answering.close()

    inner = Starlette(
        routes=[*map(partial(_route, desk), ENDPOINTS), *_pages()],
        exception_handlers={HTTPException: _no_route},
        lifespan=lifespan,
    )
    inner.router.redirect_slashes = False
    gated: App = Gate(
        inner, rules.host, rules.names, rules.token, origins=rules.origins, unguarded=OPEN,
        refuse=_refuse,
    )  # fmt: skip
    if rules.origins:
        gated = CORSMiddleware(
            gated,
            allow_origins=rules.origins,
            allow_methods=("GET", "POST"),
            allow_headers=("authorization", "content-type"),
        )
    return Limits(gated, metrics, rules.rate, rules.requests, rules.origins)


def _route(desk: Desk, endpoint: Endpoint) -> Route:
    async def run(request: Request) -> Response:
        request.scope[ENDPOINT] = endpoint.path
        return await endpoint.run(desk, request)

    return Route(endpoint.path, run, methods=[endpoint.method])


def _pages() -> list[Route]:
    web = Web()
    description = page(json.dumps(openapi.document(ENDPOINTS), ensure_ascii=False), ".json")
    manual = page(openapi.page(ENDPOINTS))

    def shown(file: object) -> Callable[[Request], Awaitable[Response]]:
        async def run(request: Request) -> Response:
            return served(request, file)  # type: ignore[arg-type]

        return run

    return [
        Route("/", web.index),
        Route("/web/{path:path}", web.file),
        Route("/openapi.json", shown(description)),
        Route("/docs", shown(manual)),
    ]


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for these alone)
    message = {404: "nothing is there", 405: "this method is not for that"}
    return Problem(
        error.status_code,
        message.get(error.status_code, error.detail),
        {404: "not_found", 405: "method_not_allowed"}.get(error.status_code),
        headers=error.headers,
    ).response()


def _refuse(status: int, reason: str) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    code = {401: "invalid_api_key", 403: "forbidden_origin", 421: "wrong_host"}.get(status)
    return Problem(status, reason, code, headers=headers).response()


def run(application: App, listening: socket.socket) -> None:
    """Serve at a bound socket until SIGINT or SIGTERM; requests that run are let to end.

    Raises KeyboardInterrupt after SIGINT.
    """
    import uvicorn

    from ragkit.serving.transport.timeouts import Patience

    config = uvicorn.Config(
        application,
        http=Patience,
        log_level="error",  # else a line for each request that is no HTTP
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who asks is who connects; a header would say anything
        lifespan="on",
        timeout_graceful_shutdown=LAST_WORDS,
        backlog=1024,
    )
    # uvicorn raises the signal that ended it again, and that of SIGTERM would be the end of us.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listening])
