"""The records that layers pass to each other: documents, passages, hits. Frozen, without I/O.

Every offset is a number of characters (Python code points) into `Document.text`; spans are half
open: `[start, end)`. Every score is a cosine similarity in [-1, 1], higher is closer, unless its
name says otherwise. Does not know files, models, databases or the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from operator import attrgetter
from typing import Any

SHOWN_IN_HTML = 300  # characters of a passage in a notebook
PRECISIONS = ("fp32", "int8")  # number formats of an encoder's weights
AUTO_PRECISION = "auto"  # as a setting: the first `index` run of a collection decides


def shorten(text: str, width: int = 50) -> str:
    """Return the beginning of a text on one line, at most `width` characters."""
    line = " ".join(text[: 4 * width].split())
    return line if len(line) <= width and len(text) <= 4 * width else f"{line[: width - 1]}…"


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


def embedded_text(header: str, text: str) -> str:
    """Return the text of a passage for the encoder and the lexical index: header, newline, text."""
    return f"{header}\n{text}" if header else text


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a passage is a hit: the words that it shares with the query, and its closest sentence."""

    words: Mapping[str, float]  # word of the query in the passage → its part of the BM25 score
    missing: tuple[str, ...]  # words of the query that are not in the passage
    taken_for: Mapping[str, str]  # misspelled word → the indexed word searched for
    share: float  # score by words as a share of the maximum for this query, 0 to 1
    sentence: str  # of the passage, with the highest cosine to the query
    sentence_score: float  # cosine
    start: int  # of the sentence; characters into the document's text
    end: int


@dataclass(frozen=True, slots=True)
class Location:
    """Another place of a hit's text: a passage with the same text, in this or another document."""

    passage_id: int
    path: str  # relative to `root`
    title: str  # of its document
    page: int | None
    locator: str | None
    start_line: int | None
    end_line: int | None
    start: int
    end: int
    citation: str  # `ragkit get` shows it
    stale: bool  # the file has changed or was deleted since it was indexed
    root: str
    document_id: int


@dataclass(frozen=True, slots=True)
class NewerVersion:
    """The newest version of a hit's document, as far as the collection has it."""

    path: str  # as `ragkit get` takes it
    document_id: int


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """A passage found for a query.

    `score` is the exact cosine of query and passage in every mode. It is None if the encoder cannot
    read the passage or the query: then the passage was found by its words. `scores` has the keys
    dense (cosine), lexical (BM25; in hybrid mode with coverage, docs/ranking.md), fused (of both)
    and rerank (a cross-encoder's, 0 to 1); None if that stage did not score the passage. `stale`:
    the file has changed or was deleted since it was indexed.
    """

    rank: int  # from 1
    score: float | None
    passage_id: int
    text: str
    path: str  # relative to `root`, "/" between its parts
    title: str
    heading: tuple[str, ...]
    page: int | None
    locator: str | None  # "slide=3", "page=7-8": where it begins and ends
    start_line: int | None
    end_line: int | None
    start: int
    end: int
    citation: str  # `ragkit get` shows it
    scores: Mapping[str, float | None]
    metadata: Mapping[str, str]
    stale: bool
    root: str  # absolute path of the indexed folder (or of the file's folder)
    document_id: int | None = (
        None  # id of the document in its collection; it stays when the file changes
    )
    explanation: Explanation | None = None  # if requested
    collection: str | None = None  # its name, where several collections were searched together
    # Spans of `text` that are words of the query in any form, ascending; if requested. Characters.
    highlights: tuple[tuple[int, int], ...] | None = None
    copies: int = 0  # other passages with the same text that match the filter
    also_at: tuple[Location, ...] = ()  # where these are: the first ones
    newer_version: NewerVersion | None = None  # of its document, if there is one

    def __repr__(self) -> str:
        score = "None" if self.score is None else f"{self.score:.2f}"
        return f"Hit({self.rank}, {score}, {self.citation!r}, {shorten(self.text)!r})"

    @property
    def locations(self) -> tuple[Hit | Location, ...]:
        """This hit and the other places of its text."""
        return (self, *self.also_at)

    def _repr_html_(self) -> str:
        return hits_table([self])

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as JSON values, as `ragkit query --json` prints it."""
        return hit_fields(self)


_HIT_FIELDS = tuple(column.name for column in fields(Hit))
_hit_values = attrgetter(*_HIT_FIELDS)


def hit_fields(hit: Hit, *, with_root: bool = True) -> dict[str, Any]:
    """Return a hit as JSON values; `explanation`, `collection`, `highlights` and `newer_version`
    only if they are set. The order of the fields is part of the API.

    `with_root=False` leaves out `root`, a folder of this machine.
    """
    values = dict(zip(_HIT_FIELDS, _hit_values(hit), strict=True))  # `asdict` is far slower
    values["also_at"] = [asdict(location) for location in hit.also_at]
    if not with_root:
        del values["root"]
        for location in values["also_at"]:
            del location["root"]
    if hit.explanation is None:
        del values["explanation"]
    else:
        values["explanation"] = asdict(hit.explanation)
    if hit.collection is None:
        del values["collection"]
    if hit.highlights is None:
        del values["highlights"]
    if hit.newer_version is None:
        del values["newer_version"]
    else:
        values["newer_version"] = asdict(hit.newer_version)
    return values


def hits_table(hits: Iterable[Hit]) -> str:
    """Return hits as an HTML table: rank, score, citation, heading, the beginning of the text.

    Documents are escaped: they are text, never markup.
    """
    from html import escape  # only for notebooks

    rows = "".join(
        f"<tr><td>{hit.rank}</td><td>{'–' if hit.score is None else f'{hit.score:.2f}'}</td>"
        f'<td style="text-align:left"><code>{escape(hit.citation)}</code>'
        f"<br>{escape(' › '.join(hit.heading))}</td>"
        f'<td style="text-align:left">{escape(shorten(hit.text, SHOWN_IN_HTML))}</td></tr>'
        for hit in hits
    )
    head = "<tr><th></th><th>score</th><th>citation</th><th>text</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
