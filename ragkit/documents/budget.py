"""How much one file may cost when it is opened up: members, bytes, seconds, depth.

Archives, compressed files and mailboxes are small outside and may be anything inside. Whoever
opens one draws on a `Budget`, which says stop by `SpentError`. Knows no format.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ragkit.errors import DocumentError

MAX_DEPTH = 5  # archive in mail in archive …
MAX_MEMBERS = 10_000
MAX_INFLATED = 500_000_000  # bytes, of all members together
MAX_MEMBER = 100_000_000  # bytes of one member
MAX_RATIO = 200  # inflated to compressed bytes; text reaches 20, a log file 100
RATIO_FROM = 10_000_000  # bytes; below, any ratio is harmless
SECONDS = 300.0  # for one file with all that is in it
CHUNK = 1 << 20  # bytes inflated at once


class SpentError(DocumentError):
    """The budget of a whole file is used up: nothing more of it is read."""


@dataclass(slots=True)
class Budget:
    """What is left for one file. Every limit that is met raises with its own words."""

    members: int = MAX_MEMBERS
    inflated: int = MAX_INFLATED
    started: float = field(default_factory=time.monotonic)

    def member(self) -> None:
        """One member more. Raises SpentError where that is too many, or took too long."""
        self.members -= 1
        if self.members < 0:
            raise SpentError(f"the rest is not read: more than {MAX_MEMBERS:,} members")
        if time.monotonic() - self.started > SECONDS:
            raise SpentError(f"the rest is not read: it took more than {SECONDS:.0f} s")

    def inflate(self, read: Callable[[int], bytes], compressed: int) -> bytes:
        """All that `read(most)` gives, in pieces, until it gives nothing.

        `compressed` is its size before. Raises DocumentError where this member is too large or
        suspiciously small outside, SpentError where all members together are.
        """
        pieces: list[bytes] = []
        size = 0
        while piece := read(CHUNK):
            pieces.append(piece)
            size += len(piece)
            self.inflated -= len(piece)
            if self.inflated < 0:
                raise SpentError(f"the rest is not read: over {MAX_INFLATED:,} bytes inflated")
            if size > MAX_MEMBER:
                raise DocumentError(f"larger than {MAX_MEMBER:,} bytes when inflated")
            if size > RATIO_FROM and size > MAX_RATIO * max(1, compressed):
                raise DocumentError(
                    f"inflates to more than {MAX_RATIO} times its size: looks like a bomb"
                )
            if time.monotonic() - self.started > SECONDS:
                raise SpentError(f"the rest is not read: it took more than {SECONDS:.0f} s")
        return b"".join(pieces)
