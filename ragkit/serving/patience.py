"""Connections that send no request: let go, so that nobody can hold all there are.

uvicorn waits for the head of a first request for ever, and for that of a later one once a byte of
it has come. For a body waits whoever reads it (`bodies`). Knows uvicorn, and nothing of requests.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD = 20.0  # seconds for the head of a request, and up to twice as long
_Protocol: Any = AutoHTTPProtocol  # of h11 or httptools, whichever is installed


class Patience(_Protocol):  # type: ignore[misc]
    """uvicorn's protocol, for `uvicorn.Config(http=…)`; closes what waits too long for a head."""

    seconds = HEAD

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A caller is there."""
        super().connection_made(transport)
        self._answered: object = self  # the request that was last answered at the last look
        self._looking = self.loop.call_later(self.seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has gone, or was let go."""
        self._looking.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Let go who is where they were at the last look: without a request since."""
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self._answered is self.cycle:
            self.transport.close()
            return
        self._answered = self.cycle if waits else self
        self._looking = self.loop.call_later(self.seconds, self._look)
