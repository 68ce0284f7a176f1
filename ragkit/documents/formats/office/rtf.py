r"""RTF → Document: paragraphs, headings, tables and notes, in the characters that were meant.

One pass over the control words, with a stack of open groups that stops growing where it would
hurt; time is linear. Knows code pages, `\u` and tables; no pictures, no embedded objects, and no
layout. The words themselves are in `rtfwords`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from ragkit.documents.formats.office import rtf_words as words
from ragkit.documents.formats.office.rtf_body import Body
from ragkit.documents.formats.office.rtf_header import Header, Style, level
from ragkit.documents.layout.titles import property_title
from ragkit.documents.parts import laid_out
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import RTF

_TOKEN = re.compile(
    rb"""\\(?:(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,9})?[ ]?
             |'(?P<hex>[0-9a-fA-F]{2}) | (?P<sign>[^a-zA-Z'0-9]))
    | (?P<brace>[{}]) | [\r\n]+ | (?P<text>[^\\{}\r\n]+)""",
    re.VERBOSE,
)
_DEEPEST = 1000  # open groups; those below are read as if they were this one


_ASIDES = frozenset({"footnote", "annotation", "header"})
_INFORMATION = frozenset(words.INFORMATION.values())


class _Group(NamedTuple):
    """What holds until the group closes."""

    place: str = "text"  # where its text goes: "" is nowhere
    encoding: str = "cp1252"
    fallback: int = 1  # characters that stand in for a `\\u`, for readers that do not know it
    hidden: bool = False


def read_rtf(data: bytes, name: str) -> Document:
    """The text of an RTF file, notes and comments last. A file that is cut off is read as far as
    it goes, with a warning.

    Raises `DocumentError` where it is no RTF.
    """
    if not data.startswith(b"{\\rtf"):
        raise DocumentError("damaged rtf: it does not begin with {\\rtf")
    walk = _Walk(data)
    walk.run()
    return walk.document(name)


@dataclass(slots=True)
class _Walk:
    """Where in the file the reader is."""

    data: bytes
    at: int = 0
    body: Body = field(default_factory=Body)
    groups: list[_Group] = field(default_factory=list)
    group: _Group = field(default_factory=_Group)
    deeper: int = 0  # open groups below the deepest that counts
    opening: bool = False  # nothing but `\\*` since the group opened
    optional: bool = False  # `\\*` has been seen
    skip: int = 0  # characters of a fallback that are still to come
    raw: bytearray = field(default_factory=bytearray)  # bytes that wait to be decoded
    pieces: dict[str, list[str]] = field(default_factory=dict)  # text by place
    header: Header = field(default_factory=Header)
    asides: list[str] = field(default_factory=list)  # notes, comments, headers

    def run(self) -> None:
        """Read to the end, or to where the outermost group closes."""
        match = _TOKEN.search
        while (token := match(self.data, self.at)) is not None:
            self.at = token.end()
            kind = token.lastgroup
            if kind == "text":
                self._bytes(token["text"])
            elif kind in {"word", "number"}:
                self._word(token["word"].decode(), token["number"])
            elif kind == "brace":
                if token["brace"] == b"{":
                    self._open()
                else:
                    self._close()
                    if not self.groups:
                        break
            elif kind == "hex":
                self._bytes(bytes((int(token["hex"], 16),)))
            elif kind == "sign":
                self._sign(token["sign"].decode("latin-1"))
        self._decode()
        self._end_paragraph()
        self._end_row()

    def document(self, name: str) -> Document:
        """What has been read."""
        for aside in dict.fromkeys(self.asides):
            self.body.flow.add(aside)
        found = laid_out(self.body.flow, RTF)
        metadata = self.header.information
        title = property_title(metadata.pop("title", None), name)
        if not property_title(metadata.get("author"), ""):
            metadata.pop("author", None)
        return Document(
            found.text,
            RTF,
            title=self.body.title or title,
            headings=found.headings,
            tables=found.tables,
            metadata=metadata,
            warnings=("cut off: read as far as it goes",) if self.groups else (),
        )

    def _open(self) -> None:
        self._decode()
        self.skip = 0
        self.opening, self.optional = True, False
        if len(self.groups) < _DEEPEST:
            self.groups.append(self.group)
        else:
            self.deeper += 1

    def _close(self) -> None:
        self._decode()
        self.skip, self.opening = 0, False
        if self.deeper:
            self.deeper -= 1
            return
        if not self.groups:
            return
        place, self.group = self.group.place, self.groups.pop()
        if place == "stylesheet":
            self.header.end_style(self._take(place).rstrip(";"))
        if place != self.group.place:
            self._leave(place)

    def _bytes(self, data: bytes) -> None:
        self.opening = False
        if self.skip:
            left = max(0, self.skip - len(data))
            data, self.skip = data[self.skip :], left
        if self.group.place and not self.group.hidden:
            self.raw += data

    def _decode(self) -> None:
        """Turn the bytes that wait into text; a character of two may come from two tokens."""
        if self.raw:
            text = self.raw.decode(self.group.encoding, errors="replace")
            self.raw.clear()
            self.pieces.setdefault(self.group.place, []).append(text)

    def _put(self, text: str) -> None:
        if self.group.place and not self.group.hidden:
            self._decode()
            self.pieces.setdefault(self.group.place, []).append(text)

    def _take(self, place: str) -> str:
        """The text that has come together in `place`, which is empty afterwards."""
        text = "".join(self.pieces.pop(place, ()))
        if any("\ud800" <= char <= "\udfff" for char in text):  # halves of one character
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        lines = (" ".join(line.split(" ")) for line in text.split("\n"))
        return "\n".join(line.strip() for line in lines).strip()

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self.optional = True
        elif self.skip:
            self.skip -= 1
        elif sign in words.PARAGRAPH_ENDS:
            self._word("par", None)
        elif sign in words.CHARACTERS:
            self._put(words.CHARACTERS[sign])

    def _word(self, word: str, digits: bytes | None) -> None:
        number = int(digits) if digits else None
        opening, self.opening = self.opening, False
        if word == "bin":
            self.at += max(0, number or 0)
        elif opening and self._destination(word):
            return
        elif word == "u" and number is not None:
            self._put(chr(number & 0xFFFF))
            self.skip = self.group.fallback
        elif word in words.CHARACTERS:
            self._put(words.CHARACTERS[word])
        elif self.group.place:
            self._decode()
            self._formatting(word, number)

    def _destination(self, word: str) -> bool:
        """Whether `word` says where the text of the group that has just opened goes."""
        place = self.group.place
        if not place:
            return True
        new: str | None = None
        if word in words.SKIPPED or (self.optional and word not in words.KEPT):
            new = ""
        elif word in {"fonttbl", "stylesheet", "info"}:
            new = word
        elif place == "info":
            new = words.INFORMATION.get(word, "")
        elif word in {"pntext", "listtext"}:
            new = "mark"
        elif word in words.HEADERS or word in {"footnote", "annotation"}:
            new = word if word in {"footnote", "annotation"} else "header"
        if new is None:
            return False
        self.group = self.group._replace(place=new, hidden=False)
        return True

    def _leave(self, place: str) -> None:
        """A group with a place of its own has closed."""
        text = self._take(place) if place in _ASIDES or place in _INFORMATION else ""
        if place in _INFORMATION:
            self.header.end_information(place, text)
        elif any(map(str.isalpha, text)):  # else it is a page number, or a mark
            self.asides.append(f"Comment: {text}" if place == "annotation" else text)

    def _formatting(self, word: str, number: int | None) -> None:
        """A control word that changes how text is read."""
        group, on = self.group, number != 0
        if group.place == "fonttbl":
            self.header.font(word, number)
        elif group.place == "stylesheet":
            self.header.style(word, number)
        elif group.place in {"created", "modified"}:
            self.header.date(word, number)
        elif word in {"v", "deleted"}:
            self.group = group._replace(hidden=on)
        elif word == "plain":
            self.group = group._replace(hidden=False, encoding=self.header.code_page)
        elif word == "uc":
            self.group = group._replace(fallback=min(max(number or 0, 0), 9))
        elif word == "f":
            self.group = group._replace(encoding=self.header.encoding(number or 0))
        elif word in words.CODE_PAGES or word == "ansicpg":
            self.header.character_set(word, number)
            self.group = group._replace(encoding=self.header.code_page)
        elif group.place != "text":
            if word in words.PARAGRAPH_ENDS or word == "cell":
                self._put("\n" if word in words.PARAGRAPH_ENDS else " ")
        else:
            self._paragraph(word, number)

    def _paragraph(self, word: str, number: int | None) -> None:
        """A control word that ends a paragraph, or says what the open one is."""
        if word in words.PARAGRAPH_ENDS:
            self._end_paragraph()
        elif word == "cell":
            self._end_cell()
        elif word == "row":
            self._end_row()
        elif word == "pard":
            self.body.plain()
        elif word == "intbl":
            self.body.in_table = True
        elif word == "s":
            self.body.style = self.header.styles.get(number or 0, Style())
        elif word == "outlinelevel":
            self.body.style = Style(level(number))

    def _end_paragraph(self) -> None:
        text, mark = self._take("text"), self._take("mark")
        self.body.end_paragraph(text, mark)

    def _end_cell(self) -> None:
        self.body.end_cell(self._take("text"))
        self.pieces.pop("mark", None)

    def _end_row(self) -> None:
        if self.body.cell:
            self._end_cell()
        self.body.end_row()
