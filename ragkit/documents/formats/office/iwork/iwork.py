"""Pages, Numbers and Keynote documents since 2013 → Document.

Pages: the body with its tables, then text boxes, notes, headers and footers. Numbers: a line for
each row of every table. Keynote: the slides in order, with tables and presenter notes. Knows no
charts, pictures and number formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ragkit.documents.formats.office.iwork.iwa import (
    IworkObject,
    content,
    contents,
    number,
    parse_message,
    read_objects,
    reference,
)
from ragkit.documents.formats.office.iwork.tables import (
    STORAGE,
    TABLE,
    read_table,
    table_model,
)
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.grid import Grid, GridFullError, is_year
from ragkit.documents.layout.writer import join_documents
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget, ZipPackage, open_zip
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import IWORK

_PAGES_DOCUMENT = 10000
_SHOW, _SLIDE_NODE, _SLIDES, _PLACEHOLDER, _NOTE = 2, 4, frozenset({5, 6}), (7, 12), 15
_SHEET, _PARAGRAPH_STYLE = 2, 2022
_SLIDE_PART = re.compile(r"(?:.*/)?(?:Slide|MasterSlide|TemplateSlide)[^/]{0,60}\.iwa")
_SMALL_COPY = re.compile(r"-small-\d{1,9}\.")
# Kinds of texts. Those of cells are read with their tables.
_BODY, _HEADER, _FOOTNOTE, _TEXT_BOX, _NOTE_TEXT, _CELL, _OTHER, _CONTENTS = range(8)
_TITLE_PLACEHOLDER, _NUMBER_PLACEHOLDER = 2, 1
_HEADING = re.compile(r"Heading(?: ([1-9]))?|Title", re.IGNORECASE)
_ATTACHMENT = "\ufffc"
_BREAKS = re.compile("[\u2028\x0b]")
_PARAGRAPH_ENDS = re.compile("[\n\r\u2029\x04\x05\x06\x0c]")
_MAX_ANCESTORS = 10
_MAX_VISITED = 100_000  # objects of one slide


def read_iwork(data: bytes, name: str) -> Document:
    """Read a document of Pages, Numbers or Keynote.

    Raises `DocumentError` if the file is damaged, encrypted or over a limit.
    """
    with open_zip(data, "iWork file") as package:
        if "Index.zip" in package.names or any(n.endswith("/Index.zip") for n in package.names):
            index = next(n for n in sorted(package.names) if n.endswith("Index.zip"))
            with open_zip(package.read(index), "iWork file", package.allowance) as inner:
                return _read_package(inner, package)
        return _read_package(package, package)


def iwork_files(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the pictures and other files in a document, without the small copies of pictures.

    Raises `DocumentError` if the file is damaged or over a limit.
    """
    with open_zip(data, "iWork file", budget.allowance) as package:
        for part in sorted(filter(_is_data_file, package.names)):
            budget.count_member()
            yield Member(part.rpartition("/")[2], package.read(part))


def _is_data_file(name: str) -> bool:
    """Whether a member is a file in the folder Data, but not the small copy of a picture."""
    folder, _, file = name.rpartition("/")
    return folder.rpartition("/")[2] == "Data" and bool(file) and not _SMALL_COPY.search(file)


def _read_package(package: ZipPackage, outer: ZipPackage) -> Document:
    if any(name.endswith(".iwpv2") or name.endswith(".iwph") for name in outer.names):
        raise DocumentError("encrypted iWork file: needs a password", kind="encrypted")
    reader = _Reader(read_objects(package))
    kinds = {found.kind for found in reader.objects.values()}
    if any(_SLIDE_PART.fullmatch(part) for part in package.names):
        document = reader.keynote()
    elif _PAGES_DOCUMENT in kinds:
        document = reader.pages()
    else:
        document = reader.numbers()
    return replace(document, warnings=(*document.warnings, *package.warnings, *reader.warnings))


