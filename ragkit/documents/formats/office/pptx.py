"""pptx → Document: the slides in presentation order, with tables, charts, notes and comments.

A slide's title comes first, then its shapes from top to bottom. Hidden slides are read and counted
too, so slide numbers agree with those in PowerPoint. Knows no animations and no pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ragkit.documents.formats.office.ooxml import Relationship, read_relationships
from ragkit.documents.formats.office.ooxml_drawings import write_drawing
from ragkit.documents.formats.office.pptx_shapes import (
    Position,
    Shape,
    ShapesHandler,
    read_shapes,
)
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.properties import CORE, read_properties
from ragkit.documents.layout.writer import join_documents
from ragkit.documents.unpacking.limits import ZipPackage, open_zip
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_PRESENTATION = re.compile(r"ppt/presentation\d*\.xml")
# Placeholder types that repeat on every slide: date, footer, slide number, header, slide image.
_REPEATED_PLACEHOLDERS = frozenset({"dt", "ftr", "sldNum", "hdr", "sldImg"})
_TITLE_PLACEHOLDERS = frozenset({"title", "ctrTitle"})
_MAX_TITLE = 100  # characters of a first line that is promoted to a title
_LINE_HEIGHT = 230_000  # EMU, a quarter of an inch: tops within one such band are on one line
_UNKNOWN_POSITION = (0, 1 << 40)  # sorts a shape without a position below all others


def read_pptx(data: bytes, name: str) -> Document:
    """Read a presentation, with a locator for each slide.

    Raises `DocumentError` if the file is damaged, encrypted or over a size limit.
    """
    with open_zip(data, "pptx") as package:
        slide_parts = list(dict.fromkeys(_slide_parts(package)))
        if not slide_parts:
            raise DocumentError("damaged pptx: it has no slides")
        placeholders = _PlaceholderPositions(package)
        hidden = 0
        slides = []
        for number, part in enumerate(slide_parts, start=1):
            shapes = read_shapes(package, part)
            hidden += shapes.hidden
            slides.append((str(number), _read_slide(package, part, shapes, placeholders)))
        properties = read_properties(package, CORE)
    document = join_documents(slides, "slide", media_types.PPTX)
    if not document.text and package.warnings:
        raise DocumentError(f"damaged pptx: {package.warnings[0].partition(': ')[0]}")
    first_heading = next((heading.text for heading in slides[0][1].headings), None)
    return replace(
        document,
        title=properties.title(name) or first_heading,
        metadata=properties.metadata(),
        warnings=(*package.warnings, *((f"{hidden} hidden slides are read",) if hidden else ())),
    )


def _slide_parts(package: ZipPackage) -> Iterator[str]:
    """Return the paths of the slide parts in presentation order."""
    presentation = min(filter(_PRESENTATION.fullmatch, package.names), key=len, default=None)
    if presentation is None:
        raise DocumentError("damaged pptx: it has no ppt/presentation.xml")
    ids: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "p:sldId":
            ids.append(attributes.get("r:id", ""))

    parse_xml(package, presentation, start)
    links = read_relationships(package, presentation)
    return (links[slide_id].part for slide_id in ids if slide_id in links)


def _read_slide(
    package: ZipPackage, part: str, slide: ShapesHandler, placeholders: _PlaceholderPositions
) -> Document:
    """Return one slide: title, shapes from top to bottom, speaker notes and comments."""
    links = read_relationships(package, part)
    shapes = [shape for shape in slide.shapes if shape.kind not in _REPEATED_PLACEHOLDERS]
    titles = [shape for shape in shapes if shape.kind in _TITLE_PLACEHOLDERS]
    body_shapes = [shape for shape in shapes if shape.kind not in _TITLE_PLACEHOLDERS]
    if len(body_shapes) > 1:
        body_shapes.sort(key=lambda shape: _sort_key(shape, links, placeholders))
    layout = BlockLayout()
    for shape in titles:
        layout.add(" ".join(shape.text.split()), level=1)
    if not layout.blocks:
        _promote_first_line(body_shapes, layout)
    for shape in body_shapes:
        shape.content.write(layout)
        for link in shape.links:
            if link in links:
                write_drawing(package, links[link], layout)
    _write_notes_and_comments(package, links, layout)
    return layout.document()


def _sort_key(
    shape: Shape, links: dict[str, Relationship], placeholders: _PlaceholderPositions
) -> tuple[int, int]:
    """Return a shape's line from the top and its left edge."""
    left, top = shape.position or placeholders.find(shape, links)
    return (top // _LINE_HEIGHT, left)


def _promote_first_line(shapes: list[Shape], layout: BlockLayout) -> None:
    """Make a short first line the heading of a slide without a title, if more text follows."""
    with_text = [shape for shape in shapes if shape.text]
    if not with_text or (len(with_text) == 1 and len(with_text[0].content.items) == 1):
        return
    line = with_text[0].content.first_line()
    if line and len(line) <= _MAX_TITLE:
        layout.add(line, level=1)
        with_text[0].content.items.pop(0)


def _write_notes_and_comments(
    package: ZipPackage, links: dict[str, Relationship], layout: BlockLayout
) -> None:
    """Add the speaker notes and the comments of a slide."""
    for link in links.values():
        if link.kind == "notesSlide":
            shapes = read_shapes(package, link.part).shapes
            text = "\n".join(shape.text for shape in shapes if shape.kind == "body" and shape.text)
            layout.add(f"Notes: {text}" if text else "")
        elif link.kind == "comments":
            for shape in read_shapes(package, link.part).shapes:
                layout.add(f"Comment: {shape.text}" if shape.text else "")


class _PlaceholderPositions:
    """The positions that layouts and masters give to placeholders without one on the slide."""

    def __init__(self, package: ZipPackage) -> None:
        self._package = package
        self._cache: dict[str, dict[str, Position]] = {}  # part → placeholder key → position

    def find(self, shape: Shape, links: dict[str, Relationship]) -> Position:
        """Return the position of a placeholder: by its index, else by its type."""
        if not shape.kind and not shape.index:
            return _UNKNOWN_POSITION
        layouts = [link.part for link in links.values() if link.kind == "slideLayout"]
        positions = self._read(layouts[0]) if layouts else {}
        position = positions.get(f"index {shape.index}") or positions.get(f"kind {shape.kind}")
        return position or _UNKNOWN_POSITION

    def _read(self, part: str, *, is_master: bool = False) -> dict[str, Position]:
        """Return the positions in a layout, which take precedence over those in its master."""
        if part in self._cache:
            return self._cache[part]
        positions: dict[str, Position] = {}
        if not is_master:
            for link in read_relationships(self._package, part).values():
                if link.kind == "slideMaster":
                    positions |= self._read(link.part, is_master=True)
        for shape in read_shapes(self._package, part).shapes:
            if shape.position is not None:
                positions[f"kind {shape.kind}"] = shape.position
                if shape.index and not is_master:
                    positions[f"index {shape.index}"] = shape.position
        return self._cache.setdefault(part, positions)
