r"""RTF (specification 1.9.1) → Document: paragraphs, headings, lists, tables, notes and comments.

The parser makes one pass over groups, control words and control symbols. Its stack of open groups
is bounded and its time is linear. Knows code pages, `\u` and tables; not pictures, embedded objects
or page layout.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from ragkit.documents.formats.office.symbol_fonts import (
    is_symbol_font,
    replace_symbols,
    symbols_of_bytes,
)
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.cleaning import property_title
from ragkit.documents.layout.scripts import SCRIPT_MARKS, write_scripts
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import RTF

_TOKEN = re.compile(
    rb"""\\(?:(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})?[ ]?
             |'(?P<hex>[0-9a-fA-F]{2}) | (?P<symbol>[^a-zA-Z'0-9]))
    | (?P<brace>[{}]) | [\r\n]+ | (?P<text>[^\\{}\r\n]+)""",
    re.VERBOSE,
)
_MAX_OPEN_GROUPS = 1000  # deeper groups are read as if they were part of this one
_MAX_FALLBACK = 9  # characters that `\uc` may announce
_MAX_INFORMATION = 1000  # characters of one document property
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Destinations without text of the document. A group that begins with `\*` and an unknown control
# word is skipped as well.
_SKIPPED_DESTINATIONS = _names(
    "colortbl filetbl listtable listoverridetable revtbl rsidtbl generator pict objdata objclass"
    " fldinst datafield formfield bkmkstart bkmkend atnid atnauthor atnref atndate atntime"
    " atnparent atnicn xe tc tcn rxe ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn template"
    " themedata colorschememapping datastore latentstyles xmlnstbl nonshppict sp nesttableprops"
    " nonesttables nexctfile private1 pntxta pntxtb pnseclvl mmath userprops docvar"
)
_KEPT_DESTINATIONS = _names("shpinst fldrslt pntext listtext footnote annotation")  # despite `\*`
_NOTE_DESTINATIONS = _names("footnote annotation")
_MARGIN_DESTINATIONS = _names("header headerl headerr headerf footer footerl footerr footerf")
_MARK_DESTINATIONS = _names("pntext listtext")  # the bullet or number of a list item
_TABLE_DESTINATIONS = _names("fonttbl stylesheet info")
_INFORMATION = {
    "title": "title",
    "author": "author",
    "subject": "subject",
    "keywords": "keywords",
    "doccomm": "description",
    "creatim": "created",
    "revtim": "modified",
}
_INFORMATION_KEYS = frozenset(_INFORMATION.values())
_DATE_KEYS = frozenset({"created", "modified"})
_CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "lbr": "\n",
    "nestcell": " ",
    "nestrow": "\n",
    "emdash": "—",
    "endash": "–",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "~": " ",
    "_": "-",
    "\\": "\\",
    "{": "{",
    "}": "}",
}
_SCRIPT_WORDS = {"super": "superscript", "sub": "subscript", "up": "superscript", "dn": "subscript",
                 "nosupersub": ""}  # fmt: skip
_PARAGRAPH_ENDS = frozenset({"par", "sect", "page", "column", "\n", "\r"})
_CODE_PAGES = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
# `\fcharset` → encoding. 0 (ANSI) and 1 (default) mean the document's own code page.
_FONT_CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    255: "cp437",
}


def read_rtf(data: bytes, name: str) -> Document:
    """Read an RTF file: body text first, then notes, comments, headers and footers.

    A truncated file is read up to its end and gets a warning. Raises `DocumentError` if the data
    does not begin with `{\\rtf`.
    """
    if not data.startswith(b"{\\rtf"):
        raise DocumentError("damaged rtf: it does not begin with {\\rtf")
    parser = _Parser(data)
    parser.run()
    return parser.document(name)


class _Group(NamedTuple):
    """The state that ends with a group."""

    destination: str = "text"  # where the group's text goes; "": the text is dropped
    encoding: str = "cp1252"
    fallback: int = 1  # characters after `\\u` for readers without Unicode, set by `\\uc`
    hidden: bool = False
    symbol_font: str = ""  # the name of the font, if its letters are signs
    script: str = ""  # "superscript" or "subscript" where the text is raised or lowered


@dataclass(slots=True)
class _Style:
    """The properties of a paragraph style that matter for text extraction."""

    level: int = 0  # heading level from 1; 0: no heading
    title: bool = False


@dataclass(slots=True)
class _Header:
    """The tables before the body: code page, fonts, style sheet and document properties."""

    code_page: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)  # font number → encoding
    symbol_fonts: dict[int, str] = field(default_factory=dict)  # font number → name
    styles: dict[int, _Style] = field(default_factory=dict)  # style number → style
    information: dict[str, str] = field(default_factory=dict)  # title, author, created, …
    _font: int = 0  # number of the open font entry
    _font_name: str = ""  # so far
    _style: int = 0  # number of the open style entry
    _date: dict[str, int] = field(default_factory=dict)  # "yr", "mo", "dy" → number

    def encoding(self, font: int) -> str:
        """Return the encoding of text in a font: the font's own, or the document's code page."""
        return self.fonts.get(font, self.code_page)

    def set_code_page(self, word: str, number: int | None) -> None:
        """Apply `\\ansi`, `\\mac`, `\\pc`, `\\pca` or `\\ansicpg`."""
        self.code_page = _CODE_PAGES.get(word) or _code_page_codec(number)

    def font_word(self, word: str, number: int | None) -> None:
        """Apply a control word inside `\\fonttbl`."""
        if word == "f":
            self._font = number or 0
        elif word == "fcharset" and number in _FONT_CHARSETS:
            self.fonts[self._font] = _FONT_CHARSETS[number]
        elif word == "cpg" and number:
            self.fonts[self._font] = _code_page_codec(number)

    def font_text(self, text: str) -> None:
        """Keep the name of a font, which a semicolon ends, if its letters are signs."""
        *names, self._font_name = (self._font_name + text).split(";")
        for name in map(str.strip, names):
            if is_symbol_font(name):
                self.symbol_fonts[self._font] = name
        self._font_name = self._font_name[-_MAX_INFORMATION:]

    def style_word(self, word: str, number: int | None) -> None:
        """Apply a control word inside `\\stylesheet`."""
        if word == "s":
            self._style = number or 0
            self.styles[self._style] = _Style()
        elif word == "outlinelevel" and self._style in self.styles:
            self.styles[self._style].level = _heading_level(number)

    def end_style(self, name: str) -> None:
        """Finish a style definition with its name, which is English in files of every language."""
        style = self.styles.get(self._style)
        if style is not None and name:
            style.title = style.title or name.casefold() == "title"
            if heading := _HEADING.fullmatch(name):
                style.level = style.level or int(heading[1])

    def date_word(self, word: str, number: int | None) -> None:
        """Keep one component of a date, such as `\\yr2024`."""
        self._date[word] = number or 0

    def end_information(self, key: str, text: str) -> None:
        """Store one document property; a date consists of numbers instead of text."""
        date, self._date = self._date, {}
        if date:
            text = f"{date.get('yr', 0):04}-{date.get('mo', 1):02}-{date.get('dy', 1):02}"
        if text := " ".join(text.split())[:_MAX_INFORMATION]:
            self.information.setdefault(key, text)


@dataclass(slots=True)
class _Body:
    """Builds blocks (headings, list items, paragraphs, table rows) from complete paragraphs."""

    layout: BlockLayout = field(default_factory=BlockLayout)
    style: _Style = field(default_factory=_Style)  # of the open paragraph
    in_table: bool = False
    title: str | None = None
    cell: list[str] = field(default_factory=list)  # paragraphs of the open cell
    _row: list[str] = field(default_factory=list)  # finished cells of the open row
    _after_row: bool = False  # the last block is a table row
    _after_item: bool = False  # the last block is a list item

    def reset_paragraph(self) -> None:
        """Apply `\\pard`: the open paragraph has no style and is in no table."""
        self.in_table, self.style = False, _Style()

    def end_paragraph(self, text: str, mark: str) -> None:
        """Add a paragraph. `mark` is its bullet or number; "" if it is no list item."""
        if self.in_table:
            self.cell.append(text)
            return
        self.end_row()  # a table without a final `\row`
        if not text:
            return
        self._after_row = False
        if self.style.title and self.title is None:
            self.title = " ".join(text.split())
        if depth := self.style.level or int(self.style.title):
            self.layout.add(" ".join(text.split()), level=depth)
        elif mark:
            mark = mark if any(map(str.isalnum, mark)) else "-"
            self.layout.add(f"{mark} {text}", tight=self._after_item)
        else:
            self.layout.add(text)
        self._after_item = bool(mark)

    def end_cell(self, text: str = "") -> None:
        """Finish a cell. `text` is its last paragraph."""
        self._row.append(" ".join(filter(None, (*self.cell, text))))
        self.cell.clear()

    def end_row(self) -> None:
        """Finish the open row, if there is one."""
        if self.cell:
            self.end_cell()
        if not self._row:
            return
        self.layout.open_row()
        for cell in self._row:
            self.layout.open_cell()
            self.layout.add(cell)
        self._after_row |= self.layout.close_row(first=not self._after_row)
        self._after_item = False
        self._row.clear()


@dataclass(slots=True)
class _Parser:
    """The tokenizer's position and the state of the open groups."""

    data: bytes
    position: int = 0  # bytes
    header: _Header = field(default_factory=_Header)
    body: _Body = field(default_factory=_Body)
    groups: list[_Group] = field(default_factory=list)  # states to return to
    group: _Group = field(default_factory=_Group)  # the current state
    surplus_groups: int = 0  # open groups beyond _MAX_OPEN_GROUPS
    at_group_start: bool = False  # nothing but `\\*` since the group opened
    optional: bool = False  # `\\*` opened the group: skip it if the destination is unknown
    skip: int = 0  # fallback characters of a `\\u` that are still to be skipped
    raw: bytearray = field(default_factory=bytearray)  # bytes that are not decoded yet
    pieces: dict[str, list[str]] = field(default_factory=dict)  # destination → decoded text
    notes: list[str] = field(default_factory=list)  # notes, comments, headers, footers

    def run(self) -> None:
        """Parse up to the end of the outermost group, or of the data."""
        search = _TOKEN.search
        while (token := search(self.data, self.position)) is not None:
            self.position = token.end()
            kind = token.lastgroup
            if kind == "text":
                self._append_bytes(token["text"])
            elif kind in {"word", "number"}:
                self._control_word(token["word"].decode(), token["number"])
            elif kind == "brace":
                if token["brace"] == b"{":
                    self._open_group()
                else:
                    self._close_group()
                    if not self.groups:
                        break
            elif kind == "hex":
                self._append_bytes(bytes((int(token["hex"], 16),)))
            elif kind == "symbol":
                self._control_symbol(token["symbol"].decode("latin-1"))
        self._decode()
        self._end_paragraph()
        self._end_row()

    def document(self, name: str) -> Document:
        """Return the document that was parsed; `name` is the file's name."""
        for note in dict.fromkeys(self.notes):
            self.body.layout.add(note)
        body = self.body.layout.document(RTF)
        metadata = self.header.information
        title = property_title(metadata.pop("title", None), name)
        if not property_title(metadata.get("author"), ""):
            metadata.pop("author", None)
        return Document(
            body.text,
            RTF,
            title=self.body.title or title,
            headings=body.headings,
            tables=body.tables,
            metadata=metadata,
            warnings=("cut off: read as far as it goes",) if self.groups else (),
        )

    def _open_group(self) -> None:
        self._decode()
        self.skip = 0
        self.at_group_start, self.optional = True, False
        if len(self.groups) < _MAX_OPEN_GROUPS:
            self.groups.append(self.group)
        else:
            self.surplus_groups += 1

    def _close_group(self) -> None:
        self._decode()
        self.skip, self.at_group_start = 0, False
        if self.surplus_groups:
            self.surplus_groups -= 1
            return
        if not self.groups:
            return
        destination, self.group = self.group.destination, self.groups.pop()
        if destination == "stylesheet":
            self.header.end_style(self._take_text(destination).rstrip(";"))
        if destination != self.group.destination:
            self._end_destination(destination)

    def _append_bytes(self, data: bytes) -> None:
        self.at_group_start = False
        if self.skip:
            remaining = max(0, self.skip - len(data))
            data, self.skip = data[self.skip :], remaining
        if self.group.destination and not self.group.hidden:
            self.raw += data

    def _decode(self) -> None:
        """Decode the pending bytes together: a two-byte character may span two tokens."""
        if self.raw:
            if self.group.symbol_font:
                text = symbols_of_bytes(bytes(self.raw), self.group.symbol_font)
            else:
                text = self.raw.decode(self.group.encoding, errors="replace")
            self.raw.clear()
            self._keep(text)

    def _append_text(self, text: str) -> None:
        if self.group.destination and not self.group.hidden:
            self._decode()
            self._keep(text)

    def _keep(self, text: str) -> None:
        if self.group.destination == "fonttbl":
            self.header.font_text(text)
            return
        if self.group.script and self.group.destination == "text":
            start, end = SCRIPT_MARKS[self.group.script]
            text = f"{start}{text}{end}"
        self.pieces.setdefault(self.group.destination, []).append(text)

    def _take_text(self, destination: str) -> str:
        """Return the text collected in `destination`, normalised, and empty the destination."""
        text = write_scripts("".join(self.pieces.pop(destination, ())))
        if any("\ud800" <= char <= "\udfff" for char in text):  # surrogate pairs from two `\u`
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        lines = (" ".join(line.split(" ")) for line in text.split("\n"))
        return "\n".join(line.strip() for line in lines).strip()

    def _control_symbol(self, symbol: str) -> None:
        if symbol == "*":
            self.optional = True
        elif self.skip:
            self.skip -= 1
        elif symbol in _PARAGRAPH_ENDS:
            self._control_word("par", None)
        elif symbol in _CHARACTERS:
            self._append_text(_CHARACTERS[symbol])

    def _control_word(self, word: str, digits: bytes | None) -> None:
        number = int(digits) if digits else None
        at_group_start, self.at_group_start = self.at_group_start, False
        if word == "bin":
            self.position += max(0, number or 0)
        elif at_group_start and self._set_destination(word):
            return
        elif word == "u" and number is not None:
            char, font = chr(number & 0xFFFF), self.group.symbol_font
            self._append_text(replace_symbols(char, font) if font else char)
            self.skip = self.group.fallback
        elif word in _CHARACTERS:
            self._append_text(_CHARACTERS[word])
        elif self.group.destination:
            self._decode()
            self._formatting_word(word, number)

    def _set_destination(self, word: str) -> bool:
        """Set the destination of the group that `word` opens; return False if it names none."""
        destination = self.group.destination
        if not destination:
            return True
        new: str | None = None
        if word in _SKIPPED_DESTINATIONS or (self.optional and word not in _KEPT_DESTINATIONS):
            new = ""
        elif word in _TABLE_DESTINATIONS:
            new = word
        elif destination == "info":
            new = _INFORMATION.get(word, "")
        elif word in _MARK_DESTINATIONS:
            new = "mark"
        elif word in _NOTE_DESTINATIONS:
            new = word
        elif word in _MARGIN_DESTINATIONS:
            new = "header"
        if new is None:
            return False
        self.group = self.group._replace(destination=new, hidden=False, script="")
        return True

    def _end_destination(self, destination: str) -> None:
        """Store the text of a destination whose group has closed."""
        if destination in _INFORMATION_KEYS:
            self.header.end_information(destination, self._take_text(destination))
        elif destination in _NOTE_DESTINATIONS or destination == "header":
            text = self._take_text(destination)
            if any(map(str.isalpha, text)):  # otherwise it is a page number or a note mark
                self.notes.append(f"Comment: {text}" if destination == "annotation" else text)

    def _formatting_word(self, word: str, number: int | None) -> None:
        """Apply a control word that changes the state of the group, or the tables of the header."""
        group = self.group
        if group.destination == "fonttbl":
            self.header.font_word(word, number)
        elif group.destination == "stylesheet":
            self.header.style_word(word, number)
        elif group.destination in _DATE_KEYS:
            self.header.date_word(word, number)
        elif word in {"v", "deleted"}:
            self.group = group._replace(hidden=number != 0)
        elif word == "plain":
            self.group = group._replace(
                hidden=False, encoding=self.header.code_page, symbol_font="", script=""
            )
        elif word in _SCRIPT_WORDS:
            is_on = number != 0 if word in {"super", "sub"} else number is None or number > 0
            self.group = group._replace(script=_SCRIPT_WORDS[word] if is_on else "")
        elif word == "uc":
            self.group = group._replace(fallback=min(max(number or 0, 0), _MAX_FALLBACK))
        elif word == "f":
            self.group = group._replace(
                encoding=self.header.encoding(number or 0),
                symbol_font=self.header.symbol_fonts.get(number or 0, ""),
            )
        elif word in _CODE_PAGES or word == "ansicpg":
            self.header.set_code_page(word, number)
            self.group = group._replace(encoding=self.header.code_page)
        elif group.destination != "text":
            if word in _PARAGRAPH_ENDS or word == "cell":
                self._append_text("\n" if word in _PARAGRAPH_ENDS else " ")
        else:
            self._paragraph_word(word, number)

    def _paragraph_word(self, word: str, number: int | None) -> None:
        """Apply a control word that ends a paragraph, cell or row, or sets a paragraph's style."""
        if word in _PARAGRAPH_ENDS:
            self._end_paragraph()
        elif word == "cell":
            self._end_cell()
        elif word == "row":
            self._end_row()
        elif word == "pard":
            self.body.reset_paragraph()
        elif word == "intbl":
            self.body.in_table = True
        elif word == "s":
            self.body.style = self.header.styles.get(number or 0, _Style())
        elif word == "outlinelevel":
            self.body.style = _Style(_heading_level(number))

    def _end_paragraph(self) -> None:
        text, mark = self._take_text("text"), self._take_text("mark")
        self.body.end_paragraph(text, mark)

    def _end_cell(self) -> None:
        self.body.end_cell(self._take_text("text"))
        self.pieces.pop("mark", None)

    def _end_row(self) -> None:
        if self.body.cell:
            self._end_cell()
        self.body.end_row()


def _heading_level(number: int | None) -> int:
    """Return the heading level of an `\\outlinelevel`; 0 for body text (9) and invalid values."""
    return number + 1 if number is not None and 0 <= number < 9 else 0


def _code_page_codec(number: int | None) -> str:
    """Return Python's codec name of a Windows code page; "cp1252" if Python has no such codec."""
    codec = {65001: "utf-8", 10000: "mac_roman"}.get(number or 0, f"cp{number}")
    try:
        return codecs.lookup(codec).name
    except LookupError:
        return "cp1252"
