"""Logs of terminals → text: no escape sequences, and of lines that were redrawn the last state."""

from __future__ import annotations

import re

# Control sequences, operating system commands (links, titles) and two-character sequences.
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]{0,60}[ -/]{0,9}[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\\\)?"
    r"|[@-Z\\\\^-_c=>78])"
)
_PROGRESS = re.compile(rb"\d\s?%|\d/\d|\x1b\[|[#=]{5}|\|[\x20-\x7e]?\||\.\.\.")
_MAX_STATE = 400  # bytes of one state of a redrawn line


def without_escapes(text: str) -> str:
    """Return text without the sequences that set colours, links and titles."""
    return _ESCAPE.sub("", text)


def without_redrawn_lines(data: bytes) -> bytes:
    """Return the bytes of a log with the last state of each line that was redrawn.

    A carriage return that ends lines (old Mac files, Windows) stays.
    """
    if b"\r" not in data or b"\n" not in data or data.replace(b"\r\n", b"").count(b"\r") == 0:
        return data
    return b"\n".join(_last_state(line) for line in data.split(b"\n"))


def _last_state(line: bytes) -> bytes:
    states = line.rstrip(b"\r").split(b"\r")
    if len(states) < 2 or max(map(len, states)) > _MAX_STATE:
        return line
    if sum(_PROGRESS.search(state) is not None for state in states) * 2 < len(states) - 1:
        return line
    return next((state for state in reversed(states) if state.strip()), b"")
