"""XML of any kind → Document: headings from titles, paragraphs, code, and `name: value` lines.

Elements with a title (`section`, `chapter`, `sec`) make headings, prose (`para`, `p`) makes
paragraphs, and any other element that only holds text a line with its name. Knows the names that
DocBook, JATS, TEI, DITA and RSS have in common, and no schema.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from xml.parsers.expat import ExpatError

from ragkit.documents.budget import Budget
from ragkit.documents.containers import Member
from ragkit.documents.formats.data.xml_events import End, Event, Start, Text, decoded, events
from ragkit.documents.formats.web.html_tags import remove_tags
from ragkit.documents.layout.records import record
from ragkit.documents.layout.writer import Writing
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
# These begin a line of their own wherever they stand; all others go on in the text around them.
_BLOCKS = _TITLES | _SECTIONS | _CODE | _PROSE | _ROWS | _ITEMS
_TOLD = _names("name title label value text description content summary comment")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")  # as text: feeds carry HTML so
_ITEM = "- "
_DEEPEST = 6  # levels of headings
_LONGEST_ROW = 2000  # characters; a longer "row" is a page laid out in a table


def read_xml(data: bytes, name: str) -> Document:
    """An XML file with its headings. What is not well-formed is read without its structure.

    Raises DocumentError where it declares entities that could grow without end.
    """
    text, encoding, warnings, told_by = decoded(data)
    walk = _Walk()
    try:
        for event in events(text):
            walk.take(event)
    except ExpatError as error:
        note = f"not well-formed XML ({error}): read without its structure"
        warnings = (*warnings, note)
        made = Document(remove_tags(text), XML)
        return replace(made, encoding=encoding, encoding_by=told_by, warnings=warnings)
    made = walk.written().document(XML)
    top = [heading.text for heading in made.headings if heading.level == 1]
    title = top[0] if len(top) == 1 else None
    made = replace(made, title=title, encoding=encoding, encoding_by=told_by)
    return replace(made, warnings=warnings)


@dataclass(slots=True)
class _Block:
    """A paragraph, heading or line being collected."""

    pieces: list[str]
    line: int  # of the file
    parent: int  # number of the element that its element is in
    label: str = ""  # goes before it; "" for prose
    level: int = 0
    code: bool = False

    def text(self) -> str:
        words = "".join(self.pieces)
        if self.code:
            return words.strip("\n").rstrip()
        if "<" in words and _MARKUP.search(words):
            words = remove_tags(words)
        words = " ".join(words.split())
        return f"{self.label}: {words}" if self.label and words else words


@dataclass(slots=True)
class _Element:
    """An open element."""

    tag: str
    number: int
    first: int  # how many blocks there were when it began
    block: _Block | None = None  # that its text goes to
    inline: bool = False  # it stands in the text of its parent
    leaf: bool = True
    rows: bool = False  # whether it holds any
    sections: int = 0  # among itself and the elements above


@dataclass(slots=True)
class _Walk:
    """Where a walk is, and the blocks so far."""

    blocks: list[_Block] = field(default_factory=list)
    open: list[_Element] = field(default_factory=list)
    elements: int = 0

    def take(self, event: Event) -> None:
        """Go on by one event."""
        if isinstance(event, Start):
            self._start(event)
        elif isinstance(event, Text):
            self._text(event)
        else:
            self._end()

    def _start(self, event: Start) -> None:
        parent = self.open[-1] if self.open else None
        self.elements += 1
        tag = event.tag.lower()
        inner = _Element(tag, self.elements, len(self.blocks))
        if parent is not None:
            parent.leaf = False
            inner.sections = parent.sections
            if parent.block is not None and tag not in _BLOCKS:
                inner.inline, inner.block = True, parent.block
            elif tag in _BLOCKS:
                parent.block = None
        inner.sections += tag in _SECTIONS
        self.open.append(inner)
        for name, value in event.attributes.items():
            if name.lower() in _TOLD and value.strip() and not inner.inline:
                label = f"{tag} {name}" if tag != name else tag
                self.blocks.append(_Block([value], event.line, inner.number, label))

    def _text(self, event: Text) -> None:
        element = self.open[-1]
        block = element.block
        if block is None:
            if not event.text.strip():
                return
            block = self._block_for(element, event.line)
            element.block = block
        block.pieces.append(event.text)

    def _block_for(self, element: _Element, line: int) -> _Block:
        """Where text goes that opens an element or follows a child of it."""
        parent = self.open[-2].number if len(self.open) > 1 else 0
        if len(self.blocks) == element.first + 1 and self.blocks[-1].label and not element.leaf:
            last = self.blocks[-1]  # its first child was not a line: it opens this paragraph
            last.label, last.parent = "", parent
            return last
        made = _Block([], line, parent)
        if element.tag in _TITLES:
            made.level = min(_DEEPEST, 1 + element.sections)
        elif element.tag in _CODE:
            made.code = True
        self.blocks.append(made)
        return made

    def _end(self) -> None:
        element = self.open.pop()
        if element.inline:
            return
        if element.block is not None and element.leaf and element.tag not in _BLOCKS:
            element.block.label = element.tag
        if element.tag in _ROWS and not element.rows:
            self._join_row(element)
        elif element.tag in _ITEMS and len(self.blocks) > element.first:
            opening = self.blocks[element.first]
            if not (opening.level or opening.code or opening.pieces[0] == _ITEM):
                opening.pieces.insert(0, _ITEM)
        if self.open:
            self.open[-1].rows |= element.rows or element.tag in _ROWS

    def _join_row(self, row: _Element) -> None:
        """Make one line of the blocks in a row, if they are short."""
        inside = self.blocks[row.first :]
        line = " | ".join(block.text() for block in inside)
        if inside and len(line) <= _LONGEST_ROW:
            above = self.open[-1].number if self.open else 0
            self.blocks[row.first :] = [_Block([line], inside[0].line, above)]

    def written(self) -> Writing:
        """The text; a line locator where a paragraph or a group of lines begins."""
        writing = Writing()
        last: _Block | None = None
        for block in self.blocks:
            tight = bool(last and block.label and last.label and last.parent == block.parent)
            writing.add(
                block.text(),
                level=block.level,
                fence=block.code,
                between="\n" if tight else "\n\n",
                place=None if tight else ("line", str(block.line)),
            )
            last = block
        return writing


def xml_records(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """A document for every element of the list that the file is, named by its number.

    Those are the most frequent elements right below the root, or below its only child. A file
    without any is a document of its own.
    """
    text = decoded(data).text
    try:
        place = _repeated(text)
        if place is None:
            yield Member("", document=read_xml(data, name))
            return
        for number, pairs in enumerate(_fields(text, *place), 1):
            budget.member()
            if pairs:
                yield Member(str(number), document=record(pairs, XML))
    except ExpatError as error:
        raise DocumentError(f"not well-formed XML ({error})") from error


def _repeated(text: str) -> tuple[int, str] | None:
    """Depth and name of the elements that are records; None where nothing comes twice."""
    counts: dict[int, Counter[str]] = {1: Counter(), 2: Counter()}
    depth = 0
    for event in events(text):
        if isinstance(event, Start):
            if depth in counts:
                counts[depth][event.tag] += 1
            depth += 1
        elif isinstance(event, End):
            depth -= 1
    only_child = counts[1].total() == 1
    for level in (1, 2) if only_child else (1,):
        for tag, times in counts[level].most_common(1):
            if times > 1:
                return level, tag
    return None


def _fields(text: str, depth: int, tag: str) -> Iterator[list[tuple[str, str]]]:
    """Names and values in every element `tag` at this depth; a name is the path below it."""
    above: list[str] = []
    pairs: list[tuple[str, str]] = []
    pieces: list[str] = []

    def flush() -> None:
        words = " ".join("".join(pieces).split())
        pieces.clear()
        if words:
            pairs.append((" ".join(above[depth + 1 :][-3:]), words))

    for event in events(text):
        inside = len(above) > depth and above[depth] == tag
        if isinstance(event, Text):
            if inside:
                pieces.append(event.text)
        elif isinstance(event, Start):
            flush()
            above.append(event.tag)
            if len(above) > depth and above[depth] == tag:
                pairs.extend(event.attributes.items())
        else:
            flush()
            above.pop()
            if inside and len(above) == depth:
                yield pairs
                pairs = []
