"""Server-sent events, as far as JSON servers use them: the data of each event.

https://html.spec.whatwg.org/multipage/server-sent-events.html. Reads bytes, opens no connection.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

_MAX_LINE_BYTES = 1_000_000
DONE = b"[DONE]"  # how OpenAI's API ends a stream


class LineReader(Protocol):
    """A binary file, as far as events are read from it."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line with its line end, at most `limit` bytes of it; b"" at the end."""


def event_data(source: LineReader) -> Generator[bytes, None, bool]:
    """Yield the data of each event, its lines joined by a line feed, until the end or [DONE].
    Return whether it was [DONE].

    Raises ValueError for a line that is too long, and where the source ends within an event.
    """
    lines: list[bytes] = []
    while line := source.readline(_MAX_LINE_BYTES):
        if len(line) == _MAX_LINE_BYTES:
            raise ValueError(f"a line of an event has more than {_MAX_LINE_BYTES:,} bytes")
        line = line.rstrip(b"\r\n")
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif not line and lines:
            data = b"\n".join(lines)
            if data == DONE:
                return True
            yield data
            lines = []
    if lines and lines != [DONE]:
        raise ValueError("the stream ends in the middle of an event")
    return bool(lines)
