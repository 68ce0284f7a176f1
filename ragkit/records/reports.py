"""What a collection says of itself and of what it did: frozen dataclasses, no I/O.

Counts, states and reasons of files and of runs, and texts that are shown. A query needs none of it,
so these stand apart from `records`. Knows nothing of files, models, databases or the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    ocr_pages: int = 0  # whose text was recognised in images
    ocr_engine: str | None = None
    ocr_languages: str | None = None
    ocr_confidence: float | None = None  # 0 to 100, in the mean
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
class NotRead:
    """A file that was not read, or not wholly; and why."""

    id: int
    path: str  # relative to `root`
    root: str
    status: str  # indexed, empty, skipped or failed
    kind: str | None  # the reason in a word that stays the same; None where it is only parts
    reason: str | None
    parts: tuple[Missing, ...] = ()  # the first of what is missing in it
    parts_count: int = 0


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
