"""Reading standard input. Knows no command."""

from __future__ import annotations

import sys

from ragkit.errors import UsageError


def read_stdin() -> str:
    """Return all of standard input. Raises UsageError where it is not text in its encoding."""
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"standard input is not {error.encoding.upper()} text (byte {error.start})"
        ) from None
