"""docx → Document: paragraphs, headings, lists, tables and notes of a Word file.

Streams each XML part through expat, so memory stays flat and nesting costs nothing. Refuses
document type definitions (entities that grow without end) and parts that inflate beyond all
reason. Knows transitional and Strict OOXML; runs no macro and follows no link.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import NoReturn
from xml.parsers import expat

from ragkit.documents import wordstyles
from ragkit.documents.flow import Flow
from ragkit.documents.titles import property_title
from ragkit.errors import DocumentError
from ragkit.records import Document

PART_BYTES = 64_000_000  # a part may inflate to no more
_PIECE = 1 << 16
_BODY = re.compile(r"word/document\d*\.xml")
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")

# Namespaces by the end of their URI, which transitional and Strict share.
_PREFIXES = {
    "wordprocessingml/main": "w",
    "wordprocessingml/2006/main": "w",
    "officeDocument/math": "m",
    "officeDocument/2006/math": "m",
    "markup-compatibility/2006": "mc",
    "purl.org/dc/elements/1.1/": "dc",
}
_SKIPPED = frozenset({"mc:Fallback", "w:del", "w:moveFrom", "w:rPr", "w:sectPr", "w:instrText"})
_CHARACTERS = {"w:tab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-", "w:ptab": "\t"}

Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]


def read_docx(data: bytes, name: str) -> Document:
    """A Word document's text, tables by row, notes at the end.

    Raises `DocumentError` where the file is damaged, encrypted, or a trap.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _document(archive, name)
    except RuntimeError as error:  # what zipfile raises where a password is needed
        if isinstance(error, NotImplementedError):
            raise DocumentError(f"damaged docx: {error}") from error
        raise DocumentError("encrypted docx: needs a password") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise DocumentError(f"damaged docx: {error or 'cut off'}") from error


def _document(archive: zipfile.ZipFile, name: str) -> Document:
    names = set(archive.namelist())
    body = min(filter(_BODY.fullmatch, names), key=len, default=None)
    if body is None:
        raise DocumentError("damaged docx: it has no word/document.xml")
    styles = wordstyles.Styles()
    if "word/styles.xml" in names:
        parse(archive, "word/styles.xml", styles.start, styles.end, lambda text: None)
    walk = _Walk(styles.resolved())
    for part in (body, *(part for part in _NOTES if part in names)):
        parse(archive, part, walk.start, walk.end, walk.text)
    text, headings, fences = walk.flow.layout()
    properties = _properties(archive) if "docProps/core.xml" in names else {}
    title = walk.title or property_title(properties.get("title"), name)
    author = property_title(properties.get("creator"), "")
    return Document(
        text,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        title=title,
        headings=headings,
        fences=fences,
        tables=walk.flow.tables,
        metadata={"author": author} if author else {},
    )


def _properties(archive: zipfile.ZipFile) -> dict[str, str]:
    """The Dublin Core elements among the file's properties."""
    found: dict[str, str] = {}
    current = ""

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal current
        current = tag.removeprefix("dc:") if tag.startswith("dc:") else ""

    def text(characters: str) -> None:
        if current:
            found[current] = found.get(current, "") + characters

    def end(tag: str) -> None:
        nonlocal current
        current = ""

    parse(archive, "docProps/core.xml", start, end, text)
    return found


def parse(
    archive: zipfile.ZipFile, part: str, start: Start, end: End, text: Callable[[str], None]
) -> None:
    """Stream one XML part through the three callbacks; names come as "w:p".

    Raises `DocumentError` for a part that is too large, not well formed, or declares a DTD.
    """
    if archive.getinfo(part).file_size > PART_BYTES:  # zipfile reads no further than this
        raise DocumentError(f"{part} inflates to over {PART_BYTES // 1_000_000} MB")

    def refuse(*declaration: object) -> NoReturn:
        raise DocumentError(f"{part} declares a document type, which no docx does: not read")

    names: dict[str, str] = {}

    def short(name: str) -> str:
        if (known := names.get(name)) is None:
            uri, _, local = name.rpartition(" ")
            prefix = next((p for end, p in _PREFIXES.items() if uri.endswith(end)), "")
            known = names[name] = f"{prefix}:{local}" if prefix else local
        return known

    def opened(name: str, attributes: Attributes) -> None:
        start(short(name), {short(key): value for key, value in attributes.items()})

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = opened
    parser.EndElementHandler = lambda name: end(short(name))
    parser.CharacterDataHandler = text
    try:
        with archive.open(part) as file:
            while piece := file.read(_PIECE):
                parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise DocumentError(f"damaged docx: {part}: {error}") from error


