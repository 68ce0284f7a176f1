"""Server-sent events, as far as JSON servers use them: the data of each event.

https://html.spec.whatwg.org/multipage/server-sent-events.html. Knows bytes only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

_LONGEST = 1_000_000  # bytes of a line
DONE = b"[DONE]"  # how OpenAI's API ends a stream


class Lines(Protocol):
    """What is read from."""

    def readline(self, limit: int, /) -> bytes:
        """The next line with its end, or so many bytes of it; b"" at the end."""


def data(source: Lines) -> Iterator[bytes]:
    """The data of each event, its lines joined by a line feed, to the end or to [DONE].

    Raises ValueError for a line that is too long, and where the source ends in an event.
    """
    lines: list[bytes] = []
    while line := source.readline(_LONGEST):
        if len(line) == _LONGEST:
            raise ValueError(f"a line of an event has more than {_LONGEST:,} bytes")
        line = line.rstrip(b"\r\n")
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif not line and lines:
            found = b"\n".join(lines)
            if found == DONE:
                return
            yield found
            lines = []
    if lines and lines != [DONE]:
        raise ValueError("the stream ends in the middle of an event")
