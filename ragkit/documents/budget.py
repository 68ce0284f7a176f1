"""What one file may cost when what it holds is opened too: members, bytes, seconds, depth.

Archives, compressed files and mailboxes are small outside and may be anything inside. Whoever
opens one draws on the one `Budget` of the file. Knows no format.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from ragkit.documents.unpacking.limits import (
    MAX_ENTRIES,
    MAX_INFLATED,
    Allowance,
    bounded,
    pieces_of,
)
from ragkit.errors import DocumentError

MAX_DEPTH = 5  # archive in mail in archive …
SECONDS = 300.0  # for one file with all that is in it


class SpentError(DocumentError):
    """The budget of a whole file is used up: nothing more of it is read."""


@dataclass(slots=True)
class Budget:
    """What one file has cost so far, and may still."""

    members: int = 0  # so far
    allowance: Allowance = field(default_factory=Allowance)
    started: float = field(default_factory=time.monotonic)
    seconds: float = SECONDS
    depth: int = MAX_DEPTH

    def member(self) -> None:
        """One member more. Raises SpentError where that is too many, or took too long."""
        self.members += 1
        if self.members > MAX_ENTRIES:
            reason = f"the rest is not read: over {MAX_ENTRIES:,} members"
            raise SpentError(reason, kind="limit")
        self._in_time()

    def inflate(self, file: IO[bytes], packed: int, what: str) -> bytes:
        """All of an open file that unpacks as it is read; `packed` is its size before.

        Raises DocumentError where this member is over a limit of its own, SpentError where all
        members together are.
        """
        try:
            return b"".join(bounded(self._timed(file), packed, what, self.allowance))
        except DocumentError as error:
            if self.allowance.left >= 0:
                raise
            size = f"{MAX_INFLATED // 1_000_000} MB"
            reason = f"the rest is not read: over {size} when inflated"
            raise SpentError(reason, kind="limit") from error

    def _timed(self, file: IO[bytes]) -> Iterator[bytes]:
        for piece in pieces_of(file):
            self._in_time()
            yield piece

    def _in_time(self) -> None:
        if time.monotonic() - self.started > self.seconds:
            reason = f"the rest is not read: it took over {self.seconds:.0f} s"
            raise SpentError(reason, kind="timeout")
