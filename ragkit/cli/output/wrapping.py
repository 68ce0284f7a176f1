"""Line wrapping of streamed text. Knows columns only."""

from __future__ import annotations

import re

from ragkit.cli.output.render import display_width

_WIDE = "\u1100-\u11ff\u2e80-\ud7a3\uf900-\uffdc"  # scripts without spaces
_CODE_INDENT = 4  # columns
_TOKEN = re.compile(rf"\n|[^\S\n]+|[{_WIDE}]|[^\s{_WIDE}]+")


class StreamWrapper:
    """Wraps text that arrives in pieces: some spaces become line breaks, nothing else changes.

    A line that is indented like code is not wrapped.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._pending = ""
        self._space = ""
        self._used = 0  # columns of the line so far
        self._is_code = False

    def feed(self, text: str) -> str:
        """Add a piece of text and return what can be printed now: complete words."""
        self._pending += text
        parts = _TOKEN.findall(self._pending)
        is_open = bool(parts) and not parts[-1].isspace()  # the next piece may continue the word
        self._pending = parts.pop() if is_open else ""
        return "".join(map(self._place, parts))

    def end(self) -> str:
        """Return the rest."""
        parts = _TOKEN.findall(self._pending)
        self._pending = ""
        return "".join(map(self._place, parts)).rstrip()

    def _place(self, part: str) -> str:
        if part == "\n":
            self._space, self._used, self._is_code = "", 0, False
            return part
        if part.isspace():
            self._space += part
            return ""
        space, self._space = self._space, ""
        width = display_width(part)
        self._is_code = self._is_code or (self._used == 0 and len(space) >= _CODE_INDENT)
        if not self._is_code and self._used and self._used + len(space) + width > self._width:
            self._used = width
            return f"\n{part}"
        self._used += len(space) + width
        return space + part
