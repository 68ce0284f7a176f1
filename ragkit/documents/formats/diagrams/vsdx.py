"""Visio (vsdx, vsdm) → Document: the texts of the shapes, one section per page."""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.formats.diagrams.pages import DrawingPage, LabelledLine, drawing_document
from ragkit.documents.formats.office.ooxml import read_relationships
from ragkit.documents.layout.properties import CORE, read_properties
from ragkit.documents.unpacking.limits import ZipPackage, open_zip
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml, parse_xml_leniently
from ragkit.records.documents import Document

_MEDIA_TYPE = "application/vnd.ms-visio.drawing"
_PAGES = "visio/pages/pages.xml"
_MASTERS = "visio/masters/masters.xml"
_MAX_INHERITED = 1_000_000  # characters of masters in a file: each may be shown many times
_NONE = "-"  # no id of a shape in a master


def read_vsdx(data: bytes, name: str) -> Document:
    """Read the texts of a drawing's shapes, page by page; connectors become `from → to: label`. A
    shape without a text of its own shows that of its master.

    Raises `DocumentError` if it is damaged, or has no text.
    """
    with open_zip(data, "vsdx") as package:
        masters = _read_masters(package)
        pages = [_read_page(package, part, title, masters) for title, part in _page_parts(package)]
        properties = read_properties(package, CORE)
        document = drawing_document(pages, _MEDIA_TYPE)
        warnings = list(package.warnings)
        if masters.shown > _MAX_INHERITED:
            limit = f"beyond {_MAX_INHERITED:,} characters"
            warnings.append(f"texts that shapes have from their masters, {limit}, are not read")
        return Document(
            document.text,
            _MEDIA_TYPE,
            title=properties.title(name) or document.title,
            headings=document.headings,
            pages=document.pages,
            metadata=properties.metadata(),
            warnings=tuple(warnings),
        )


def _page_parts(package: ZipPackage) -> list[tuple[str, str]]:
    """Name and part of each page, in their order; without the pages behind others."""
    pages = []
    for number, (attributes, part) in enumerate(_listed_parts(package, _PAGES, "Page"), 1):
        if attributes.get("Background") != "1":
            pages.append((attributes.get("Name", f"Page {number}"), part))
    return pages


def _listed_parts(package: ZipPackage, lists: str, kind: str) -> list[tuple[Attributes, str]]:
    """Return the entries of a list of pages or masters: their attributes and their parts."""
    parts = read_relationships(package, lists)
    entries: list[tuple[Attributes, str]] = []
    own: Attributes = {}

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal own
        if tag == kind:
            own = attributes
        elif tag == "Rel":
            relation = next((value for key, value in attributes.items() if key.endswith("id")), "")
            if relation in parts:
                entries.append((own, parts[relation].part))

    parse_xml(package, lists, start)
    return entries


@dataclass(slots=True)
class _Masters:
    """The texts of the masters, which shapes made from them show until they have their own."""

    # Keys: ids of the master and of the shape in it; "" for its outermost shape.
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    shown: int = 0  # characters so far

    def text(self, master: str, shape: str) -> str:
        """Return what a shape shows of its master; nothing beyond the limit of a file."""
        text = self.texts.get((master, shape), "")
        self.shown += len(text)
        return text if self.shown <= _MAX_INHERITED else ""


def _read_masters(package: ZipPackage) -> _Masters:
    masters = _Masters()
    if _MASTERS not in package.names:
        return masters
    for attributes, part in _listed_parts(package, _MASTERS, "Master"):
        master = attributes.get("ID", "")
        shapes = _read_shapes(package, part)
        for shape in shapes.shapes:
            masters.texts[master, shape.id] = shape.text or ""
        if shapes.shapes:
            masters.texts[master, ""] = shapes.shapes[0].text or ""
    return masters


@dataclass(slots=True)
class _Shape:
    """A shape of a page or a master. `pieces`: of its own text; None if it has none."""

    id: str
    master: str = ""  # id of the master that it, or the group around it, is made from
    master_shape: str = ""  # id of the shape in it; "" for the outermost
    pieces: list[str] | None = None

    @property
    def text(self) -> str | None:
        """Its own text; None if it has none."""
        return None if self.pieces is None else "".join(self.pieces)


@dataclass(slots=True)
class _Shapes:
    shapes: list[_Shape] = field(default_factory=list)
    ends: dict[str, dict[str, str]] = field(default_factory=dict)  # of lines: BeginX, EndX → shape


def _read_shapes(package: ZipPackage, part: str) -> _Shapes:
    found = _Shapes()
    open_shapes: list[_Shape] = []
    in_text = False

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal in_text
        if tag == "Shape":
            around = open_shapes[-1].master if open_shapes else ""
            shape = _Shape(
                attributes.get("ID", ""),
                attributes.get("Master", around),
                "" if "Master" in attributes else attributes.get("MasterShape", _NONE),
            )
            open_shapes.append(shape)
            found.shapes.append(shape)
        elif tag == "Text":
            in_text = True
            if open_shapes:
                open_shapes[-1].pieces = open_shapes[-1].pieces or []
        elif tag == "Connect":
            connector = found.ends.setdefault(attributes.get("FromSheet", ""), {})
            connector[attributes.get("FromCell", "")] = attributes.get("ToSheet", "")

    def end(tag: str) -> None:
        nonlocal in_text
        if tag == "Shape" and open_shapes:
            open_shapes.pop()
        elif tag == "Text":
            in_text = False

    def text(characters: str) -> None:
        if in_text and open_shapes:
            open_shapes[-1].pieces = open_shapes[-1].pieces or []
            open_shapes[-1].pieces.append(characters)

    parse_xml_leniently(package, part, start, end, text)
    return found


def _read_page(package: ZipPackage, part: str, name: str, masters: _Masters) -> DrawingPage:
    page = DrawingPage(name)
    found = _read_shapes(package, part)
    labels: dict[str, str] = {}
    for shape in found.shapes:
        text = shape.text
        if text is None:
            text = masters.text(shape.master, shape.master_shape)
        if shape.id in found.ends:
            labels[shape.id] = labels.get(shape.id, "") + text
        else:
            page.add(shape.id, text)
    for line, cells in found.ends.items():
        label = labels.get(line, "")
        page.connections.append(LabelledLine(cells.get("BeginX", ""), cells.get("EndX", ""), label))
    return page
