"""The drawings of a sheet: text boxes, charts, diagrams and described pictures → lines of the grid.

Each has the cell below its top left corner as its place. Knows the elements of SpreadsheetDrawingML
(ECMA-376 part 1, 20.5); not the sheet's cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.formats.office.ooxml import read_relationships, related_parts
from ragkit.documents.formats.office.ooxml_drawings import write_drawing
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.cleaning import image_description
from ragkit.documents.layout.grid import Grid, column_letters
from ragkit.documents.unpacking.limits import ZipPackage
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently

_ANCHORS = frozenset({"twoCellAnchor", "oneCellAnchor", "absoluteAnchor"})
_MAX_ANCHORS = 5000  # drawings of one sheet


def add_drawings(package: ZipPackage, sheet: str, grid: Grid) -> None:
    """Add the text of the drawings of a sheet to the open sheet of `grid`."""
    for part in related_parts(package, sheet, "drawing"):
        handler = _DrawingHandler()
        parse_xml_leniently(package, part, handler.start, handler.end, handler.text)
        links = read_relationships(package, part)
        for drawing in handler.drawings:
            layout = BlockLayout()
            for paragraph in drawing.paragraphs:
                layout.add(paragraph)
            for link in drawing.links:
                if link in links:
                    write_drawing(package, links[link], layout)
            grid.add_text([block.text for block in layout.blocks], drawing.cell)


@dataclass(slots=True)
class _Drawing:
    """One anchored shape, picture or frame."""

    column: int = 0
    row: int = 0
    paragraphs: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)  # relationship ids of charts and diagrams

    @property
    def cell(self) -> str:
        """The cell at its top left corner."""
        return f"{column_letters(self.column)}{self.row + 1}"


@dataclass(slots=True)
class _DrawingHandler:
    """Collects the drawings from the elements of one part."""

    drawings: list[_Drawing] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)  # of the open paragraph
    _number: list[str] = field(default_factory=list)  # digits of the open column or row
    _in_text: bool = False
    _in_corner: bool = False  # in the element with the top left corner
    _skipped: int = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        if self._skipped or tag == "mc:Fallback":
            self._skipped += 1
        elif tag in _ANCHORS and len(self.drawings) < _MAX_ANCHORS:
            self.drawings.append(_Drawing())
        elif not self.drawings:
            return
        elif tag == "from":
            self._in_corner = True
        elif tag in {"col", "row"}:
            self._number = []
        elif tag in {"a:t", "m:t"}:
            self._in_text = True
        elif tag == "a:br":
            self._pieces.append(" ")
        elif tag == "c:chart":
            self.drawings[-1].links.append(attributes.get("r:id", ""))
        elif tag == "dgm:relIds":
            self.drawings[-1].links.append(attributes.get("r:dm", ""))
        elif tag == "cNvPr" and (text := image_description(attributes.get("descr"))):
            self.drawings[-1].paragraphs.append(f"[{text}]")

    def text(self, characters: str) -> None:
        if self._in_text:
            self._pieces.append(characters)
        elif self._in_corner:
            self._number.append(characters)

    def end(self, tag: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif not self.drawings:
            return
        elif tag in {"a:t", "m:t"}:
            self._in_text = False
        elif tag == "a:p":
            if text := " ".join("".join(self._pieces).split()):
                self.drawings[-1].paragraphs.append(text)
            self._pieces.clear()
        elif tag == "from":
            self._in_corner = False
        elif tag in {"col", "row"} and self._in_corner:
            digits = "".join(self._number).strip()
            value = int(digits) if digits.isdecimal() and len(digits) < 8 else 0
            if tag == "col":
                self.drawings[-1].column = min(value, 16_383)
            else:
                self.drawings[-1].row = value
            self._number = []
