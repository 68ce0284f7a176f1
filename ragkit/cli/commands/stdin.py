"""What comes in at standard input. Knows no command."""

from __future__ import annotations

import sys

from ragkit.errors import UsageError


def standard_input() -> str:
    """All of it, as text. Raises UsageError where it is none."""
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"standard input is no {error.encoding.upper()} text (byte {error.start})"
        ) from None
