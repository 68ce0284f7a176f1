"""XML of any schema → Document: headings from titles, paragraphs, code, and `name: value` lines.

Elements with a title (`section`, `chapter`, `sec`) give headings, prose (`para`, `p`) gives
paragraphs, and any other element that contains only text gives a line with its name. Knows the
element names that DocBook, JATS, TEI, DITA and RSS have in common, and no schema.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from xml.parsers.expat import ExpatError

from ragkit.documents.formats.data.xml_events import (
    End,
    Event,
    Start,
    Text,
    decode_xml,
    parse_events,
)
from ragkit.documents.formats.data.xml_formulas import write_formulas
from ragkit.documents.formats.web.html_tags import remove_tags
from ragkit.documents.layout.records import record_document
from ragkit.documents.layout.scripts import SCRIPT_MARKS, write_scripts
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

XML = "application/xml"


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TITLES = frozenset({"title", "head", "article-title"})
_SECTIONS = _names(
    "section sect1 sect2 sect3 sect4 sect5 chapter appendix part preface refsect1 refsect2 "
    "refsect3 refsection simplesect sec div div1 div2 div3 topic concept task reference item "
    "entry figure table example note tip warning important caution"
)
_CODE = frozenset(["programlisting", "screen", "literallayout", "synopsis", "codeblock", "pre"])
_PROSE = _names("para simpara p paragraph seg l term glossterm quote v verse li td th")
_ROWS = frozenset({"row", "tr"})
_ITEMS = frozenset({"listitem", "list-item", "li"})
# These start a block of their own; the text of all others continues the block around them.
_BLOCKS = _TITLES | _SECTIONS | _CODE | _PROSE | _ROWS | _ITEMS
_FORMULAS = _names("inline-formula disp-formula equation informalequation formula")
_SCRIPTS = {"sup": "superscript", "superscript": "superscript", "sub": "subscript",
            "subscript": "subscript"}  # fmt: skip
_TEXT_ATTRIBUTES = _names("name title label value text description content summary comment")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")  # in text: feeds contain escaped HTML
_ITEM_MARKER = "- "
_MAX_HEADING_LEVEL = 6
_MAX_ROW_CHARS = 2000  # a longer "row" is a page laid out in a table
_MAX_FIELD_PATH = 3  # elements in the name of a field


def read_xml(data: bytes, name: str) -> Document:
    """Read an XML file with its headings; if it is not well-formed, without its structure.

    Raises `DocumentError` if it declares entities that could grow without limit.
    """
    text, encoding, warnings, encoding_by = decode_xml(data)
    builder = _BlockBuilder()
    title = None
    try:
        events = parse_events(text)
        for event in write_formulas(events) if "math" in text else events:
            builder.add(event)
    except ExpatError as error:
        warning = f"not well-formed XML ({error}): read without its structure"
        warnings = (*warnings, warning)
        document = Document(remove_tags(text), XML)
    else:
        document = builder.write().document(XML)
        top = [heading.text for heading in document.headings if heading.level == 1]
        title = top[0] if len(top) == 1 else None
    return replace(
        document, title=title, encoding=encoding, encoding_by=encoding_by, warnings=warnings
    )


@dataclass(slots=True)
class _Block:
    """A paragraph, heading, row or line that is being collected."""

    pieces: list[str]
    line: int  # of the file
    parent: int  # number of the element that contains the block's element
    label: str = ""  # the name before a value; "" for prose
    level: int = 0  # of a heading
    is_code: bool = False

    def text(self) -> str:
        """Return the text of the block; only code keeps its white space."""
        text = write_scripts("".join(self.pieces))
        if self.is_code:
            return text.strip("\n").rstrip()
        if "<" in text and _MARKUP.search(text):
            text = remove_tags(text)
        text = " ".join(text.split())
        return f"{self.label}: {text}" if self.label and text else text


@dataclass(slots=True)
class _Element:
    """An open element."""

    tag: str
    number: int  # in the order in which elements begin
    first_block: int  # index of the first block in the element
    block: _Block | None = None  # that its text goes to
    is_inline: bool = False  # its text continues the block of its parent
    is_leaf: bool = True
    has_rows: bool = False
    section_depth: int = 0  # sections among the element and its ancestors


@dataclass(slots=True)
class _BlockBuilder:
    """Turns the events of an XML text into blocks."""

    blocks: list[_Block] = field(default_factory=list)
    open_elements: list[_Element] = field(default_factory=list)
    element_count: int = 0

    def add(self, event: Event) -> None:
        """Handle the next event."""
        if isinstance(event, Start):
            self._start_element(event)
        elif isinstance(event, Text):
            self._add_text(event)
        else:
            self._end_element()

    def _start_element(self, event: Start) -> None:
        parent = self.open_elements[-1] if self.open_elements else None
        self.element_count += 1
        tag = event.tag.lower()
        element = _Element(tag, self.element_count, len(self.blocks))
        if parent is not None:
            parent.is_leaf = False
            element.section_depth = parent.section_depth
            if parent.block is not None and tag not in _BLOCKS:
                element.is_inline, element.block = True, parent.block
                if tag in _SCRIPTS:
                    parent.block.pieces.append(SCRIPT_MARKS[_SCRIPTS[tag]][0])
            elif tag in _BLOCKS:
                parent.block = None
        element.section_depth += tag in _SECTIONS
        self.open_elements.append(element)
        for name, value in event.attributes.items():
            if name.lower() in _TEXT_ATTRIBUTES and value.strip() and not element.is_inline:
                label = f"{tag} {name}" if tag != name else tag
                self.blocks.append(_Block([value], event.line, element.number, label))

    def _add_text(self, event: Text) -> None:
        element = self.open_elements[-1]
        if element.block is None:
            if not event.text.strip():
                return
            element.block = self._block_for(element, event.line)
        element.block.pieces.append(event.text)

    def _block_for(self, element: _Element, line: int) -> _Block:
        """Return the block for text that opens an element or follows a child of it."""
        parent = self.open_elements[-2].number if len(self.open_elements) > 1 else 0
        has_one_block = len(self.blocks) == element.first_block + 1
        if has_one_block and self.blocks[-1].label and not element.is_leaf:
            # The first child looked like `name: value`, but it is the start of a paragraph.
            block = self.blocks[-1]
            block.label, block.parent = "", parent
            return block
        block = _Block([], line, parent)
        if element.tag in _TITLES:
            block.level = min(_MAX_HEADING_LEVEL, 1 + element.section_depth)
        elif element.tag in _CODE:
            block.is_code = True
        self.blocks.append(block)
        return block

    def _end_element(self) -> None:
        element = self.open_elements.pop()
        if element.is_inline:
            if element.tag in _SCRIPTS and element.block is not None:
                element.block.pieces.append(SCRIPT_MARKS[_SCRIPTS[element.tag]][1])
            return
        is_value = element.is_leaf and element.tag not in _BLOCKS and element.tag not in _FORMULAS
        if element.block is not None and is_value:
            element.block.label = element.tag
        if element.tag in _ROWS and not element.has_rows:
            self._join_row(element)
        elif element.tag in _ITEMS and len(self.blocks) > element.first_block:
            first = self.blocks[element.first_block]
            if not (first.level or first.is_code or first.pieces[0] == _ITEM_MARKER):
                first.pieces.insert(0, _ITEM_MARKER)
        if self.open_elements:
            self.open_elements[-1].has_rows |= element.has_rows or element.tag in _ROWS

    def _join_row(self, row: _Element) -> None:
        """Replace the blocks of a row by one line, if they are short."""
        cells = self.blocks[row.first_block :]
        line = " | ".join(cell.text() for cell in cells)
        if cells and len(line) <= _MAX_ROW_CHARS:
            parent = self.open_elements[-1].number if self.open_elements else 0
            self.blocks[row.first_block :] = [_Block([line], cells[0].line, parent)]

    def write(self) -> DocumentWriter:
        """Return the text, with a line locator for each paragraph and each group of lines."""
        writer = DocumentWriter()
        previous: _Block | None = None
        for block in self.blocks:
            same_group = bool(
                previous and block.label and previous.label and previous.parent == block.parent
            )
            writer.add(
                block.text(),
                level=block.level,
                fence=block.is_code,
                separator="\n" if same_group else "\n\n",
                locator=None if same_group else ("line", str(block.line)),
            )
            previous = block
        return writer


def xml_records(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each repeated element, named by its number, from 1.

    Repeated elements are the most frequent ones directly below the root, or below its only child.
    A file without any gives one document. Raises `DocumentError` if the file is not well-formed,
    and `BudgetExceededError` if it has more elements than the budget allows.
    """
    text = decode_xml(data).text
    try:
        repeated = _find_repeated_element(text)
        if repeated is None:
            yield Member("", document=read_xml(data, name))
            return
        depth, tag = repeated
        for number, fields in enumerate(_element_fields(text, depth, tag), 1):
            budget.count_member()
            if fields:
                yield Member(str(number), document=record_document(fields, XML))
    except ExpatError as error:
        raise DocumentError(f"not well-formed XML ({error})") from error


