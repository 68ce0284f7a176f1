"""The nouns that travel between floors: frozen dataclasses, next to no behaviour, no I/O.

Every offset is a count of characters (Python code points) into `Document.text`, half open:
`[start, end)`. Every score is a cosine similarity in [-1, 1], higher is closer, unless its
name says otherwise. Knows nothing of files, models, databases or the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PRECISIONS = ("fp32", "int8")  # what an encoder may compute in


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: the span of its own line or lines in the text, and its words without markup."""

    start: int
    end: int
    level: int  # 1 is the highest
    text: str


@dataclass(frozen=True, slots=True)
class Locator:
    """From `start` to the next locator, the text stands at this place of the file."""

    start: int
    kind: str  # slide, sheet, cell (of a notebook), chapter, time
    value: str  # "7", "Budget!A5:F5", "00:01:02.500-00:01:04"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: one line of text a row, its header rows first."""

    start: int
    end: int
    header_end: int  # offset where the rows after the header begin; `start` where it has none


@dataclass(frozen=True, slots=True)
class Document:
    """What a reader makes of one source file (or of one record in it).

    `text` holds no NUL and no lone surrogate, and ends its lines with "\\n" alone.
    """

    text: str
    media_type: str
    title: str | None = None  # the document's own title, never its file name
    headings: tuple[Heading, ...] = ()  # in text order, not overlapping
    fences: tuple[tuple[int, int], ...] = ()  # code and preformatted blocks, in text order
    pages: tuple[int, ...] = ()  # offset where page 1, 2, … starts; empty when there are none
    lines: bool = False  # the text's line numbers are those of the file
    locators: tuple[Locator, ...] = ()  # in text order; for formats with neither pages nor lines
    tables: tuple[Table, ...] = ()  # in text order, not overlapping
    encoding: str | None = None  # of the bytes, for text formats
    encoding_by: str | None = None  # bom, valid, zeros, declared, partly, guessed: docs/formats.md
    media_type_by: str | None = None  # what told the type: content or name
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()  # what was lost or guessed while reading, one phrase each


@dataclass(frozen=True, slots=True)
class Record:
    """One document of a file that may hold several, or why it could not be read.

    `name` is its place in the file: "" for the file's own document, "guide/intro.md" in an archive,
    "3" for the third message of a mailbox, "3/report.pdf" for what is attached to that. A record
    without a document and with the name "" says what is wrong with the file as a whole.
    """

    name: str
    document: Document | None = None
    reason: str | None = None
    skipped: bool = False  # the reason is that it is no document, not that it is broken
    kind: str = "damaged"  # the reason in a word: see docs/formats.md


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a document, cut to fit an encoder's window. `text == document.text[start:end]`."""

    start: int
    end: int
    text: str
    heading: tuple[str, ...]  # heading path, outermost first
    header: str  # what is put before `text` when it is embedded: title, heading, table header
    tokens: int  # of header + text, special tokens not counted
    page: int | None = None  # first page that holds a substantial part of it, from 1
    locator: str | None = None  # "page=7-8", "sheet=Budget!A2:F9"; None without places
    start_line: int | None = None  # from 1, inclusive; None where the format has no lines
    end_line: int | None = None


