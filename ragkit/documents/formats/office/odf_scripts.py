"""Raised and lowered text of an OpenDocument file: which styles raise, and the marks around it.

Knows `style:text-position` (OpenDocument 1.3 part 3, 20.387) and spans; not paragraphs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.layout.scripts import LOWERED, LOWERED_END, RAISED, RAISED_END
from ragkit.documents.unpacking.xml_stream import Attributes

_RAISED, _LOWERED = (RAISED, RAISED_END), (LOWERED, LOWERED_END)
_LEVEL: tuple[str, str] = ("", "")  # on the line


@dataclass(slots=True)
class OdfScripts:
    """The positions of the text styles that were read, and of the open spans."""

    _positions: dict[str, tuple[str, str]] = field(default_factory=dict)  # by style
    _style: str = ""  # that was opened last
    _spans: list[str] = field(default_factory=list)  # the marks that close the open spans

    def start_style(self, attributes: Attributes) -> None:
        """Handle the start of a `style:style`: it inherits the position of its parent."""
        self._style = attributes.get("style:name", "")
        parent = attributes.get("style:parent-style-name", "")
        self._positions.pop(self._style, None)
        if parent in self._positions:
            self._positions[self._style] = self._positions[parent]

    def start_properties(self, attributes: Attributes) -> None:
        """Handle the `style:text-properties` of the open style."""
        position = attributes.get("style:text-position", "").split()[:1]
        if position:
            self._positions[self._style] = _marks(position[0])

    def open_span(self, attributes: Attributes) -> str:
        """Return the mark that opens the text of a span; "" if it is on the line."""
        start, end = self._positions.get(attributes.get("text:style-name", ""), _LEVEL)
        self._spans.append(end)
        return start

    def close_span(self) -> str:
        """Return the mark that closes the text of the span that was opened last."""
        return self._spans.pop() if self._spans else ""


def _marks(position: str) -> tuple[str, str]:
    """Return the marks of a position: `super`, `sub`, or a percentage of the letters' height."""
    if position == "super":
        return _RAISED
    if position == "sub" or position.startswith("-"):
        return _LOWERED if position != "-0%" else _LEVEL
    return _LEVEL if not position.strip("+0.%") else _RAISED