def _find_repeated_element(text: str) -> tuple[int, str] | None:
    """Return depth (1: below the root) and tag of the elements that are records, or None."""
    counts: dict[int, Counter[str]] = {1: Counter(), 2: Counter()}
    depth = 0
    for event in parse_events(text):
        if isinstance(event, Start):
            if depth in counts:
                counts[depth][event.tag] += 1
            depth += 1
        elif isinstance(event, End):
            depth -= 1
    root_has_one_child = counts[1].total() == 1
    for level in (1, 2) if root_has_one_child else (1,):
        for tag, count in counts[level].most_common(1):
            if count > 1:
                return level, tag
    return None


def _element_fields(text: str, depth: int, tag: str) -> Iterator[list[tuple[str, str]]]:
    """Yield names and values of each element `tag` at this depth.

    The name of a value is the path of tags from the element to the value, without the element.
    """
    path: list[str] = []  # tags of the open elements
    fields: list[tuple[str, str]] = []
    pieces: list[str] = []

    def end_value() -> None:
        value = " ".join("".join(pieces).split())
        pieces.clear()
        if value:
            fields.append((" ".join(path[depth + 1 :][-_MAX_FIELD_PATH:]), value))

    for event in parse_events(text):
        in_record = len(path) > depth and path[depth] == tag
        if isinstance(event, Text):
            if in_record:
                pieces.append(event.text)
        elif isinstance(event, Start):
            end_value()
            path.append(event.tag)
            if len(path) > depth and path[depth] == tag:
                fields.extend(event.attributes.items())
        else:
            end_value()
            path.pop()
            if in_record and len(path) == depth:
                yield fields
                fields = []