def embedded_text(header: str, text: str) -> str:
    """What the encoder and the word index see of a passage."""
    return f"{header}\n{text}" if header else text


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a passage is among the hits: in words, and in meaning."""

    words: Mapping[str, float]  # words of the query that it holds, with what each adds to its BM25
    missing: tuple[str, ...]  # words of the query that it does not hold
    share: float  # its BM25 as a share of what all of the query's words could give, 0 to 1
    sentence: str  # of the passage, the nearest to the query in meaning
    sentence_score: float  # cosine
    start: int  # of the sentence; characters into the document's text
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a query.

    `score` is the exact cosine of query and passage in every mode. `scores` has the keys
    dense (cosine), lexical (BM25), fused (of both) and rerank; None where that
    stage did not see the passage. `stale`: the file has changed or gone since it was indexed.
    """

    rank: int  # from 1
    score: float
    passage_id: int
    text: str
    path: str  # relative to `root`, "/" between its parts
    title: str
    heading: tuple[str, ...]
    page: int | None
    locator: str | None  # "slide=3", "page=7-8": all of the places it stands at
    start_line: int | None
    end_line: int | None
    start: int
    end: int
    citation: str  # `ragkit get` shows it
    scores: Mapping[str, float | None]
    metadata: Mapping[str, str]
    stale: bool
    root: str  # absolute path of the indexed folder (or of the file's folder)
    document_id: int | None = None  # of the document in its collection; it stays as files change
    explanation: Explanation | None = None  # where one was asked for


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The text behind a citation, with where it stands."""

    path: str
    root: str
    title: str
    citation: str
    text: str
    start: int
    end: int
    page: int | None
    locator: str | None
    start_line: int | None
    end_line: int | None
    stale: bool


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A document of a collection, without its text. A file may hold several."""

    id: int  # stays as the file changes; `Hit.document_id`
    path: str  # relative to `root`
    title: str
    media_type: str | None
    characters: int
    passages: int
    metadata: Mapping[str, str]
    root: str


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One row of the ledger: what became of one file of a root."""

    path: str
    status: str  # indexed, empty, skipped or failed
    reason: str | None
    passages: int
    media_type: str | None
    encoding: str | None
    size: int  # bytes
    characters: int
    tokens: int
    warnings: tuple[str, ...]
    root: str
    documents: int = 0  # 1, or as many as an archive or a mailbox holds
    unread: tuple[Unread, ...] = ()  # the first of what is in it and could not be read
    unread_count: int = 0
    kind: str | None = None  # the reason in a word that stays the same: encrypted, too_large, …
    media_type_by: str | None = None  # what told the type: content or name
    encoding_by: str | None = None  # bom, valid, zeros, declared, partly, guessed
    pages: int = 0
    empty_pages: int = 0  # of those, without any text
    tables: int = 0
    truncated_tokens: int = 0  # of `tokens`, beyond the model's window; 0 unless something is wrong
    seconds: float | None = None  # it took to read and cut
    indexed_at: str | None = None  # UTC, ISO 8601: when it was read, or passed over, last
    stale: bool = False  # it has changed or gone since


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a file that could not be read: an attachment, a file in an archive."""

    record: str  # its place in the file; "" for the rest of it
    reason: str
    skipped: bool  # it is no document; else it is broken
    kind: str = "damaged"


@dataclass(frozen=True, slots=True)
class Missing:
    """A file, or a part of one, that may hold a document and could not be read."""

    path: str
    kind: str  # the reason in a word that stays the same
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the files that may hold documents were read. `files` are `read` and `missing`.

    What the user's own rules leave out, what is hidden, links, and what is no document (images,
    programs) is not missing: it is counted as `left_out`, a folder that is passed over as one.
    """

    files: int
    read: int
    missing: Mapping[str, int]  # kind of reason → files, most frequent first
    left_out: Mapping[str, int]  # likewise
    missing_parts: Mapping[str, int] = field(default_factory=dict)  # of files that were read


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Whether and how a path is found, in words, and the command that changes it."""

    path: str  # as it was asked for
    state: str  # indexed, empty, changed, gone, skipped, failed, new, folder, outside or unknown
    answer: str
    remedy: str | None = None
    file: FileStatus | None = None  # its row in the ledger, or that of the file that holds it


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What one run of `index` did. Files are counted once each; `seconds` is wall time.

    `passages` counts those in the collection afterwards; `embedded` and `reused` how the ones
    that needed a vector got it: from the encoder, or from an equal text embedded before.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    failed: int = 0
    skipped: int = 0
    passages: int = 0
    embedded: int = 0
    reused: int = 0
    tokens: int = 0  # given to the encoder in this run
    truncated_tokens: int = 0  # of those, cut off by the window; 0 unless something is wrong
    seconds: float = 0.0
    documents: tuple[FileStatus, ...] = ()  # only failed and skipped
    warnings: tuple[str, ...] = ()
    dry_run: bool = False
    coverage: Coverage | None = None  # None: a dry run, which does not know
    missing: tuple[Missing, ...] = ()  # what coverage lacks: files, attachments, archives' members


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """What is in a collection: counts, sizes (bytes), model, roots, coverage."""

    collection: str
    roots: tuple[str, ...]
    files: Mapping[str, int]  # by status
    reasons: Mapping[str, int]  # of skipped and failed files
    coverage: Coverage
    documents: int
    passages: int
    pending: int  # passages that still wait for their vector
    model: str | None
    fingerprint: str | None
    dimension: int | None
    window: int | None
    database_bytes: int
    index_bytes: int
    generation: int
    version: str
