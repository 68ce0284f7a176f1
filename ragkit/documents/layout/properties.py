"""Dublin Core properties of office documents and EPUB → title and metadata.

OOXML (`docProps/core.xml`), OpenDocument (`meta.xml`) and EPUB use the same elements in different
parts. Knows element names; not where the parts are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.layout.cleaning import property_title
from ragkit.documents.unpacking.limits import ZipPackage
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently

CORE = "docProps/core.xml"  # of OOXML
_MAX_VALUE_LENGTH = 1000  # characters
# Element → property.
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
_REPEATABLE = frozenset({"author", "subject", "keywords"})  # others: the first value counts


@dataclass(slots=True)
class Properties:
    """Collects the properties of one XML part; several authors are joined by commas.

    `start`, `text` and `end` are the callbacks of `xml_stream`.
    """

    elements: dict[str, str] = field(default_factory=lambda: dict(_ELEMENTS))
    values: dict[str, list[str]] = field(default_factory=dict)
    _current: str = ""
    _pieces: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag."""
        self._current = self.elements.get(tag, "")
        self._pieces.clear()

    def text(self, characters: str) -> None:
        """Handle characters between two tags."""
        if self._current:
            self._pieces.append(characters)

    def end(self, tag: str) -> None:
        """Handle an end tag."""
        value = " ".join("".join(self._pieces).split())[:_MAX_VALUE_LENGTH]
        if self._current and value:
            self.values.setdefault(self._current, []).append(value)
        self._current = ""

    def title(self, name: str) -> str | None:
        """Return the title, unless it is a placeholder or the file's `name`."""
        return property_title(next(iter(self.values.get("title", ())), None), name)

    def metadata(self) -> dict[str, str]:
        """Return all properties but the title, without placeholders as authors."""
        metadata = {}
        for key, values in self.values.items():
            if key == "title":
                continue
            valid_values = [
                value for value in values if key != "author" or property_title(value, "")
            ]
            if valid_values:
                metadata[key] = (
                    ", ".join(dict.fromkeys(valid_values))
                    if key in _REPEATABLE
                    else valid_values[0]
                )
        return metadata


def read_properties(
    package: ZipPackage, part: str, elements: dict[str, str] | None = None
) -> Properties:
    """Read the properties in `part`; empty ones if the package has no such part.

    `elements`: further element names → properties.
    """
    properties = Properties({**_ELEMENTS, **(elements or {})})
    if part in package.names:
        parse_xml_leniently(package, part, properties.start, properties.end, properties.text)
    return properties
