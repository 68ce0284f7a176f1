"""Text that comes in pieces, wrapped to a width as it comes. Knows columns only."""

from __future__ import annotations

import re

from ragkit.cli.output.render import columns

_WIDE = "\u1100-\u11ff\u2e80-\ud7a3\uf900-\uffdc"  # scripts without spaces: break at each letter
_TOKEN = re.compile(rf"\n|[^\S\n]+|[{_WIDE}]|[^\s{_WIDE}]+")


class Wrapping:
    """What comes out, joined, is the text with some spaces turned into line breaks."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._held = ""
        self._space = ""
        self._used = 0  # columns of the line so far

    def feed(self, text: str) -> str:
        """What can be shown now: whole words."""
        self._held += text
        parts = _TOKEN.findall(self._held)
        goes_on = bool(parts) and not parts[-1].isspace()  # perhaps, with the next piece
        self._held = parts.pop() if goes_on else ""
        return "".join(map(self._placed, parts))

    def end(self) -> str:
        """The rest."""
        parts = _TOKEN.findall(self._held)
        self._held = ""
        return "".join(map(self._placed, parts)).rstrip()

    def _placed(self, part: str) -> str:
        if part == "\n":
            self._space, self._used = "", 0
            return part
        if part.isspace():
            self._space = part
            return ""
        space, self._space = self._space, ""
        room = columns(part)
        if self._used and self._used + len(space) + room > self._width:
            self._used = room
            return f"\n{part}"
        self._used += len(space) + room
        return space + part
