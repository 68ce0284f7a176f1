"""The ASGI application: the endpoints behind limits and access control; and its server.

A request passes, from the outside in, `RequestLimits`, CORS (if origins are allowed),
`AccessControl`, and the route of its endpoint.
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

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ragkit.serving.api import (
    exploring,
    lookup,
    openai,
    openai_chat,
    openai_files,
    openai_responses,
    openapi,
    own,
    page,
)
from ragkit.serving.api.endpoint import Context, Endpoint
from ragkit.serving.collections.folders import AddedFolders
from ragkit.serving.collections.library import Library
from ragkit.serving.transport.access import AccessControl, App, is_loopback
from ragkit.serving.transport.json_http import KEEP_ALIVE_SECONDS, ApiError
from ragkit.serving.transport.metrics import Metrics
from ragkit.serving.transport.rate_limit import MAX_REQUESTS, RequestLimits
from ragkit.serving.web.static import PageFiles, StaticFile, make_file

ENDPOINTS: tuple[Endpoint, ...] = (
    *own.ENDPOINTS,
    *lookup.ENDPOINTS,
    *page.ENDPOINTS,
    *exploring.ENDPOINTS,
    *openai.ENDPOINTS,
    *openai_files.ENDPOINTS,
    *openai_chat.ENDPOINTS,
    *openai_responses.ENDPOINTS,
)
SHUTDOWN_SECONDS = 10  # for requests in progress when the server stops
PUBLIC_PATHS = ("/", "/docs", "/openapi.json", "/web/", *(e.path for e in ENDPOINTS if e.is_public))
logger = logging.getLogger("ragkit")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Access control and limits of a server."""

    host: str = "127.0.0.1"  # the address it listens on
    host_names: tuple[str, ...] = ()  # further host names of this server
    origins: tuple[str, ...] = ()  # allowed for cross-origin requests: https://chat.example
    token: str | None = None
    rate: float | None = None  # requests per second and address
    max_requests: int = MAX_REQUESTS  # at the same time
    keep_alive: int = KEEP_ALIVE_SECONDS  # seconds without a request until a connection is closed


def create_app(
    library: Library,
    options: ServerOptions,
    on_ready: Callable[[], None] = lambda: None,
    folders: AddedFolders | None = None,
) -> App:
    """Return the ASGI application. `on_ready` is called when it starts.

    `folders`: what requests may add to the collections (default: nothing).
    """
    context = Context(
        library, Metrics(), int(time.time()), folders or AddedFolders(),
        is_local=is_loopback(options.host) and not options.host_names,
    )  # fmt: skip

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        on_ready()
        yield
        library.answers.close()

    inner = Starlette(
        routes=[*(endpoint.route(context) for endpoint in ENDPOINTS), *_page_routes()],
        exception_handlers={HTTPException: _on_http_exception},
        lifespan=lifespan,
    )
    inner.router.redirect_slashes = False
    app: App = AccessControl(
        inner, options.host, options.host_names, options.token, origins=options.origins,
        public=PUBLIC_PATHS, refuse=_refuse,
    )  # fmt: skip
    if options.origins:
        app = CORSMiddleware(
            app,
            allow_origins=options.origins,
            allow_methods=("GET", "POST"),
            allow_headers=("authorization", "content-type"),
        )
    return RequestLimits(app, context.metrics, options.rate, options.max_requests, options.origins)


def _page_routes() -> list[Route]:
    """The web page, the API reference and the OpenAPI document."""
    files = PageFiles()
    document = json.dumps(openapi.build_document(ENDPOINTS), ensure_ascii=False)

    def serve(file: StaticFile) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            return file.respond(request)

        return respond

    return [
        Route("/", files.index),
        Route("/web/{path:path}", files.file),
        Route("/openapi.json", serve(make_file(document.encode(), ".json"))),
        Route("/docs", serve(make_file(openapi.render_page(ENDPOINTS).encode(), ".html"))),
    ]


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own errors (no route, wrong method) in the format of our API."""
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for these only)
    message = {404: "not found", 405: "this method is not allowed here"}
    return ApiError(
        error.status_code,
        message.get(error.status_code, error.detail),
        {404: "not_found", 405: "method_not_allowed"}.get(error.status_code),
        headers=error.headers,
    ).response()


def _refuse(status: int, reason: str) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    code = {401: "invalid_api_key", 403: "forbidden_origin", 421: "wrong_host"}.get(status)
    return ApiError(status, reason, code, headers=headers).response()


def run_server(app: App, bound: socket.socket, keep_alive: int = KEEP_ALIVE_SECONDS) -> None:
    """Serve on a bound socket until SIGINT or SIGTERM; then let requests in progress end.

    `keep_alive`: seconds without a request after which a connection is closed.

    Raises KeyboardInterrupt after SIGINT.
    """
    import uvicorn

    from ragkit.serving.transport.timeouts import TimeoutProtocol

    config = uvicorn.Config(
        app,
        http=TimeoutProtocol,
        log_level="error",  # otherwise one line for each request that is not HTTP
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a caller's address is that of its connection, never a header's
        lifespan="on",
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        backlog=1024,
    )
    # uvicorn raises the signal again that stopped it: SIGTERM would then kill this process, and
    # nothing would follow a SIGINT that is ignored, as in a shell's job in the background.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    uvicorn.Server(config).run(sockets=[bound])
