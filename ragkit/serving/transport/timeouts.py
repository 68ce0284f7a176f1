"""Connections that send no request: let go, so that nobody can hold all there are.

uvicorn waits for the head of a first request for ever, and for that of a later one once a byte of
it has come; and httptools takes a head of any length. For a body waits whoever reads it
(`bodies`). Knows uvicorn, and nothing of requests.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD = 20.0  # seconds for the head of a request, and up to twice as long
MOST_HEAD = 65_536  # bytes, and what comes with the one that is too many
_Protocol: Any = AutoHTTPProtocol  # of h11 or httptools, whichever is installed


class Patience(_Protocol):  # type: ignore[misc]
    """uvicorn's protocol, for `uvicorn.Config(http=…)`; closes what waits too long for a head."""

    seconds = HEAD

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A caller is there."""
        self._head: int | None = None  # bytes so far, while httptools is in the middle of one
        super().connection_made(transport)
        self._answered: object = self  # the request that was last answered at the last look
        self._looking = self.loop.call_later(self.seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has gone, or was let go."""
        self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("the head of the request is too large")

    def on_message_begin(self) -> None:
        """A head begins. httptools alone calls this and the next; h11 has a limit of its own."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head = None
        super().on_headers_complete()

    def _look(self) -> None:
        """Let go who is where they were at the last look: without a request since."""
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self._answered is self.cycle:
            self.transport.close()
            return
        self._answered = self.cycle if waits else self
        self._looking = self.loop.call_later(self.seconds, self._look)
