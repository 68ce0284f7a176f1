"""One line in the log for each request: method, path, status, milliseconds.

Neither the query string nor the body: they contain what users ask. Knows ASGI; no collection.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from ragkit.serving.transport.access import App, Receive, Scope, Send

LOGGER = "ragkit.server"
_MAX_PATH = 200  # characters of a path that are logged


class RequestLog:
    """ASGI middleware that logs each HTTP request when its response has ended."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._logger = logging.getLogger(LOGGER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as ASGI defines it."""
        if scope["type"] != "http" or not self._logger.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = "no response"

        async def send_and_see(message: Any) -> None:  # noqa: ANN401 (as ASGI has it)
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        finally:
            path = str(scope.get("path", ""))[:_MAX_PATH]
            milliseconds = 1000 * (time.perf_counter() - started)
            self._logger.info("%s %r %s %.0f ms", scope["method"], path, status, milliseconds)
