"""The shapes of a slide (or of a layout, notes page, diagram): their text, tables and places.

Streams one DrawingML part. Knows the elements of PresentationML and DrawingML; not what a slide
makes of its shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.layout.blocks import Flow
from ragkit.documents.unpacking.limits import Package
from ragkit.documents.unpacking.xml_stream import Attributes, attempt

Place = tuple[int, int]  # left and top in EMU, 914,400 to the inch

_SHAPES = frozenset({"p:sp", "p:graphicFrame", "p:grpSp", "p:pic", "p:cxnSp"})
_ALONE = frozenset({"dgm:pt", "p:cm", "cm"})  # a node of a diagram, a comment: shapes of a kind
_TEXTS = frozenset({"a:t", "m:t"})
_PARAGRAPHS = frozenset({"a:p", "p:text"})
_DEEPEST = 8  # levels of indentation


@dataclass(slots=True)
class Lines:
    """Paragraphs (text) and table rows (cells) in their order. A row starts a table after text."""

    items: list[str | list[str]] = field(default_factory=list)

    def first(self) -> str | None:
        """The first item if it is one line of text."""
        first = self.items[0] if self.items else ""
        return first if isinstance(first, str) and "\n" not in first else None

    def write(self, flow: Flow) -> None:
        """Add them to `flow`: paragraphs of one shape stand close to each other."""
        before: str | list[str] | None = None
        for item in self.items:
            if isinstance(item, str):
                flow.add(item, tight=isinstance(before, str))
            else:
                flow.open_row()
                for cell in item:
                    flow.cell()
                    flow.add(cell)
                flow.close_row(first=not isinstance(before, list))
            before = item


@dataclass(slots=True)
class Shape:
    """A shape, or a group of them read as one."""

    kind: str = ""  # of a placeholder: "title", "body"
    index: str = ""  # of a placeholder, by which the layout knows it
    place: Place | None = None
    lines: Lines = field(default_factory=Lines)
    links: list[str] = field(default_factory=list)  # ids of its chart or diagram

    @property
    def text(self) -> str:
        """Its paragraphs, one a line."""
        return "\n".join(item for item in self.lines.items if isinstance(item, str))


@dataclass(slots=True)
class Shapes:
    """A part as it streams by."""

    shapes: list[Shape] = field(default_factory=list)
    hidden: bool = False  # the slide is not shown
    _depth: int = 0  # open shapes, one in the other
    _skipped: int = 0
    _in_text: bool = False
    _pieces: list[str] | None = None  # of the open paragraph
    _level: int = 0
    _rows: list[list[str]] = field(default_factory=list)  # the open row's cells, if there is one

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element opens."""
        if self._skipped or tag == "mc:Fallback":
            self._skipped += 1
        elif tag in _SHAPES or tag in _ALONE:
            if not self._depth:
                self.shapes.append(Shape())
            self._depth += 1
        elif tag == "p:sld":
            self.hidden = attributes.get("show") in {"0", "false"}
        elif tag in _TEXTS or tag == "p:text":
            self._in_text = True
            self._pieces = [] if self._pieces is None else self._pieces
        elif not self.shapes:
            return
        elif tag == "a:p":
            self._pieces, self._level = [], 0
        elif tag == "a:br" and self._pieces is not None:
            self._pieces.append("\n")
        else:
            self._detail(tag, attributes)

    def _detail(self, tag: str, attributes: Attributes) -> None:
        shape = self.shapes[-1]
        if tag == "a:pPr" and attributes.get("lvl", "").isdecimal():
            self._level = min(int(attributes["lvl"][:3]), _DEEPEST)
        elif tag == "p:ph" and self._depth == 1:
            shape.kind = attributes.get("type", "obj")
            shape.index = attributes.get("idx", "")
        elif tag == "a:off" and shape.place is None:
            shape.place = (_number(attributes.get("x", "")), _number(attributes.get("y", "")))
        elif tag == "a:tr":
            self._rows = [[]]
            shape.lines.items.append([])
        elif tag == "a:tc" and self._rows:
            self._rows.append([])
        elif tag == "c:chart":
            shape.links.append(attributes.get("r:id", ""))
        elif tag == "dgm:relIds":
            shape.links.append(attributes.get("r:dm", ""))

    def end(self, tag: str) -> None:
        """An element closes."""
        if self._skipped:
            self._skipped -= 1
        elif tag in _SHAPES or tag in _ALONE:
            self._depth -= 1
        elif tag in _TEXTS:
            self._in_text = False
        elif tag in _PARAGRAPHS:
            self._in_text = False
            self._finish()
        elif tag == "a:tr" and self._rows and self.shapes:
            cells = [" ".join(" ".join(cell).split()) for cell in self._rows[1:]]
            self.shapes[-1].lines.items[-1] = cells
            self._rows = []

    def text(self, characters: str) -> None:
        """Characters between two tags."""
        if self._in_text and not self._skipped and self._pieces is not None:
            self._pieces.append(characters)

    def _finish(self) -> None:
        """End the open paragraph."""
        lines = (" ".join(line.split()) for line in "".join(self._pieces or ()).split("\n"))
        text = "\n".join(filter(None, lines))
        self._pieces = None
        if not text or not self.shapes:
            return
        if self._rows:
            self._rows[-1].append(text)
        else:
            mark = "  " * (self._level - 1) + "- " if self._level else ""
            self.shapes[-1].lines.items.append(mark + text)


def _number(value: str) -> int:
    """A coordinate; 0 for nonsense."""
    digits = value.removeprefix("-")
    if not digits.isdecimal() or len(digits) > 15:
        return 0
    return int(value)


def shapes_in(package: Package, part: str) -> Shapes:
    """The shapes of one part, in the order they are drawn."""
    found = Shapes()
    attempt(package, part, found.start, found.end, found.text)
    return found
