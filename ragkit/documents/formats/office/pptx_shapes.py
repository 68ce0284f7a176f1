"""The shapes of a slide, layout, notes page, comment part or diagram: text, tables and positions.

Streams one part. Knows the elements of PresentationML and DrawingML (ECMA-376 part 1, 19 and 21);
not how a slide orders its shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.cleaning import image_description
from ragkit.documents.layout.scripts import (
    LOWERED,
    LOWERED_END,
    RAISED,
    RAISED_END,
    write_scripts,
)
from ragkit.documents.unpacking.limits import ZipPackage
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently

Position = tuple[int, int]  # left and top in EMU (914,400 per inch)

_SHAPES = frozenset({"p:sp", "p:graphicFrame", "p:grpSp", "p:pic", "p:cxnSp"})
_SHAPE_LIKE = frozenset({"dgm:pt", "p:cm", "cm"})  # diagram nodes and comments
_TEXTS = frozenset({"a:t", "m:t"})
_PARAGRAPHS = frozenset({"a:p", "p:text"})
_MAX_LEVEL = 8  # levels of indentation
_MAX_COORDINATE_DIGITS = 15


def read_shapes(package: ZipPackage, part: str) -> ShapesHandler:
    """Read the shapes of one part, in drawing order. Damage becomes a warning of the package."""
    handler = ShapesHandler()
    parse_xml_leniently(package, part, handler.start, handler.end, handler.text)
    return handler


@dataclass(slots=True)
class ShapeContent:
    """The paragraphs (str) and table rows (list of cells) of a shape, in order."""

    items: list[str | list[str]] = field(default_factory=list)

    def first_line(self) -> str | None:
        """Return the first item if it is a single line of text; "" if there are no items."""
        first = self.items[0] if self.items else ""
        return first if isinstance(first, str) and "\n" not in first else None

    def write(self, layout: BlockLayout) -> None:
        """Add the items to `layout`. Paragraphs are not separated by blank lines; a row that does
        not follow another row begins a table."""
        before: str | list[str] | None = None
        for item in self.items:
            if isinstance(item, str):
                layout.add(item, tight=isinstance(before, str))
            else:
                layout.open_row()
                for cell in item:
                    layout.open_cell()
                    layout.add(cell)
                layout.close_row(first=not isinstance(before, list))
            before = item


@dataclass(slots=True)
class Shape:
    """A top-level shape, or a group of shapes that is read as one."""

    kind: str = ""  # placeholder type: "title", "body"; "" for other shapes
    index: str = ""  # placeholder index, which the layout uses too
    position: Position | None = None
    content: ShapeContent = field(default_factory=ShapeContent)
    links: list[str] = field(default_factory=list)  # relationship ids of its charts and diagrams

    @property
    def text(self) -> str:
        """The paragraphs of the shape, joined by newlines; without its tables."""
        return "\n".join(item for item in self.content.items if isinstance(item, str))


@dataclass(slots=True)
class ShapesHandler:
    """Collects the shapes from the elements of one part."""

    shapes: list[Shape] = field(default_factory=list)
    hidden: bool = False  # the slide is hidden in the slide show
    _depth: int = 0  # open shapes, nested
    _in_picture: bool = False  # the shape that was opened last is one
    _skipped: int = 0  # open elements inside a skipped one, itself included
    _in_text: bool = False
    _pieces: list[str] | None = None  # of the open paragraph
    _level: int = 0  # indentation of the open paragraph
    _script: tuple[str, str] | None = None  # marks around the open run, if it is raised or lowered
    _rows: list[list[str]] = field(default_factory=list)  # an empty list, then the open row's cells

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag."""
        if self._skipped or tag == "mc:Fallback":
            self._skipped += 1
        elif tag in _SHAPES or tag in _SHAPE_LIKE:
            if not self._depth:
                self.shapes.append(Shape())
            self._depth += 1
            self._in_picture = tag == "p:pic"
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
            self._set_property(tag, attributes)

    def _set_property(self, tag: str, attributes: Attributes) -> None:
        shape = self.shapes[-1]
        if tag == "a:pPr" and attributes.get("lvl", "").isdecimal():
            self._level = min(int(attributes["lvl"][:3]), _MAX_LEVEL)
        elif tag in {"a:r", "a:fld"}:
            self._script = None
        elif tag == "a:rPr" and "baseline" in attributes:
            self._script = _script_marks(attributes["baseline"])
        elif tag == "p:ph" and self._depth == 1:
            shape.kind = attributes.get("type", "obj")
            shape.index = attributes.get("idx", "")
        elif tag == "p:cNvPr" and self._in_picture:
            if description := image_description(attributes.get("descr")):
                shape.content.items.append(f"[{description}]")
        elif tag == "a:off" and shape.position is None:
            x, y = attributes.get("x", ""), attributes.get("y", "")
            shape.position = (_parse_coordinate(x), _parse_coordinate(y))
        elif tag == "a:tr":
            self._rows = [[]]
            shape.content.items.append([])
        elif tag == "a:tc" and self._rows:
            self._rows.append([])
        elif tag == "c:chart":
            shape.links.append(attributes.get("r:id", ""))
        elif tag == "dgm:relIds":
            shape.links.append(attributes.get("r:dm", ""))

    def end(self, tag: str) -> None:
        """Handle an end tag."""
        if self._skipped:
            self._skipped -= 1
        elif tag in _SHAPES or tag in _SHAPE_LIKE:
            self._depth -= 1
        elif tag in _TEXTS:
            self._in_text = False
        elif tag in _PARAGRAPHS:
            self._in_text = False
            self._end_paragraph()
        elif tag == "a:tr" and self._rows and self.shapes:
            cells = [" ".join(" ".join(cell).split()) for cell in self._rows[1:]]
            self.shapes[-1].content.items[-1] = cells
            self._rows = []

    def text(self, characters: str) -> None:
        """Handle the characters between two tags."""
        if self._in_text and not self._skipped and self._pieces is not None:
            if self._script is not None:
                start, end = self._script
                characters = f"{start}{characters}{end}"
            self._pieces.append(characters)

    def _end_paragraph(self) -> None:
        content = write_scripts("".join(self._pieces or ()))
        lines = (" ".join(line.split()) for line in content.split("\n"))
        text = "\n".join(filter(None, lines))
        self._pieces = None
        if not text or not self.shapes:
            return
        if self._rows:
            self._rows[-1].append(text)
        else:
            mark = "  " * (self._level - 1) + "- " if self._level else ""
            self.shapes[-1].content.items.append(mark + text)


def _script_marks(baseline: str) -> tuple[str, str] | None:
    """Return the marks of a run by its distance from the line: "30000", "-25%"."""
    if not baseline.strip("-+0.%"):
        return None
    return (LOWERED, LOWERED_END) if baseline.startswith("-") else (RAISED, RAISED_END)


def _parse_coordinate(value: str) -> int:
    """Parse a coordinate; 0 for an invalid one."""
    digits = value.removeprefix("-")
    if not digits.isdecimal() or len(digits) > _MAX_COORDINATE_DIGITS:
        return 0
    return int(value)
