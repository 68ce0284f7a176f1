"""Office documents in one XML file → Document: flat OpenDocument, Word XML of 2003 and of today.

The parts of the file are put into a zip package in memory, which the reader of the usual format
reads, within its limits. Knows where the parts are; not what they contain.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import zipfile
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple
from xml.parsers import expat

from ragkit.documents.formats.data.xml_events import decode_xml
from ragkit.documents.formats.office.docx import read_docx
from ragkit.documents.formats.office.odf import read_odp, read_ods, read_odt
from ragkit.documents.formats.office.pptx import read_pptx
from ragkit.documents.formats.office.spreadsheets.xlsx import read_xlsx
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_READERS = {"spreadsheet": read_ods, "presentation": read_odp, "graphics": read_odp}
# Parts of an OpenDocument package → children of the root that they consist of.
_PARTS = {
    "content.xml": frozenset({"styles", "automatic-styles", "body"}),
    "styles.xml": frozenset({"styles", "automatic-styles", "master-styles"}),
    "meta.xml": frozenset({"meta"}),
}
# The main part of a package that is no text document → its reader.
_OFFICE_READERS = {"ppt/presentation.xml": read_pptx, "xl/workbook.xml": read_xlsx}
_TAG_END = re.compile(rb"(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")  # past the values of attributes
_MAX_NAME = 1000  # characters of a part's name
_DECLARATION = re.compile(r"\s{0,99}<\?xml[^>]{0,200}\?>")
MAX_PARTS = 10_000  # of a package in Word XML; what is left out is a member that is not read


def read_flat_odf(data: bytes, name: str) -> Document:
    """Read a flat OpenDocument file (fodt, fods, fodp, fodg) like one in a zip package.

    Its pictures are documents of their own (`flat_files`). Raises `DocumentError` if it is damaged
    or over a size limit.
    """
    markup = _utf8(data)
    root, children = _find_elements(markup, 1, "flat OpenDocument file")
    parts = {}
    for part, tags in _PARTS.items():
        kept = [markup[child.start : child.end] for child in children if child.tag in tags]
        parts[part] = b"".join([markup[: root.inner_start], *kept, f"</{root.name}>".encode()])
    kind = root.attributes.get("office:mimetype", "").rpartition(".")[2].partition("-")[0]
    document = _READERS.get(kind, read_odt)(make_package(parts), name)
    return replace(document, media_type=media_types.FLAT_ODF)


def read_word_xml(data: bytes, name: str) -> Document:
    """Read a document in Word XML: a package in one file, or a document of Word 2003. A package
    may also be a presentation or a workbook.

    Raises `DocumentError` if it is damaged or over a size limit.
    """
    parts, _ = read_package(data)
    reader = next((_OFFICE_READERS[part] for part in parts if part in _OFFICE_READERS), read_docx)
    return replace(reader(make_package(parts), name), media_type=media_types.WORD_XML)


def read_package(data: bytes) -> tuple[dict[str, bytes], int]:
    """Return the parts of a document in Word XML by name, and how many there are beyond the limit.

    A document of Word 2003 is both of its parts. Raises `DocumentError` if it is damaged.
    """
    markup = _utf8(data)
    root, contents = _find_elements(markup, 2, "Word XML file")
    if root.tag == "wordDocument":
        return dict.fromkeys(("word/document.xml", "word/styles.xml"), markup), 0
    parts = {}
    for content in contents[:MAX_PARTS]:
        inner = markup[content.inner_start : content.inner_end]
        part = next((v for k, v in content.parent.items() if k.endswith(":name")), "")
        if 0 < len(part := part.lstrip("/")) <= _MAX_NAME:
            parts[part] = _unpack_base64(inner) if content.tag != "xmlData" else inner
    return parts, max(0, len(contents) - MAX_PARTS)


def _utf8(data: bytes) -> bytes:
    """Return the file as UTF-8 without its XML declaration: positions in it count bytes."""
    return _DECLARATION.sub("", decode_xml(data).text, count=1).encode("utf-8", "replace")


def _unpack_base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return b""


def make_package(parts: dict[str, bytes]) -> bytes:
    """Return a zip package with these parts, not compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for part, content in parts.items():
            package.writestr(part, content)
    return buffer.getvalue()


class _Element(NamedTuple):
    """An element and its place in the file, in bytes."""

    name: str  # with its prefix
    tag: str  # without
    attributes: dict[str, str]
    parent: dict[str, str]  # attributes of the element around it
    start: int
    inner_start: int
    inner_end: int
    end: int


@dataclass(slots=True)
class _Finder:
    """Finds the root of a file and the elements at one depth below it."""

    data: bytes
    depth: int  # of the elements, from 1: the children of the root
    found: list[_Element] = field(default_factory=list)
    root: _Element | None = None
    parser: expat.XMLParserType = field(default_factory=expat.ParserCreate)
    _open: list[dict[str, str]] = field(default_factory=list)  # attributes of the elements so far
    _start: int = 0  # of the open element at the depth
    _inner: int = 0
    _name: str = ""
    _level: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle a start tag."""
        if self._level <= self.depth:
            position = self.parser.CurrentByteIndex
            match = _TAG_END.match(self.data, position)
            inner = match.end() if match is not None else len(self.data)
            if not self._level:
                tag = name.rpartition(":")[2]
                self.root = _Element(name, tag, attributes, {}, position, inner, inner, inner)
            self._open[self._level :] = [attributes]
            self._start, self._inner, self._name = position, inner, name
        self._level += 1

    def end(self, name: str) -> None:
        """Handle an end tag."""
        self._level -= 1
        if self._level == self.depth:
            inner_end = max(self.parser.CurrentByteIndex, self._inner)
            end = max(self.data.find(b">", self.parser.CurrentByteIndex) + 1, self._inner)
            self._add(name, inner_end, end)

    def finish_cut_off(self) -> None:
        """Add the element that the end of the data cuts off."""
        if self._level > self.depth:
            self._add(self._name, len(self.data), len(self.data))

    def _add(self, name: str, inner_end: int, end: int) -> None:
        tag = name.rpartition(":")[2]
        attributes, parent = self._open[self.depth], self._open[self.depth - 1]
        place = (self._start, self._inner, inner_end, end)
        self.found.append(_Element(name, tag, attributes, parent, *place))


def _find_elements(data: bytes, depth: int, kind: str) -> tuple[_Element, list[_Element]]:
    """Return the root and the elements at a depth; of a file that is cut off, those before."""
    finder = _Finder(data, depth)
    finder.parser.StartElementHandler = finder.start
    finder.parser.EndElementHandler = finder.end
    finder.parser.EntityDeclHandler = partial(_refuse_entities, kind)
    try:
        finder.parser.Parse(data, True)
    except expat.ExpatError as error:
        finder.finish_cut_off()
        if finder.root is None or not finder.found:
            raise DocumentError(f"damaged {kind}: {error}") from error
    if finder.root is None:
        raise DocumentError(f"damaged {kind}: it has no elements")
    return finder.root, finder.found


def _refuse_entities(kind: str, *_: object) -> None:
    """Office programs write none, and what they stand for has no place in the file."""
    raise DocumentError(f"{kind} that declares entities: not read", kind="limit")
