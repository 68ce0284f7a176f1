"""What an Office file says of itself: Dublin Core properties → title and metadata.

OOXML (`docProps/core.xml`), OpenDocument (`meta.xml`) and EPUB use the same words under different
roofs. Knows element names; not where the parts are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.layout.titles import property_title
from ragkit.documents.unpacking.limits import Package
from ragkit.documents.unpacking.xml_stream import Attributes, attempt

CORE = "docProps/core.xml"  # of OOXML
_LONGEST = 1000  # characters of one value
# Which property an element holds. The first author is the author.
_ELEMENTS = {
    "dc:title": "title",
    "dc:creator": "author",
    "meta:initial-creator": "author",
    "dc:subject": "subject",
    "dc:description": "description",
    "dc:language": "language",
    "dc:identifier": "identifier",
    "dc:publisher": "publisher",
    "dcterms:created": "created",
    "meta:creation-date": "created",
    "dcterms:modified": "modified",
    "cp:keywords": "keywords",
    "meta:keyword": "keywords",
}
_SEVERAL = frozenset({"author", "subject", "keywords"})  # values that may come several times


@dataclass(slots=True)
class Properties:
    """The properties of one part as they stream by; several authors are parted by commas."""

    elements: dict[str, str] = field(default_factory=lambda: dict(_ELEMENTS))
    values: dict[str, list[str]] = field(default_factory=dict)
    _current: str = ""
    _pieces: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element opens."""
        self._current = self.elements.get(tag, "")
        self._pieces.clear()

    def text(self, characters: str) -> None:
        """Characters between two tags."""
        if self._current:
            self._pieces.append(characters)

    def end(self, tag: str) -> None:
        """An element closes."""
        value = " ".join("".join(self._pieces).split())[:_LONGEST]
        if self._current and value:
            self.values.setdefault(self._current, []).append(value)
        self._current = ""

    def title(self, name: str) -> str | None:
        """The title, unless it is a placeholder or the file's name."""
        return property_title(next(iter(self.values.get("title", ())), None), name)

    def metadata(self) -> dict[str, str]:
        """All but the title; an author who is a placeholder is none."""
        found = {}
        for key, values in self.values.items():
            kept = [each for each in values if key != "author" or property_title(each, "")]
            if kept and key != "title":
                found[key] = ", ".join(dict.fromkeys(kept)) if key in _SEVERAL else kept[0]
        return found


def properties_in(
    package: Package, part: str, elements: dict[str, str] | None = None
) -> Properties:
    """The properties that `part` holds; none where the package has no such part.

    `elements`: further element names with the property that each holds.
    """
    found = Properties({**_ELEMENTS, **(elements or {})})
    if part in package.names:
        attempt(package, part, found.start, found.end, found.text)
    return found
