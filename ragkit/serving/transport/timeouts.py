"""Timeouts for request heads: close connections that send none, so that nobody can hold them all.

uvicorn waits without limit for the head of a first request, and for that of a later one once a
byte of it has come; httptools accepts a head of any length. Bodies have their own timeout
(`json_http.read_body`). Knows uvicorn; knows nothing of requests.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_SECONDS = 20.0  # for the head of a request; a connection is closed after one to two of these
MAX_HEAD_BYTES = 65_536  # counted in received chunks
_Protocol: Any = AutoHTTPProtocol  # of h11 or httptools, whichever is installed


class TimeoutProtocol(_Protocol):  # type: ignore[misc]
    """uvicorn's HTTP protocol (`uvicorn.Config(http=…)`) that closes idle connections."""

    seconds = HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the timer of a new connection."""
        self._head_bytes: int | None = None  # received so far, while httptools parses a head
        super().connection_made(transport)
        self._last_cycle: object = self  # the request answered last at the previous check
        self._timer = self.loop.call_later(self.seconds, self._check_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer of a closed connection."""
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuse a head that is too long."""
        super().data_received(data)
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("the head of the request is too large")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Strip a header's value, as RFC 9110 (5.5) asks; h11 does so itself."""
        super().on_header(name, value.strip(b" \t"))

    def on_message_begin(self) -> None:
        """Note that a head begins. Only httptools calls this; h11 has a limit of its own."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head is complete. Only httptools calls this."""
        self._head_bytes = None
        super().on_headers_complete()

    def _check_idle(self) -> None:
        """Close the connection if no request has come since the previous check.

        A connection on which nothing has come since a response is closed by uvicorn's own timer.
        """
        if self.timeout_keep_alive_task is not None:
            self._last_cycle = self
            self._timer = self.loop.call_later(self.seconds, self._check_idle)
            return
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and self._last_cycle is self.cycle:
            self.transport.close()
            return
        self._last_cycle = self.cycle if is_waiting else self
        self._timer = self.loop.call_later(self.seconds, self._check_idle)