@dataclass(slots=True)
class _Paragraph:
    """A paragraph being read. One may stand in another: that of a text box in its anchor's."""

    pieces: list[str] = field(default_factory=list)
    style: wordstyles.Style = wordstyles.PLAIN
    level: int | None = None  # of its own, over its style's
    item: int | None = None  # depth of the list it is in, from 0


@dataclass(slots=True)
class _Walk:
    """Where in the document the parser is."""

    styles: dict[str, wordstyles.Style]
    flow: Flow = field(default_factory=Flow)
    title: str | None = None
    paragraphs: list[_Paragraph] = field(default_factory=list)
    tables: list[bool] = field(default_factory=list)  # open tables: does a row come first?
    skipped: int = 0  # open elements from one that is left out on
    properties: int = 0  # open w:pPr
    in_text: bool = False
    in_list: bool = False  # the paragraph before was a list item

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element opens."""
        if self.skipped or tag in _SKIPPED or _is_separator(tag, attributes):
            self.skipped += 1
        elif tag in {"w:t", "m:t"}:
            self.in_text = True
        elif tag == "w:p":
            self.paragraphs.append(_Paragraph())
            self.in_text = False
        elif tag == "w:pPr":
            self.properties += 1
        elif self.properties:
            self._property(tag, attributes.get("w:val", ""))
        elif tag in _CHARACTERS and self.paragraphs:
            self.paragraphs[-1].pieces.append(_CHARACTERS[tag])
        elif tag == "w:tbl":
            self.tables.append(True)
        elif tag == "w:tr":
            self.flow.open_row()
        elif tag == "w:tc":
            self.flow.cell()

    def end(self, tag: str) -> None:
        """An element closes."""
        if self.skipped:
            self.skipped -= 1
        elif tag in {"w:t", "m:t"}:
            self.in_text = False
        elif tag == "w:p":
            self._finish(self.paragraphs.pop())
        elif tag == "w:pPr":
            self.properties -= 1
        elif tag == "w:tr" and self.tables:
            self.tables[-1] = not self.flow.close_row(first=self.tables[-1])
        elif tag == "w:tbl":
            self.tables.pop()

    def text(self, characters: str) -> None:
        """Characters between two tags."""
        if self.in_text and not self.skipped and self.paragraphs:
            self.paragraphs[-1].pieces.append(characters)

    def _property(self, tag: str, value: str) -> None:
        if not self.paragraphs:
            return
        paragraph = self.paragraphs[-1]
        if tag == "w:pStyle":
            paragraph.style = self.styles.get(value, wordstyles.PLAIN)
        elif tag == "w:outlineLvl":
            paragraph.level = wordstyles.level(value)
        elif tag == "w:ilvl" and value.isdecimal():
            paragraph.item = min(int(value), 8)
        elif tag == "w:numId":  # 0 takes the paragraph out of the list its style puts it in
            paragraph.item = (paragraph.item or 0) if value != "0" else -1

    def _finish(self, paragraph: _Paragraph) -> None:
        lines = (" ".join(line.split(" ")) for line in "".join(paragraph.pieces).split("\n"))
        text = "\n".join(line.strip() for line in lines).strip()
        style = paragraph.style
        if not text or style.contents:
            return
        level = style.level if paragraph.level is None else paragraph.level
        if style.title and self.title is None:
            self.title, level = " ".join(text.split()), 1
        item = style.item if paragraph.item is None else paragraph.item
        if level:
            self.flow.add(" ".join(text.split()), level=level)
        elif item >= 0:
            self.flow.add("  " * item + "- " + text, tight=self.in_list)
        else:
            self.flow.add(text)
        self.in_list = not level and item >= 0


def _is_separator(tag: str, attributes: Attributes) -> bool:
    """Whether it is the rule above the notes, which Word keeps among the notes."""
    return tag in {"w:footnote", "w:endnote"} and attributes.get("w:type", "normal") != "normal"
