"""Visio (vsdx, vsdm) → Document: the texts of the shapes, one section per page."""

from __future__ import annotations

from ragkit.documents.formats.diagrams.pages import DrawingPage, LabelledLine, drawing_document
from ragkit.documents.formats.office.ooxml import read_relationships
from ragkit.documents.layout.properties import CORE, read_properties
from ragkit.documents.unpacking.limits import ZipPackage, open_zip
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml, parse_xml_leniently
from ragkit.records.documents import Document

_MEDIA_TYPE = "application/vnd.ms-visio.drawing"
_PAGES = "visio/pages/pages.xml"


def read_vsdx(data: bytes, name: str) -> Document:
    """Read the texts of a drawing's shapes, page by page; connectors become `from → to: label`.

    Raises `DocumentError` if it is damaged, or has no text.
    """
    with open_zip(data, "vsdx") as package:
        pages = [_read_page(package, part, title) for title, part in _page_parts(package)]
        properties = read_properties(package, CORE)
        document = drawing_document(pages, _MEDIA_TYPE)
        return Document(
            document.text,
            _MEDIA_TYPE,
            title=properties.title(name) or document.title,
            headings=document.headings,
            pages=document.pages,
            metadata=properties.metadata(),
            warnings=tuple(package.warnings),
        )


def _page_parts(package: ZipPackage) -> list[tuple[str, str]]:
    """Name and part of each page, in their order; without the pages behind others."""
    parts = read_relationships(package, _PAGES)
    pages: list[tuple[str, str]] = []
    names: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "Page":
            is_background = attributes.get("Background") == "1"
            names.append("" if is_background else attributes.get("Name", f"Page {len(names) + 1}"))
        elif tag == "Rel" and names and names[-1]:
            relation = next((value for key, value in attributes.items() if key.endswith("id")), "")
            if relation in parts:
                pages.append((names[-1], parts[relation].part))

    parse_xml(package, _PAGES, start, lambda tag: None, lambda text: None)
    return pages


def _read_page(package: ZipPackage, part: str, name: str) -> DrawingPage:
    page = DrawingPage(name)
    open_shapes: list[str] = []
    texts: dict[str, list[str]] = {}
    ends: dict[str, dict[str, str]] = {}  # of connectors: BeginX, EndX → shape
    in_text = False

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal in_text
        if tag == "Shape":
            open_shapes.append(attributes.get("ID", ""))
        elif tag == "Text":
            in_text = True
        elif tag == "Connect":
            connector = ends.setdefault(attributes.get("FromSheet", ""), {})
            connector[attributes.get("FromCell", "")] = attributes.get("ToSheet", "")

    def end(tag: str) -> None:
        nonlocal in_text
        if tag == "Shape" and open_shapes:
            open_shapes.pop()
        elif tag == "Text":
            in_text = False

    def text(characters: str) -> None:
        if in_text and open_shapes:
            texts.setdefault(open_shapes[-1], []).append(characters)

    parse_xml_leniently(package, part, start, end, text)
    for shape, pieces in texts.items():
        if shape not in ends:
            page.add(shape, "".join(pieces))
    for shape, cells in ends.items():
        label = "".join(texts.get(shape, ()))
        page.connections.append(LabelledLine(cells.get("BeginX", ""), cells.get("EndX", ""), label))
    return page
