"""Relationships between the parts of an OOXML package (docx, pptx, xlsx; ECMA-376 part 2, 9.3).

Knows `_rels` parts and paths inside the package; not what the related parts contain.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from ragkit.documents.unpacking.limits import ZipPackage
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently


class Relationship(NamedTuple):
    """A relationship from one part of the package to another one."""

    kind: str  # the last segment of the type's URI: "slideLayout", "chart"
    part: str  # path of the target part in the package


def read_relationships(package: ZipPackage, part: str) -> dict[str, Relationship]:
    """Return the relationships of `part` by id ("rId3").

    External targets and targets that the package does not contain are left out.
    """
    folder, _, file = part.rpartition("/")
    source = f"{folder}/_rels/{file}.rels"
    relationships: dict[str, Relationship] = {}

    def start(tag: str, attributes: Attributes) -> None:
        target = attributes.get("Target", "")
        if tag != "Relationship" or not target or attributes.get("TargetMode") == "External":
            return
        path = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
        if path in package.names:
            kind = attributes.get("Type", "").rpartition("/")[2]
            relationships[attributes.get("Id", "")] = Relationship(kind, path)

    if source in package.names:
        parse_xml_leniently(package, source, start)
    return relationships


def related_parts(package: ZipPackage, part: str, kind: str) -> list[str]:
    """Return the paths of the parts to which `part` has a relationship of this kind."""
    relationships = read_relationships(package, part).values()
    return [relationship.part for relationship in relationships if relationship.kind == kind]
