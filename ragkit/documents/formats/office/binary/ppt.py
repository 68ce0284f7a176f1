"""ppt → Document: the presentations of PowerPoint 97 to 2003 ([MS-PPT]), as `pptx` reads them.

A slide's title comes first, then its shapes from top to bottom, tables, notes and comments. Hidden
slides are read and counted. Knows no animations and no charts; pictures and embedded files are in
`objects`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

from ragkit.documents.formats.office.binary.ole2 import (
    open_ole2,
    read_document_properties,
    read_stream,
)
from ragkit.documents.formats.office.binary.ppt_records import (
    PptRecord,
    child,
    iter_records,
    read_directory,
    record_at,
)
from ragkit.documents.formats.office.pptx_shapes import ShapeContent
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.writer import join_documents
from ragkit.documents.unpacking.limits import MAX_CHARACTERS
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import PPT

_DOCUMENT, _SLIDE, _NOTES = 1000, 1006, 1008
_SLIDE_LIST, _SLIDE_ENTRY, _NOTES_ATOM, _SLIDE_INFO = 4080, 1011, 1009, 1017
_SLIDES, _NOTE_PAGES = 0, 2  # instances of lists of slides
_DRAWING, _DRAWING_GROUP, _SHAPE_GROUP, _SHAPE = 1036, 0xF002, 0xF003, 0xF004
_ANCHOR, _CHILD_ANCHOR, _CLIENT_DATA, _TEXT_BOX = 0xF010, 0xF00F, 0xF011, 0xF00D
_MORE_PROPERTIES, _TABLE_PROPERTY = 0xF122, 0x39F
_PLACEHOLDER, _TEXT_HEADER, _TEXT_WIDE, _TEXT_NARROW = 3011, 3999, 4000, 4008
_TEXT_STYLE, _OUTLINE_REFERENCE = 4001, 3998
_FIELDS = frozenset({4056, 4087, 4088, 4089, 4090, 4117})  # a number, date, header or footer
_MAX_FIELDS = 1000
_COMMENT, _TEXT, _DOCUMENT_END = 12000, 4026, 1002
_PROGRAM_DATA = frozenset({5000, 5002, 5003})  # containers on the way to a comment
_TITLE_KINDS, _NOTES_KIND = frozenset({0, 6}), 2
_REPEATED_PLACEHOLDERS = frozenset(
    {b"\7", b"\x08", b"\x09", b"\x0a"}
)  # date, number of the slide, footer, header
_HIDDEN = 4
_LINE_HEIGHT = 144  # units of 1/576 inch: tops within one such band are on one line
_UNKNOWN_POSITION = (1 << 40, 0)
_MAX_DEPTH = 20  # of groups of shapes
_MAX_SHAPES = 100_000
_MAX_TITLE = 100  # characters of a first line that is promoted to a title
_MAX_LEVEL = 8
_OTHER_TEXT = 4
# Properties of a paragraph: (bits of the mask, bytes), in the order in which they are stored.
_PROPERTY_BYTES = (
    *((0xF, 2), (0x80, 2), (0x10, 2), (0x40, 2), (0x20, 4), (0x800, 2), (0x1000, 2), (0x2000, 2)),
    *((0x4000, 2), (0x100, 2), (0x400, 2), (0x8000, 2), (0x100000, -1), (0x10000, 2)),
    *((0xE0000, 2), (0x200000, 2)),
)


def read_ppt(data: bytes, name: str) -> Document:
    """Read a presentation, with a locator for each slide.

    Raises `DocumentError` if the file is damaged, encrypted or over a limit.
    """
    with open_ole2(data, "ppt") as file:
        stream = read_stream(file, "PowerPoint Document")
        if not stream:
            raise DocumentError("damaged ppt: it has no stream PowerPoint Document")
        reader = _Reader(stream)
        reader.read_parts(read_stream(file, "Current User"))
        slides = [(str(number), slide) for number, slide in enumerate(reader.slides(), start=1)]
        title, metadata = read_document_properties(file, name)
    document = join_documents(slides, "slide", PPT)
    first_heading = next(
        (heading.text for _, slide in slides[:1] for heading in slide.headings), None
    )
    hidden = (f"{reader.hidden} hidden slides are read",) if reader.hidden else ()
    return replace(
        document,
        title=title or first_heading,
        metadata=metadata,
        warnings=(*reader.warnings, *hidden),
    )


@dataclass(slots=True)
class _TextRun:
    """The text of a shape, its kind ([MS-PPT] TextTypeEnum), and what formats it."""

    kind: int = _OTHER_TEXT
    text: str = ""  # a line break ends a paragraph
    style: bytes = b""
    fields: list[int] = field(default_factory=list)  # places of signs that stand for a date, …

    def paragraphs(self) -> Iterator[str]:
        """Yield the paragraphs; those below the first level are marked as pptx does."""
        characters = list(self.text)
        for place in self.fields:
            if place < len(characters):
                characters[place] = ""
        paragraphs = "".join(characters).split("\r")
        levels = _levels(self.style, self.text.split("\r"))
        for place, paragraph in enumerate(paragraphs):
            lines = (" ".join(line.split()) for line in paragraph.split("\x0b"))
            text = "\n".join(filter(None, lines))
            level = levels[place] if place < len(levels) else 0
            if text:
                yield ("  " * (level - 1) + "- " + text) if level else text


@dataclass(slots=True)
class _SlideShape:
    """A shape with text, or a table."""

    position: tuple[int, int] = _UNKNOWN_POSITION  # top, left
    kind: int = _OTHER_TEXT
    content: ShapeContent = field(default_factory=ShapeContent)


@dataclass(slots=True)
class _SlideEntry:
    """A slide in the list of a presentation, with the texts that its placeholders refer to."""

    part: int
    identifier: int
    texts: list[_TextRun] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    """Reads the slides of a stream."""

    data: bytes
    offsets: dict[int, int] = field(default_factory=dict)
    entries: list[_SlideEntry] = field(default_factory=list)
    notes: dict[int, PptRecord] = field(default_factory=dict)  # by number of their slide
    hidden: int = 0
    characters: int = 0
    shapes: int = 0
    warnings: list[str] = field(default_factory=list)

    def read_parts(self, current_user: bytes) -> None:
        """Read the directory, and the lists of slides and of notes."""
        self.offsets, number = read_directory(self.data, current_user)
        document = record_at(self.data, self.offsets[number])
        if document is None or document.kind != _DOCUMENT:
            raise DocumentError("damaged ppt: it has no document part")
        for record in iter_records(self.data, document.start, document.end):
            if record.kind == _SLIDE_LIST and record.instance == _SLIDES:
                self.entries += self._list_entries(record)
            elif record.kind == _SLIDE_LIST and record.instance == _NOTE_PAGES:
                self._read_note_list(record)
        if not self.entries and child(self.data, document, _DOCUMENT_END) is None:
            raise DocumentError("damaged ppt: it has no slides")

    def _list_entries(self, record: PptRecord) -> Iterator[_SlideEntry]:
        entry: _SlideEntry | None = None
        for atom in iter_records(self.data, record.start, record.end):
            if atom.kind == _SLIDE_ENTRY and atom.end - atom.start >= 16:
                if entry is not None:
                    yield entry
                part, identifier = struct.unpack_from("<I8xI", self.data, atom.start)
                entry = _SlideEntry(part, identifier)
            elif entry is not None:
                self._add_text(atom, entry.texts)
        if entry is not None:
            yield entry

    def _read_note_list(self, record: PptRecord) -> None:
        for entry in self._list_entries(record):
            page = self._part(entry.part, _NOTES)
            atom = child(self.data, page, _NOTES_ATOM) if page else None
            if page is not None and atom is not None and atom.end - atom.start >= 4:
                slide = struct.unpack_from("<I", self.data, atom.start)[0]
                self.notes.setdefault(slide, page)

    def _part(self, number: int, kind: int) -> PptRecord | None:
        offset = self.offsets.get(number)
        record = record_at(self.data, offset) if offset is not None else None
        return record if record is not None and record.kind == kind else None

    def slides(self) -> Iterator[Document]:
        """Yield every slide; one that is missing is a warning."""
        for number, entry in enumerate(self.entries, start=1):
            slide = self._part(entry.part, _SLIDE)
            if slide is None:
                self.warnings.append(f"slide {number} is damaged")
                yield Document("", PPT)
            else:
                yield self._read_slide(slide, entry)
        if self.entries and len(self.warnings) == len(self.entries):
            raise DocumentError("damaged ppt: it has none of its slides")

    def _read_slide(self, slide: PptRecord, entry: _SlideEntry) -> Document:
        info = child(self.data, slide, _SLIDE_INFO)
        if info is not None and info.end - info.start >= 12:
            self.hidden += bool(self.data[info.start + 10] & _HIDDEN)
        shapes = list(self._slide_shapes(slide, entry.texts))
        titles = [shape for shape in shapes if shape.kind in _TITLE_KINDS]
        others = [shape for shape in shapes if shape.kind not in _TITLE_KINDS]
        others.sort(key=lambda shape: (shape.position[0] // _LINE_HEIGHT, shape.position[1]))
        layout = BlockLayout()
        for shape in titles:
            texts = (item for item in shape.content.items if isinstance(item, str))
            layout.add(" ".join(" ".join(texts).split()), level=1)
        if not layout.blocks:
            _promote_first_line(others, layout)
        for shape in others:
            shape.content.write(layout)
        page = self.notes.get(entry.identifier)
        if page is not None:
            lines = [
                item
                for shape in self._slide_shapes(page, [])
                if shape.kind == _NOTES_KIND
                for item in shape.content.items
                if isinstance(item, str)
            ]
            layout.add("Notes: " + "\n".join(lines) if lines else "")
        for comment in self._comments(slide, 0):
            layout.add(comment)
        return layout.document()

    def _comments(self, parent: PptRecord, depth: int) -> Iterator[str]:
        for record in iter_records(self.data, parent.start, parent.end):
            if record.kind in _PROGRAM_DATA and depth < _MAX_DEPTH:
                yield from self._comments(record, depth + 1)
            elif record.kind == _COMMENT:
                texts = {
                    atom.instance: self.data[atom.start : atom.end].decode("utf-16-le", "replace")
                    for atom in iter_records(self.data, record.start, record.end)
                    if atom.kind == _TEXT
                }
                text = " ".join(texts.get(1, "").split())
                author = " ".join(texts.get(0, "").split())
                if text:
                    yield f"Comment by {author}: {text}" if author else f"Comment: {text}"

    def _slide_shapes(self, slide: PptRecord, texts: list[_TextRun]) -> Iterator[_SlideShape]:
        """Yield the shapes with text on a slide or a page of notes."""
        drawing = child(self.data, slide, _DRAWING)
        group = child(self.data, drawing, _DRAWING_GROUP) if drawing else None
        if group is None:
            return
        for record in iter_records(self.data, group.start, group.end):
            if record.kind == _SHAPE_GROUP:
                yield from self._group_shapes(record, texts, None, 0)

    def _group_shapes(
        self,
        group: PptRecord,
        texts: list[_TextRun],
        position: tuple[int, int] | None,
        depth: int,
    ) -> Iterator[_SlideShape]:
        """Yield the shapes of a group. Those of inner groups have the group's `position`."""
        for record in iter_records(self.data, group.start, group.end):
            self.shapes += 1
            if self.shapes > _MAX_SHAPES:
                raise DocumentError(f"ppt with over {_MAX_SHAPES:,} shapes", kind="limit")
            if record.kind == _SHAPE:
                shape = self._read_shape(record, texts)
                if shape is not None:
                    shape.position = position or shape.position
                    yield shape
            elif record.kind == _SHAPE_GROUP and depth < _MAX_DEPTH:
                yield from self._inner_group(record, texts, position, depth + 1)

    def _inner_group(
        self,
        group: PptRecord,
        texts: list[_TextRun],
        position: tuple[int, int] | None,
        depth: int,
    ) -> Iterator[_SlideShape]:
        first = child(self.data, group, _SHAPE)  # the group itself
        own = self._anchor(first) if first is not None else None
        if first is None or not self._is_table(first):
            yield from self._group_shapes(group, texts, position or own, depth)
            return
        cells = list(self._group_shapes(group, texts, None, depth))
        cells.sort(key=lambda cell: cell.position)
        table = _SlideShape(position or own or _UNKNOWN_POSITION)
        for _, row in groupby(cells, key=lambda cell: cell.position[0]):
            table.content.items.append(
                [" ".join(str(item) for item in cell.content.items) for cell in row]
            )
        if cells:
            yield table

    def _is_table(self, shape: PptRecord) -> bool:
        properties = child(self.data, shape, _MORE_PROPERTIES)
        if properties is None:
            return False
        for place in range(properties.instance):
            at = properties.start + 6 * place
            if at + 6 > properties.end:
                return False
            number, value = struct.unpack_from("<HI", self.data, at)
            if number & 0x3FFF == _TABLE_PROPERTY:
                return bool(value & 1)
        return False

    def _anchor(self, shape: PptRecord) -> tuple[int, int] | None:
        """Return top and left of a shape."""
        anchor = child(self.data, shape, _ANCHOR)
        if anchor is not None and anchor.end - anchor.start >= 16:
            left, top = struct.unpack_from("<ii", self.data, anchor.start)
            return top, left
        if anchor is not None and anchor.end - anchor.start >= 8:
            top, left = struct.unpack_from("<hh", self.data, anchor.start)
            return top, left
        anchor = child(self.data, shape, _CHILD_ANCHOR)
        if anchor is not None and anchor.end - anchor.start >= 16:
            left, top = struct.unpack_from("<ii", self.data, anchor.start)
            return top, left
        return None

    def _read_shape(self, record: PptRecord, texts: list[_TextRun]) -> _SlideShape | None:
        """Return a shape with text; None for others, and for dates, numbers and footers."""
        client = child(self.data, record, _CLIENT_DATA)
        placeholder = child(self.data, client, _PLACEHOLDER) if client is not None else None
        at = (placeholder.start, placeholder.end) if placeholder is not None else (0, 0)
        if self.data[at[0] + 4 : at[1]][:1] in _REPEATED_PLACEHOLDERS:
            return None
        box = child(self.data, record, _TEXT_BOX)
        if box is None:
            return None
        runs: list[_TextRun] = []
        for atom in iter_records(self.data, box.start, box.end):
            if atom.kind == _OUTLINE_REFERENCE and atom.end - atom.start >= 4:
                index = struct.unpack_from("<I", self.data, atom.start)[0]
                runs += texts[index : index + 1]
            else:
                self._add_text(atom, runs)
        content = ShapeContent([text for run in runs for text in run.paragraphs()])
        if not content.items:
            return None
        return _SlideShape(self._anchor(record) or _UNKNOWN_POSITION, runs[0].kind, content)

    def _add_text(self, atom: PptRecord, runs: list[_TextRun]) -> None:
        """Add what a text record says to the list of texts."""
        content = self.data[atom.start : atom.end]
        if atom.kind == _TEXT_HEADER and len(content) >= 4:
            runs.append(_TextRun(int.from_bytes(content[:4], "little")))
            return
        if not runs:
            runs.append(_TextRun())
        if atom.kind == _TEXT_STYLE:
            runs[-1].style = content
        elif atom.kind in _FIELDS and len(runs[-1].fields) < _MAX_FIELDS:
            runs[-1].fields.append(int.from_bytes(content[:4], "little"))
        elif atom.kind in {_TEXT_WIDE, _TEXT_NARROW}:
            encoding = "utf-16-le" if atom.kind == _TEXT_WIDE else "latin-1"
            runs[-1].text = content.decode(encoding, "replace")
            self.characters += len(runs[-1].text)
            if self.characters > MAX_CHARACTERS:
                raise DocumentError(f"ppt with over {MAX_CHARACTERS:,} characters", kind="limit")


def _levels(content: bytes, paragraphs: list[str]) -> list[int]:
    """Return the level of each paragraph, from 0, as far as the record can be read."""
    levels: list[int] = []
    lengths = [len(text.encode("utf-16-le", "surrogatepass")) // 2 + 1 for text in paragraphs]
    at = 0
    try:
        while len(levels) < len(lengths):
            count, level, mask = struct.unpack_from("<IHI", content, at)
            at += 10
            for bits, size in _PROPERTY_BYTES:
                if mask & bits:
                    tabs = struct.unpack_from("<H", content, at)[0] if size < 0 else 0
                    at += size if size > 0 else 2 + 4 * tabs
            while count > 0 and len(levels) < len(lengths):
                count -= lengths[len(levels)]
                levels.append(min(level, _MAX_LEVEL))
    except struct.error:
        pass
    return levels


def _promote_first_line(shapes: list[_SlideShape], layout: BlockLayout) -> None:
    """Make a short first line the heading of a slide without a title, if more text follows."""
    if not shapes or (len(shapes) == 1 and len(shapes[0].content.items) == 1):
        return
    line = shapes[0].content.first_line()
    if line and len(line) <= _MAX_TITLE:
        layout.add(line, level=1)
        shapes[0].content.items.pop(0)
