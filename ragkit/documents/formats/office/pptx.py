"""pptx → Document: the slides in the order they are shown, with tables, charts and speaker notes.

A slide's title comes first, the rest from top to bottom. Hidden slides are read and counted like
the others, so that slide 7 here is slide 7 in the program. Knows no animations and no pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ragkit.documents.formats.office.charts import chart_rows
from ragkit.documents.formats.office.ooxml import Relationship, read_relationships
from ragkit.documents.formats.office.pptx_shapes import Lines, Place, Shape, Shapes, shapes_in
from ragkit.documents.layout.blocks import Flow
from ragkit.documents.layout.properties import CORE, properties_in
from ragkit.documents.parts import joined, laid_out
from ragkit.documents.unpacking.limits import Package, opened
from ragkit.documents.unpacking.xml_stream import Attributes, parse
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_PRESENTATION = re.compile(r"ppt/presentation\d*\.xml")
_FURNITURE = frozenset({"dt", "ftr", "sldNum", "hdr", "sldImg"})
_TITLES = frozenset({"title", "ctrTitle"})
_LONGEST_TITLE = 100  # characters of a first line that is taken for a title
_LINE = 230_000  # EMU, a quarter of an inch: tops closer than this are on one line
_BELOW = (0, 1 << 40)  # where a shape is that says nothing of its place


def read_pptx(data: bytes, name: str) -> Document:
    """A deck's text, one locator a slide.

    Raises `DocumentError` where the file is damaged, encrypted, or a trap.
    """
    with opened(data, "pptx") as package:
        order = list(dict.fromkeys(_order(package)))
        if not order:
            raise DocumentError("damaged pptx: it has no slides")
        places = _Places(package)
        hidden = 0
        parts = []
        for number, part in enumerate(order, start=1):
            slide = shapes_in(package, part)
            hidden += slide.hidden
            parts.append((str(number), _slide(package, part, slide, places)))
        properties = properties_in(package, CORE)
    document = joined(parts, "slide", media_types.PPTX)
    if not document.text and package.lost:
        raise DocumentError(f"damaged pptx: {package.lost[0].partition(': ')[0]}")
    first = next((each.text for each in parts[0][1].headings), None)
    return replace(
        document,
        title=properties.title(name) or first,
        metadata=properties.metadata(),
        warnings=(*package.lost, *((f"{hidden} hidden slides are read",) if hidden else ())),
    )


def _order(package: Package) -> Iterator[str]:
    """The slides' parts as the presentation lists them."""
    found = min(filter(_PRESENTATION.fullmatch, package.names), key=len, default=None)
    if found is None:
        raise DocumentError("damaged pptx: it has no ppt/presentation.xml")
    ids: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "p:sldId":
            ids.append(attributes.get("r:id", ""))

    parse(package, found, start, lambda tag: None, lambda text: None)
    targets = read_relationships(package, found)
    return (targets[each].part for each in ids if each in targets)


def _slide(package: Package, part: str, slide: Shapes, places: _Places) -> Document:
    """One slide: title, shapes from the top down, notes and comments."""
    links = read_relationships(package, part)
    shown = [shape for shape in slide.shapes if shape.kind not in _FURNITURE]
    titles = [shape for shape in shown if shape.kind in _TITLES]
    rest = [shape for shape in shown if shape.kind not in _TITLES]
    if len(rest) > 1:
        rest.sort(key=lambda shape: _position(shape, links, places))
    flow = Flow()
    for shape in titles:
        flow.add(" ".join(shape.text.split()), level=1)
    if not flow.blocks:
        _promote_first_line(rest, flow)
    for shape in rest:
        shape.lines.write(flow)
        for link in shape.links:
            if link in links:
                _linked(package, links[link], flow)
    _beside(package, links, flow)
    return laid_out(flow)


def _position(shape: Shape, links: dict[str, Relationship], places: _Places) -> Place:
    """Where to sort a shape: by its line from the top, then from the left."""
    x, y = shape.place or places.of(shape, links)
    return (y // _LINE, x)


def _promote_first_line(shapes: list[Shape], flow: Flow) -> None:
    """Take a short first line for the title of a slide that has none but says more."""
    texts = [shape for shape in shapes if shape.text]
    if not texts or (len(texts) == 1 and len(texts[0].lines.items) == 1):
        return
    line = texts[0].lines.first()
    if line and len(line) <= _LONGEST_TITLE:
        flow.add(line, level=1)
        texts[0].lines.items.pop(0)


def _linked(package: Package, link: Relationship, flow: Flow) -> None:
    """A chart or a diagram that stands in a slide but is kept in a part of its own."""
    if link.kind == "chart":
        title, rows = chart_rows(package, link.part)
        flow.add(title)
        Lines([*rows]).write(flow)
    elif link.kind == "diagramData":
        shapes = shapes_in(package, link.part).shapes
        Lines([item for shape in shapes for item in shape.lines.items]).write(flow)


def _beside(package: Package, links: dict[str, Relationship], flow: Flow) -> None:
    """Speaker notes and comments."""
    for link in links.values():
        if link.kind == "notesSlide":
            notes = [s.text for s in shapes_in(package, link.part).shapes if s.kind == "body"]
            text = "\n".join(filter(None, notes))
            flow.add(f"Notes: {text}" if text else "")
        elif link.kind == "comments":
            for shape in shapes_in(package, link.part).shapes:
                flow.add(f"Comment: {shape.text}" if shape.text else "")


class _Places:
    """Where the layouts and masters put the placeholders of slides that do not say so."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, dict[str, Place]] = {}

    def of(self, shape: Shape, links: dict[str, Relationship]) -> Place:
        if not shape.kind and not shape.index:
            return _BELOW
        layouts = [link.part for link in links.values() if link.kind == "slideLayout"]
        places = self._in(layouts[0]) if layouts else {}
        found = places.get(f"index {shape.index}") or places.get(f"kind {shape.kind}")
        return found or _BELOW

    def _in(self, part: str, *, master: bool = False) -> dict[str, Place]:
        """The places in a layout, over those in its master."""
        if part in self._known:
            return self._known[part]
        found: dict[str, Place] = {}
        if not master:
            for link in read_relationships(self._package, part).values():
                if link.kind == "slideMaster":
                    found |= self._in(link.part, master=True)
        for shape in shapes_in(self._package, part).shapes:
            if shape.place is not None:
                found[f"kind {shape.kind}"] = shape.place
                if shape.index and not master:
                    found[f"index {shape.index}"] = shape.place
        return self._known.setdefault(part, found)
