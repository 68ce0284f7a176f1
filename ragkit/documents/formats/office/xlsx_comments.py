"""The comments on the cells of an xlsx sheet: old notes and the threads of newer programs.

Knows their parts only; where they go is `grid`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ragkit.documents.formats.office.ooxml import relations
from ragkit.documents.unpacking.limits import Package
from ragkit.documents.unpacking.xml_stream import Attributes, attempt

_CELL = re.compile(r"[A-Z]{1,3}[0-9]{1,7}")
_KINDS = ("threadedComment", "comments")  # a file that has the first repeats it in the second


def comments_on(package: Package, sheet: str) -> Iterator[tuple[str, str]]:
    """The cells ("B2") of a sheet's part that have comments, with what they say."""
    links = relations(package, sheet).values()
    for kind in _KINDS:
        parts = [link.part for link in links if link.kind == kind]
        for part in parts:
            walk = _Walk()
            attempt(package, part, walk.start, walk.end, walk.text)
            yield from walk.found
        if parts:
            return


@dataclass(slots=True)
class _Walk:
    found: list[tuple[str, str]] = field(default_factory=list)
    _cell: str = ""
    _pieces: list[str] = field(default_factory=list)
    _in_text: bool = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag in {"x:comment", "threadedComment"}:
            self._cell = attributes.get("ref", "")
            self._pieces.clear()
        self._in_text = tag in {"x:t", "text"}

    def text(self, characters: str) -> None:
        if self._in_text:
            self._pieces.append(characters)

    def end(self, tag: str) -> None:
        self._in_text = False
        if tag in {"x:comment", "threadedComment"} and _CELL.fullmatch(self._cell):
            self.found.append((self._cell, "".join(self._pieces)))
