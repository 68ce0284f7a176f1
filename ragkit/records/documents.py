"""What readers extract from files: documents with structure, and passages; without I/O.

Every offset is a number of characters (Python code points) into `Document.text`; spans are half
open: `[start, end)`. Hits are apart, in `records.hits`: a query needs none of these. Does not know
files, models, databases or the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragkit.records.text import shorten


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: the span of its line or lines in the text, and its text without markup."""

    start: int
    end: int
    level: int  # 1 is the highest
    text: str


@dataclass(frozen=True, slots=True)
class Locator:
    """The place in the file of the text from `start` to the next locator."""

    start: int
    kind: str  # slide, sheet, cell (of a notebook), chapter, time
    value: str  # "7", "Budget!A5:F5", "00:01:02.500-00:01:04"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: one line of text per row, its header rows first."""

    start: int
    end: int
    header_end: int  # offset of the first row after the header; `start` if there is no header


@dataclass(frozen=True, slots=True)
class Recognition:
    """The pages whose text was recognised in images (OCR)."""

    pages: tuple[int, ...] = ()  # from 1, ascending
    engine: str | None = None  # "tesseract 5.3.0"
    languages: str | None = None  # "eng+deu"; None if the engine has no such option
    confidence: float | None = None  # 0 to 100, the engine's mean over all words
    left: int = 0  # number of page images that were not read


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """The text and structure that a reader extracts from one file, or from one record in it.

    `text` contains no NUL and no lone surrogate; its lines end with "\\n".
    """

    text: str
    media_type: str
    title: str | None = None  # the document's own title, never its file name
    headings: tuple[Heading, ...] = ()  # in text order, not overlapping
    fences: tuple[tuple[int, int], ...] = ()  # code and preformatted blocks, in text order
    pages: tuple[int, ...] = ()  # offsets of the starts of pages 1, 2, …; () without pages
    lines: bool = False  # the text's line numbers are those of the file
    locators: tuple[Locator, ...] = ()  # in text order; for formats with neither pages nor lines
    tables: tuple[Table, ...] = ()  # in text order, not overlapping
    encoding: str | None = None  # of the bytes, for text formats
    encoding_by: str | None = None  # bom, valid, zeros, declared, partly, guessed: docs/formats.md
    media_type_by: str | None = None  # the type was detected by: content or name
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()  # what was lost or guessed, one phrase each
    recognition: Recognition | None = None  # of formats that may have pages without a text layer

    def __repr__(self) -> str:
        characters = f"{len(self.text):,} characters"
        return f"Document({self.media_type}, {self.title!r}, {characters}, {shorten(self.text)!r})"


@dataclass(frozen=True, slots=True)
class Record:
    """One document of a file that may contain several, or the reason why it could not be read.

    `name` identifies it in the file: "" for the file's own document, "guide/intro.md" in an
    archive, "3" for the third message of a mailbox, "3/report.pdf" for an attachment of it. A
    record without a document and with the name "" is the reason for the complete file.
    """

    name: str
    document: Document | None = None
    reason: str | None = None
    skipped: bool = False  # it is not a document, as opposed to damaged
    kind: str = "damaged"  # the reason in a word: see docs/formats.md


@dataclass(frozen=True, slots=True, repr=False)
class Passage:
    """A span of a document that fits an encoder's window. `text == document.text[start:end]`."""

    start: int
    end: int
    text: str
    heading: tuple[str, ...]  # heading path, outermost first
    header: str  # put before `text` to embed it: title, heading, table header
    tokens: int  # of header + text, special tokens not counted
    page: int | None = None  # from 1; the first with a substantial part of it
    locator: str | None = None  # "page=7-8", "sheet=Budget!A2:F9"; None without pages and locators
    start_line: int | None = None  # from 1, inclusive; None if the format has no lines
    end_line: int | None = None

    def __repr__(self) -> str:
        return f"Passage({self.start}-{self.end}, {self.tokens} tokens, {shorten(self.text)!r})"
