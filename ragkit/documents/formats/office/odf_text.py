"""The content of an OpenDocument text or presentation as it streams by → flows.

Knows the elements of `office:text` and `draw:page`. Deleted text of tracked changes, generated
indexes and what a slide master repeats are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.layout.blocks import Flow
from ragkit.documents.layout.titles import property_title
from ragkit.documents.unpacking.xml_stream import Attributes

_SKIPPED = frozenset(
    {
        *("text:tracked-changes", "text:note-citation", "text:ruby-text", "text:index-body"),
        *("office:forms", "office:scripts", "office:binary-data", "svg:title", "svg:desc"),
        *("dc:date", "meta:date-string", "presentation:settings"),
    }
)
_FURNITURE = frozenset({"page-number", "footer", "header", "date-time", "notes-page"})
_NUMBERS = frozenset({"text:page-number", "text:page-count"})
_CELLS = frozenset({"table:table-cell", "table:covered-table-cell"})
_DEEPEST = 9  # levels of lists
_MOST_SPACES = 100  # that one text:s may stand for
_TITLE = "Title"  # the style's name in files of every language


@dataclass(slots=True)
class _Paragraph:
    """A paragraph being read. One may stand in another: a note's, a frame's."""

    level: int = 0
    title: bool = False
    mark: str = ""
    numbered: bool = False  # shows the page's number
    pieces: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Content:
    """Where in the content the parser is."""

    flow: Flow = field(default_factory=Flow)  # of the text, or of the open page
    margin: bool = False  # in the headers and footers of the page styles
    title: str | None = None
    pages: list[Flow] = field(default_factory=list)  # those that are read
    _parents: dict[str, str] = field(default_factory=dict)  # of paragraph styles
    _paragraphs: list[_Paragraph] = field(default_factory=list)
    _skipped: int = 0
    _lists: int = 0  # open lists
    _item: bool = False  # an item waits for its first paragraph
    _in_list: bool = False  # the paragraph before was in a list
    _tables: list[bool] = field(default_factory=list)  # open tables: does a row come first?
    _headers: int = 0  # open table:table-header-rows
    _notes: int = 0  # open notes, comments and pages of speaker notes
    _author: list[str] | None = None  # of the open comment
    _aside: list[str] = field(default_factory=list)  # paragraphs of the open note
    _asides: list[str] = field(default_factory=list)  # notes that wait for the end
    _frame: str = ""  # what the open frame of a slide is for
    _heads: list[str] = field(default_factory=list)  # the open page's title

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element opens."""
        if self._skipped or tag in _SKIPPED or self._is_furniture(tag, attributes):
            self._skipped += 1
        elif tag in {"text:p", "text:h"}:
            self._open(tag, attributes)
        elif tag in {"text:s", "text:tab", "text:line-break"}:
            self._space(tag, attributes)
        elif tag in _NUMBERS and self._paragraphs:
            self._paragraphs[-1].numbered = True
        elif tag == "text:list":
            self._lists += 1
        elif tag == "text:list-item":
            self._item = True
        elif tag == "style:style":
            name = attributes.get("style:name", "")
            self._parents[name] = attributes.get("style:parent-style-name", "")
        elif tag in {"text:note", "office:annotation", "presentation:notes"}:
            self._notes += 1
        elif tag == "dc:creator" and self._notes:
            self._author = []
        elif tag == "draw:page":
            self.flow, self._frame = Flow(), ""
        else:
            self._table(tag)

    def _table(self, tag: str) -> None:
        if tag == "table:table":
            self._tables.append(True)
        elif tag == "table:table-header-rows":
            self._headers += 1
        elif tag == "table:table-row" and self._tables:
            self.flow.open_row()
        elif tag in _CELLS and self._tables:
            self.flow.cell()

    def text(self, characters: str) -> None:
        """Characters between two tags."""
        if self._skipped:
            return
        if self._author is not None:
            self._author.append(characters)
        elif self._paragraphs:
            self._paragraphs[-1].pieces.append(characters.replace("\n", " ").replace("\t", " "))

    def end(self, tag: str) -> None:
        """An element closes."""
        if self._skipped:
            self._skipped -= 1
        elif tag in {"text:p", "text:h"}:
            self._close(self._paragraphs.pop())
        elif tag == "text:list":
            self._lists -= 1
            self._in_list = self._in_list and self._lists > 0
        elif tag == "dc:creator" and self._author is not None:
            name, self._author = property_title("".join(self._author), ""), None
            self._aside.append(f"Comment by {name}:" if name else "Comment:")
        elif tag in {"text:note", "office:annotation", "presentation:notes"}:
            self._end_note(tag)
        elif tag == "draw:frame":
            self._frame = ""
        elif tag == "draw:page":
            self._end_page()
        elif tag == "table:table-header-rows":
            self._headers -= 1
        elif tag == "table:table-row" and self._tables:
            first = self._tables[-1]
            header = True if self._headers else None
            self._tables[-1] = not self.flow.close_row(first=first, header=header) and first
        elif tag == "table:table" and self._tables:
            self._tables.pop()

    def finish(self) -> None:
        """Put what waits for the end of the document there."""
        for aside in self._asides:
            self.flow.add(aside)
        self._asides.clear()

    def _is_furniture(self, tag: str, attributes: Attributes) -> bool:
        """Whether a frame repeats what every slide says; remembers what other frames are for."""
        if tag == "draw:frame":
            self._frame = attributes.get("presentation:class", "")
        return tag == "draw:frame" and self._frame in _FURNITURE

    def _open(self, tag: str, attributes: Attributes) -> None:
        level = 0
        if tag == "text:h":
            written = attributes.get("text:outline-level", "1")
            level = min(int(written[:3]) if written[:3].isdecimal() else 1, 9) or 1
        style = attributes.get("text:style-name", "")
        title = _TITLE in {style, self._parents.get(style)}
        mark = ""
        if self._lists and not self._notes:
            indent = "  " * (min(self._lists, _DEEPEST) - 1)
            mark = indent + ("- " if self._item else "  ")
            self._item = False
        self._paragraphs.append(_Paragraph(level, title, mark))

    def _space(self, tag: str, attributes: Attributes) -> None:
        if not self._paragraphs:
            return
        count = attributes.get("text:c", "1")[:4]
        spaces = min(int(count), _MOST_SPACES) if count.isdecimal() else 1
        signs = {"text:tab": "\t", "text:line-break": "\n"}
        self._paragraphs[-1].pieces.append(signs.get(tag, " " * spaces))

    def _close(self, paragraph: _Paragraph) -> None:
        lines = "".join(paragraph.pieces).split("\n")
        lines = [" ".join(filter(None, line.split(" "))).strip() for line in lines]
        text = "\n".join(lines).strip()
        if not text or (self.margin and paragraph.numbered):
            return
        if self._notes:
            self._aside.append(text)
            return
        words = " ".join(text.split())
        if self._frame == "title":
            self._heads.append(words)
            return
        if paragraph.title and self.title is None:
            self.title, paragraph.level = words, 1
        if paragraph.level:
            self.flow.add(words, level=paragraph.level)
        else:
            self.flow.add(paragraph.mark + text, tight=bool(paragraph.mark) and self._in_list)
        self._in_list = bool(paragraph.mark)

    def _end_note(self, tag: str) -> None:
        self._notes -= 1
        if self._notes and tag != "presentation:notes":
            return
        text = "\n".join(self._aside).replace(":\n", ": ", 1 if tag == "office:annotation" else 0)
        self._aside.clear()
        if text:
            self._asides.append(f"Notes: {text}" if tag == "presentation:notes" else text)

    def _end_page(self) -> None:
        """The page's title first, its notes last."""
        page = Flow()
        page.add(" ".join(self._heads), level=1)
        page.blocks += self.flow.blocks
        self.flow = page
        self.finish()
        self._heads.clear()
        self.pages.append(page)
