"""Comments on the cells of a sheet: threads and classic notes (ECMA-376 part 1, 18.7).

A file with threads repeats each of them as a note for older programs, which is left out; notes on
other cells are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ragkit.documents.formats.office.ooxml import read_relationships
from ragkit.documents.unpacking.limits import ZipPackage
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently

_COMMENTED_CELL = re.compile(r"[A-Z]{1,3}[0-9]{1,7}")
_KINDS = ("threadedComment", "comments")


def read_comments(package: ZipPackage, sheet: str) -> Iterator[tuple[str, str]]:
    """Yield the comments on a sheet's cells as (cell, text), such as ("B2", "Check this")."""
    relationships = read_relationships(package, sheet).values()
    with_thread: set[str] = set()
    for kind in _KINDS:
        for part in [link.part for link in relationships if link.kind == kind]:
            handler = _CommentsHandler()
            parse_xml_leniently(package, part, handler.start, handler.end, handler.text)
            for cell, text in handler.comments:
                if kind == "comments" and cell in with_thread:
                    continue
                if kind == "threadedComment":
                    with_thread.add(cell)
                yield cell, text


@dataclass(slots=True)
class _CommentsHandler:
    """Collects the comments of one part: cell and text."""

    comments: list[tuple[str, str]] = field(default_factory=list)
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
        if tag in {"x:comment", "threadedComment"} and _COMMENTED_CELL.fullmatch(self._cell):
            self.comments.append((self._cell, "".join(self._pieces)))
