"""The content of an OpenDocument text or presentation, streamed into blocks.

Knows the elements of `office:text` and `draw:page` (OpenDocument 1.3 part 3). Deleted text of
tracked changes, generated indexes and the fields that repeat on every slide are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ragkit.documents.formats.office.odf_numbering import OdfNumbering
from ragkit.documents.formats.office.odf_scripts import OdfScripts
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.cleaning import image_description, property_title
from ragkit.documents.layout.scripts import write_scripts
from ragkit.documents.unpacking.xml_stream import Attributes

_SKIPPED = frozenset(
    {
        *("text:tracked-changes", "text:note-citation", "text:ruby-text", "text:index-body"),
        *("office:forms", "office:scripts", "office:binary-data", "text:number"),
        *("dc:date", "meta:date-string", "presentation:settings"),
    }
)
# Values of presentation:class that repeat on every slide.
_REPEATED_FRAMES = frozenset({"page-number", "footer", "header", "date-time", "notes-page"})
_PAGE_NUMBERS = frozenset({"text:page-number", "text:page-count"})
_CELLS = frozenset({"table:table-cell", "table:covered-table-cell"})
_NOTES = frozenset({"text:note", "office:annotation", "presentation:notes"})
_SPACES = frozenset({"text:s", "text:tab", "text:line-break"})
_INLINE = _SPACES | _PAGE_NUMBERS | {"text:span"}
_STYLES = frozenset({"style:style", "style:text-properties"})
_DESCRIPTIONS = frozenset({"svg:title", "svg:desc"})
_LISTS = frozenset({"text:list", "text:list-item", "text:list-header"})
_MAX_LEVEL = 9  # of headings and of lists
_MAX_SPACES = 100  # of one text:s
_TITLE = "Title"  # the style's name in files of every language


@dataclass(slots=True)
class _Paragraph:
    """An open paragraph. The paragraphs of notes and frames are nested in the one around them."""

    level: int = 0  # heading level from 1; 0: no heading
    is_title: bool = False
    mark: str = ""  # indentation and bullet or number of a list item
    label: str = ""  # number of a heading
    has_page_number: bool = False
    pieces: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Frame:
    """An open frame: a box with text, a picture or an object."""

    has_picture: bool = False
    formula: str = ""  # of its object
    texts: dict[str, str] = field(default_factory=dict)  # its title and its description


@dataclass(slots=True)
class TextHandler:
    """Builds blocks from the elements of the content. `finish` must follow the last element."""

    layout: BlockLayout = field(default_factory=BlockLayout)  # of the text, or of the open slide
    numbering: OdfNumbering = field(default_factory=OdfNumbering)
    scripts: OdfScripts = field(default_factory=OdfScripts)
    read_formula: Callable[[str], str] = lambda path: ""  # of the object at a path in the package
    in_margin: bool = False  # the part is `styles.xml`, with page headers and footers
    title: str | None = None  # the first paragraph in the style "Title"
    pages: list[BlockLayout] = field(default_factory=list)  # finished slides
    _parents: dict[str, str] = field(default_factory=dict)  # paragraph style → parent style
    _paragraphs: list[_Paragraph] = field(default_factory=list)
    _skipped: int = 0  # open elements inside a skipped one, itself included
    _lists: int = 0  # open lists
    _at_item_start: bool = False  # the open list item has no paragraph yet
    _in_list: bool = False  # the paragraph before was in a list
    _tables: list[bool] = field(default_factory=list)  # per open table: its first row is to come
    _header_rows: int = 0  # open table:table-header-rows
    _open_notes: int = 0  # open notes, comments and pages of speaker notes
    _author: list[str] | None = None  # pieces of the open comment's author
    _note: list[str] = field(default_factory=list)  # paragraphs of the open note
    _notes: list[str] = field(default_factory=list)  # finished notes, to be added at the end
    _frame: str = ""  # presentation:class of the open frame
    _frames: list[_Frame] = field(default_factory=list)  # open ones
    _description: list[str] | None = None  # pieces of a frame's open title or description
    _slide_title: list[str] = field(default_factory=list)  # paragraphs of the open slide's title

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag."""
        if self._skipped or tag in _SKIPPED or self._is_repeated_frame(tag, attributes):
            self._skipped += 1
        elif tag in {"text:p", "text:h"}:
            self._start_paragraph(tag, attributes)
        elif tag in _INLINE:
            self._start_inline(tag, attributes)
        elif tag in _LISTS:
            self._start_list_element(tag, attributes)
        elif tag.startswith("draw:") and tag != "draw:page":
            self._start_drawing(tag, attributes)
        elif tag in _DESCRIPTIONS:
            self._description = []
        elif tag in _STYLES:
            self._start_style(tag, attributes)
        elif tag in _NOTES:
            self._open_notes += 1
        elif tag == "dc:creator" and self._open_notes:
            self._author = []
        elif tag == "draw:page":
            self.layout, self._frame = BlockLayout(), ""
        else:
            self.numbering.start(tag, attributes)
            self._start_table_element(tag)

    def _start_inline(self, tag: str, attributes: Attributes) -> None:
        if tag == "text:span":
            self._append(self.scripts.open_span(attributes))
        elif tag in _SPACES:
            self._append_space(tag, attributes)
        elif self._paragraphs:
            self._paragraphs[-1].has_page_number = True

    def _append(self, mark: str) -> None:
        if mark and self._paragraphs:
            self._paragraphs[-1].pieces.append(mark)

    def _start_style(self, tag: str, attributes: Attributes) -> None:
        if tag == "style:text-properties":
            self.scripts.start_properties(attributes)
            return
        name = attributes.get("style:name", "")
        self._parents[name] = attributes.get("style:parent-style-name", "")
        self.scripts.start_style(attributes)
        self.numbering.start(tag, attributes)

    def _start_list_element(self, tag: str, attributes: Attributes) -> None:
        if tag == "text:list":
            self._lists += 1
            self.numbering.open_list(attributes)
        else:
            self._at_item_start = tag == "text:list-item"
            self.numbering.open_item(tag, attributes)

    def _start_drawing(self, tag: str, attributes: Attributes) -> None:
        if tag == "draw:frame":
            self._frames.append(_Frame())
        elif tag == "draw:image" and self._frames:
            self._frames[-1].has_picture = True
        elif tag == "draw:object" and self._frames:
            self._frames[-1].formula = self.read_formula(attributes.get("href", ""))

    def _start_table_element(self, tag: str) -> None:
        if tag == "table:table":
            self._tables.append(True)
        elif tag == "table:table-header-rows":
            self._header_rows += 1
        elif tag == "table:table-row" and self._tables:
            self.layout.open_row()
        elif tag in _CELLS and self._tables:
            self.layout.open_cell()

    def text(self, characters: str) -> None:
        """Handle the characters between two tags."""
        if self._skipped:
            return
        if self._description is not None:
            self._description.append(characters)
        elif self._author is not None:
            self._author.append(characters)
        elif self._paragraphs:
            self._paragraphs[-1].pieces.append(characters.replace("\n", " ").replace("\t", " "))

    def end(self, tag: str) -> None:
        """Handle an end tag."""
        if self._skipped:
            self._skipped -= 1
        elif tag in {"text:p", "text:h"}:
            self._end_paragraph(self._paragraphs.pop())
        elif tag == "text:span":
            self._append(self.scripts.close_span())
        elif tag == "text:list":
            self._lists -= 1
            self.numbering.end(tag)
            self._in_list = self._in_list and self._lists > 0
        elif tag == "dc:creator" and self._author is not None:
            name, self._author = property_title("".join(self._author), ""), None
            self._note.append(f"Comment by {name}:" if name else "Comment:")
        elif tag in _NOTES:
            self._end_note(tag)
        elif tag in _DESCRIPTIONS or tag == "draw:frame":
            self._end_frame_element(tag)
        elif tag == "draw:page":
            self._end_slide()
        else:
            self.numbering.end(tag)
            self._end_table_element(tag)

    def _end_table_element(self, tag: str) -> None:
        if tag == "table:table-header-rows":
            self._header_rows -= 1
        elif tag == "table:table-row" and self._tables:
            first = self._tables[-1]
            header = True if self._header_rows else None
            self._tables[-1] = not self.layout.close_row(first=first, header=header) and first
        elif tag == "table:table" and self._tables:
            self._tables.pop()

    def finish(self) -> None:
        """Add the collected notes and comments at the end."""
        for note in self._notes:
            self.layout.add(note)
        self._notes.clear()

    def _end_frame_element(self, tag: str) -> None:
        """Add the formula of a frame, or the alternative text of its picture, at its end."""
        if tag in _DESCRIPTIONS:
            if self._frames and self._description is not None:
                self._frames[-1].texts[tag] = "".join(self._description)
            self._description = None
            return
        self._frame = ""
        if not self._frames:
            return
        frame = self._frames.pop()
        text = frame.formula
        if not text and frame.has_picture:
            described = map(image_description, map(frame.texts.get, ("svg:desc", "svg:title")))
            text = next((f"[{description}]" for description in described if description), "")
        if text and self._paragraphs:
            self._paragraphs[-1].pieces.append(f" {text} ")
        elif text:
            self.layout.add(text)

    def _is_repeated_frame(self, tag: str, attributes: Attributes) -> bool:
        """Return whether a frame repeats on every slide. Remembers the class of any frame."""
        if tag == "draw:frame":
            self._frame = attributes.get("presentation:class", "")
        return tag == "draw:frame" and self._frame in _REPEATED_FRAMES

    def _start_paragraph(self, tag: str, attributes: Attributes) -> None:
        level = 0
        if tag == "text:h":
            value = attributes.get("text:outline-level", "1")[:3]
            level = min(int(value) if value.isdecimal() else 1, _MAX_LEVEL) or 1
        style = attributes.get("text:style-name", "")
        is_title = _TITLE in {style, self._parents.get(style)}
        mark = label = ""
        if self._lists and not self._open_notes:
            indent = "  " * (min(self._lists, _MAX_LEVEL) - 1)
            label = self.numbering.item_label() if self._at_item_start else ""
            mark = indent + (f"{label or '-'} " if self._at_item_start else "  ")
            self._at_item_start = False
        elif level:
            label = self.numbering.heading_label(level, attributes)
        self._paragraphs.append(_Paragraph(level, is_title, mark, label if level else ""))

    def _append_space(self, tag: str, attributes: Attributes) -> None:
        if not self._paragraphs:
            return
        value = attributes.get("text:c", "1")[:4]
        count = min(int(value), _MAX_SPACES) if value.isdecimal() else 1
        characters = {"text:tab": "\t", "text:line-break": "\n"}
        self._paragraphs[-1].pieces.append(characters.get(tag, " " * count))

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        lines = write_scripts("".join(paragraph.pieces)).split("\n")
        lines = [" ".join(filter(None, line.split(" "))).strip() for line in lines]
        text = "\n".join(lines).strip()
        if not text or (self.in_margin and paragraph.has_page_number):
            return
        if self._open_notes:
            self._note.append(text)
            return
        words = " ".join(text.split())
        if self._frame == "title":
            self._slide_title.append(words)
            return
        if paragraph.is_title and self.title is None:
            self.title, paragraph.level = words, 1
        if paragraph.level:
            self.layout.add(f"{paragraph.label} {words}".strip(), level=paragraph.level)
        else:
            self.layout.add(paragraph.mark + text, tight=bool(paragraph.mark) and self._in_list)
        self._in_list = bool(paragraph.mark)

    def _end_note(self, tag: str) -> None:
        self._open_notes -= 1
        if self._open_notes and tag != "presentation:notes":
            return
        text = "\n".join(self._note).replace(":\n", ": ", 1 if tag == "office:annotation" else 0)
        self._note.clear()
        if text:
            self._notes.append(f"Notes: {text}" if tag == "presentation:notes" else text)

    def _end_slide(self) -> None:
        """Put the slide's title first and its notes last."""
        page = BlockLayout()
        page.add(" ".join(self._slide_title), level=1)
        page.blocks += self.layout.blocks
        self.layout = page
        self.finish()
        self._slide_title.clear()
        self.pages.append(page)
