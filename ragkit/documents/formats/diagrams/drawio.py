"""draw.io (diagrams.net) → Document: the labels of each page, also of compressed files.

A page is XML in the file, or the same XML percent-encoded, deflated and in Base64.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from urllib.parse import unquote
from xml.parsers.expat import ExpatError

from ragkit.documents.formats.data.xml_events import End, Start, Text, decode_xml, parse_events
from ragkit.documents.formats.diagrams.pages import DrawingPage, LabelledLine, drawing_document
from ragkit.documents.formats.web.html_tags import remove_tags
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_MEDIA_TYPE = "application/vnd.jgraph.mxfile"
_MAX_PAGE_BYTES = 50_000_000  # of the XML of one page
_OBJECTS = frozenset({"object", "UserObject"})  # around a cell: they have its label


def read_drawio(data: bytes, name: str) -> Document:
    """Read the labels of a diagram, one section per page; lines become `from → to: label`.

    Raises `DocumentError` if it is damaged, or has no text.
    """
    try:
        pages = list(_pages(decode_xml(data).text))
    except (ExpatError, ValueError, binascii.Error, zlib.error) as error:
        raise DocumentError(f"damaged draw.io file: {error}") from error
    return drawing_document(pages, _MEDIA_TYPE)


def _pages(text: str) -> Iterator[DrawingPage]:
    page: DrawingPage | None = None
    packed: list[str] = []
    shape = label = ""  # of the object around a cell
    for event in parse_events(text):
        if isinstance(event, Text):
            packed.append(event.text)
        elif isinstance(event, End):
            if event.tag == "diagram" and page is not None:
                if content := "".join(packed).strip():
                    _add_packed(page, content)
                yield page
                page = None
            elif event.tag in _OBJECTS:
                shape = label = ""
        elif event.tag == "diagram":
            page, packed = DrawingPage(event.attributes.get("name", "")), []
        elif event.tag in _OBJECTS:
            shape, label = event.attributes.get("id", ""), event.attributes.get("label", "")
        elif event.tag == "mxCell":
            if page is None:  # a bare model, without a file around it
                page = DrawingPage()
            _add_cell(page, event, shape, label)
    if page is not None:
        yield page


def _add_packed(page: DrawingPage, content: str) -> None:
    """Add the cells of a compressed page. Raises what its decoders raise."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = inflater.decompress(base64.b64decode(content), _MAX_PAGE_BYTES)
    if inflater.unconsumed_tail:
        raise DocumentError("a page of the diagram is too large", kind="limit")
    for inner in _pages(unquote(packed.decode())):
        for shape, label in inner.labels.items():
            page.add(shape, label)
        page.connections += inner.connections


def _add_cell(page: DrawingPage, cell: Start, shape: str, label: str) -> None:
    values = cell.attributes
    text = remove_tags(label or values.get("value", ""))
    if values.get("edge") == "1":
        connection = LabelledLine(values.get("source", ""), values.get("target", ""), text)
        page.connections.append(connection)
    else:
        page.add(shape or values.get("id", ""), text)
