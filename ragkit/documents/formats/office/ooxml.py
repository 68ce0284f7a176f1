"""How the parts of an OOXML package (docx, pptx, xlsx) point at each other.

Knows `_rels` parts and paths inside the package; what is at their ends is the readers' business.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from ragkit.documents.unpacking.limits import Package
from ragkit.documents.unpacking.xml_stream import Attributes, attempt


class Relation(NamedTuple):
    """A part that another one points at."""

    kind: str  # the end of its type's URI: "slideLayout", "chart"
    part: str


def relations(package: Package, part: str) -> dict[str, Relation]:
    """What `part` points at inside the package and is there, by id ("rId3")."""
    folder, _, file = part.rpartition("/")
    source = f"{folder}/_rels/{file}.rels"
    found: dict[str, Relation] = {}

    def start(tag: str, attributes: Attributes) -> None:
        target = attributes.get("Target", "")
        if tag != "Relationship" or not target or attributes.get("TargetMode") == "External":
            return
        path = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
        if path in package.names:
            kind = attributes.get("Type", "").rpartition("/")[2]
            found[attributes.get("Id", "")] = Relation(kind, path)

    if source in package.names:
        attempt(package, source, start, lambda tag: None, lambda text: None)
    return found


def related(package: Package, part: str, kind: str) -> list[str]:
    """The parts of one kind that `part` points at."""
    return [each.part for each in relations(package, part).values() if each.kind == kind]