@dataclass(slots=True)
class _Reader:
    """Reads the objects of one document."""

    objects: dict[int, IworkObject]
    warnings: list[str] = field(default_factory=list)
    written: list[IworkObject] = field(default_factory=list)  # tables

    def pages(self) -> Document:
        """Return a Pages document."""
        layout = BlockLayout()
        texts: dict[int, list[IworkObject]] = {}
        for found in self.objects.values():
            if found.kind == STORAGE:
                texts.setdefault(number(found.fields(), 1), []).append(found)
        for kind in (_BODY, _TEXT_BOX, _OTHER, _FOOTNOTE, _NOTE_TEXT):
            for storage in texts.get(kind, ()):
                self._write_storage(storage, layout)
        written = set(map(id, self.written))
        for found in self.objects.values():
            if found.kind == TABLE and id(found) not in written:  # it stands apart from the text
                self._write_table(found, layout)
        margins = [text for s in texts.get(_HEADER, ()) for text, _, _ in self._paragraphs(s)]
        for text in dict.fromkeys(margins):
            layout.add(text.replace(_ATTACHMENT, "").strip())
        return layout.document(IWORK)

    def numbers(self) -> Document:
        """Return a Numbers document."""
        grid = Grid()
        root = self._first(1)
        keys = [reference(sheet) for sheet in contents(root.fields(), 1)] if root else []
        sheets = [self.objects[key] for key in keys if key in self.objects]
        if not sheets:
            raise DocumentError("damaged Numbers file: it has no sheets")
        for sheet in sheets:
            self._read_sheet(sheet, grid)
        return grid.document(IWORK)

    def _read_sheet(self, sheet: IworkObject, grid: Grid) -> None:
        fields = sheet.fields()
        name = content(fields, 1).decode("utf-8", "replace")
        keys = (reference(drawable) for drawable in contents(fields, 2))
        drawables = [self.objects[key] for key in keys if key in self.objects]
        found = {  # tables and texts, also of groups, each once
            id(found): found
            for drawable in drawables
            for _, found in self._walk(drawable)
            if found.kind in {TABLE, STORAGE}
        }.values()
        tables = (item for item in found if item.kind == TABLE)
        models = [model for table in tables if (model := table_model(self.objects, table))]
        for model in models:
            try:
                table = read_table(self.objects, model)
            except DocumentError as error:
                self.warnings.append(f"sheet {name[:40]}: {error}")
                continue
            grid.begin_sheet(name if len(models) == 1 else f"{name} – {table.name}")
            try:
                for row, cells in table.rows:
                    if grid.full:
                        raise GridFullError
                    words = all(not _is_number(text) or is_year(text) for _, text in cells)
                    grid.add_row(row + 1, cells, is_text=words)
            except GridFullError:
                grid.warn_truncated(len(table.rows))
        texts = [
            text for item in found if item.kind == STORAGE for text, _, _ in self._paragraphs(item)
        ]
        if texts:
            if len(models) != 1:
                grid.begin_sheet(name)
            grid.add_text(texts, "A1")

    def keynote(self) -> Document:
        """Return a Keynote document."""
        slides: list[tuple[str, Document]] = []
        for slide in self._slides():
            slides.append((str(len(slides) + 1), self._read_slide(slide)))
        if not slides:
            raise DocumentError("damaged Keynote file: it has no slides")
        document = join_documents(slides, "slide", IWORK)
        first = next((heading.text for heading in slides[0][1].headings), None)
        return replace(document, title=first)

    def _slides(self) -> Iterator[IworkObject]:
        """Yield the slides in the order of the show."""
        show = self._first(_SHOW)
        keys = list(show.references) if show is not None else []
        nodes = [key for key in keys if self._kind(key) == _SLIDE_NODE]
        seen: set[int] = set()
        for key in self._nodes_in_order(show, nodes):
            for target in self.objects[key].references:
                if self._kind(target) in _SLIDES and target not in seen:
                    seen.add(target)
                    yield self.objects[target]
                    break

    def _nodes_in_order(self, show: IworkObject | None, nodes: list[int]) -> list[int]:
        """Return the nodes of slides as the show lists them; those it does not list, last."""
        if show is None:
            return nodes
        listed: list[int] = []
        for tree in contents(show.fields(), 3):
            for values in parse_message(tree).values():
                for value in values:
                    if isinstance(value, bytes):
                        key = _reference_or_none(value)
                        if self._kind(key) == _SLIDE_NODE:
                            listed.append(key)
        return list(dict.fromkeys([*listed, *nodes]))

    def _read_slide(self, slide: IworkObject) -> Document:
        layout = BlockLayout()
        notes: list[str] = []
        bodies: list[IworkObject] = []
        for owner, found in self._walk(slide):
            if found.kind == STORAGE and owner is not None:
                kind = number(owner.fields(), 2) if owner.kind in _PLACEHOLDER else -1
                texts = [text for text, _, _ in self._paragraphs(found)]
                if owner.kind == _NOTE:
                    notes += texts
                elif kind == _TITLE_PLACEHOLDER and not layout.blocks:
                    layout.add(" ".join(" ".join(texts).split()), level=1)
                elif kind != _NUMBER_PLACEHOLDER:
                    bodies.append(found)
            elif found.kind == TABLE:
                bodies.append(found)
        for found in bodies:
            if found.kind == TABLE:
                self._write_table(found, layout)
            else:
                self._write_storage(found, layout, tight=True)
        layout.add("Notes: " + "\n".join(notes) if any(notes) else "")
        return layout.document()

    def _walk(self, slide: IworkObject) -> Iterator[tuple[IworkObject | None, IworkObject]]:
        """Yield (what refers to it, object) of everything that a slide consists of."""
        waiting: list[tuple[IworkObject | None, IworkObject]] = [(None, slide)]
        seen: set[int] = set()
        while waiting and len(seen) < _MAX_VISITED:
            owner, found = waiting.pop()
            yield owner, found
            if found.kind in {TABLE, STORAGE}:
                continue
            for key in reversed(found.references):
                target = self.objects.get(key)
                if target is None or key in seen or target.kind in {*_SLIDES, _SHEET}:
                    continue
                if target.part == slide.part or "/Tables/" in target.part:
                    seen.add(key)
                    waiting.append((found, target))

    def _write_storage(
        self, storage: IworkObject, layout: BlockLayout, *, tight: bool = False
    ) -> None:
        attachments = dict(_positions(content(storage.fields(), 9)))
        after_text = False
        for text, start, level in self._paragraphs(storage):
            plain = text.replace(_ATTACHMENT, "").strip()
            layout.add(plain, level=level, tight=tight and after_text and not level)
            after_text = bool(plain)
            place = start
            for char in text:
                number_of_object = attachments.get(place) if char == _ATTACHMENT else None
                place += 1 + (char > "\uffff")
                if number_of_object is not None:
                    attachment = self.objects.get(number_of_object)
                    for key in attachment.references if attachment is not None else ():
                        if self._kind(key) == TABLE:
                            self._write_table(self.objects[key], layout)

    def _write_table(self, table: IworkObject, layout: BlockLayout) -> None:
        self.written.append(table)
        model = self.objects.get(reference(content(table.fields(), 2)))
        if model is None:
            return
        try:
            rows = read_table(self.objects, model).rows
        except DocumentError as error:
            self.warnings.append(str(error))
            return
        is_first = True
        for _, cells in rows:
            layout.open_row()
            for _, text in cells:
                layout.open_cell()
                layout.add(text)
            is_first = not layout.close_row(first=is_first) and is_first

    def _paragraphs(self, storage: IworkObject) -> Iterator[tuple[str, int, int]]:
        """Yield (text, position in UTF-16 units, heading level) of the paragraphs of a text."""
        fields = storage.fields()
        text = b"".join(contents(fields, 3)).decode("utf-8", "replace")
        styles = sorted(_positions(content(fields, 5)))
        start, place, level = 0, 0, 0
        for paragraph in _PARAGRAPH_ENDS.split(text):
            while place < len(styles) and styles[place][0] <= start:
                level = self._heading_level(styles[place][1])
                place += 1
            if paragraph.strip():
                lines = (" ".join(line.split(" ")) for line in _BREAKS.split(paragraph))
                yield "\n".join(lines), start, level
            start += len(paragraph.encode("utf-16-le", "surrogatepass")) // 2 + 1

    def _heading_level(self, key: int) -> int:
        """Return the heading level of a paragraph style, by its name or that of its parent."""
        for _ in range(_MAX_ANCESTORS):
            style = self.objects.get(key)
            if style is None or style.kind != _PARAGRAPH_STYLE:
                return 0
            base = parse_message(content(style.fields(), 1))
            name = content(base, 1).decode("utf-8", "replace")
            if name:
                match = _HEADING.fullmatch(name)
                return int(match[1] or 1) if match else 0
            key = reference(content(base, 3))
        return 0

    def _first(self, kind: int) -> IworkObject | None:
        return next((found for found in self.objects.values() if found.kind == kind), None)

    def _kind(self, key: int) -> int:
        found = self.objects.get(key)
        return found.kind if found is not None else -1


def _positions(table: bytes) -> Iterator[tuple[int, int]]:
    """Yield (position, number of the object) of a table of objects by position in a text."""
    for entry in contents(parse_message(table), 1):
        fields = parse_message(entry)
        if 2 in fields:
            yield number(fields, 1), reference(content(fields, 2))


def _reference_or_none(value: bytes) -> int:
    try:
        return reference(value)
    except DocumentError:
        return 0


def _is_number(text: str) -> bool:
    return text[:1].isdigit() or (text[:1] == "-" and text[1:2].isdigit())
