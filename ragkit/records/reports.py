"""Reports on a collection and its index runs: frozen dataclasses without I/O.

Counts, states and reasons of files and runs. A query needs none of them, so they are apart from
`records.hits`. Does not know files, models, databases or the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

UNREAD_STATUSES = ("skipped", "failed", "unsupported")  # of `FileStatus`: nothing of it was read


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The text of a citation, with its place in the file."""

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
    """A document of a collection, without its text. A file may contain several."""

    id: int  # constant while the file changes; `Hit.document_id`
    path: str  # relative to `root`
    title: str
    media_type: str | None
    characters: int
    passages: int
    metadata: Mapping[str, str]
    root: str


@dataclass(frozen=True, slots=True)
class FileStatus:
    """The stored state of one file of a root."""

    path: str
    status: str  # indexed, empty, skipped, failed or unsupported
    reason: str | None
    passages: int
    media_type: str | None
    encoding: str | None
    size: int  # bytes
    characters: int
    tokens: int
    warnings: tuple[str, ...]
    root: str
    documents: int = 0  # 1, or the number in an archive or a mailbox
    unread: tuple[Unread, ...] = ()  # its first unread parts
    unread_count: int = 0
    kind: str | None = None  # a constant identifier of the reason: encrypted, too_large, …
    media_type_by: str | None = None  # the type was detected by: content or name
    encoding_by: str | None = None  # bom, valid, zeros, declared, partly, guessed
    pages: int = 0
    empty_pages: int = 0  # pages without any text
    ocr_pages: int = 0  # pages whose text was recognised in images
    ocr_engine: str | None = None
    ocr_languages: str | None = None
    ocr_confidence: float | None = None  # 0 to 100, mean over the pages
    tables: int = 0
    truncated_tokens: int = 0  # of `tokens`, beyond the model's window; 0 unless something is wrong
    seconds: float | None = None  # to read and split it
    indexed_at: str | None = None  # UTC, ISO 8601: when it was last read or skipped
    stale: bool = False  # changed or deleted since
    secrets: tuple[SecretFinding, ...] = ()  # its first keys, tokens and passwords
    secrets_count: int = 0
    unreadable: int = 0  # of `passages`: those that the encoder cannot read, without an embedding


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a file that could not be read: an attachment, a file in an archive."""

    record: str  # its name in the file; "" for the rest of the file
    reason: str
    skipped: bool  # it is not a document, as opposed to damaged
    kind: str = "damaged"


@dataclass(frozen=True, slots=True)
class SecretFinding:
    """A key, token or password in a document: its kind and its line, never the secret itself."""

    kind: str  # "GitHub Token"
    line: int  # of the document's text, from 1; 0 in its title or metadata
    record: str = ""  # the document's place in its file


@dataclass(frozen=True, slots=True)
class Missing:
    """A file, or a part of one, that may contain a document and could not be read."""

    path: str
    kind: str  # the reason in a word that stays the same
    reason: str


@dataclass(frozen=True, slots=True)
class NotRead:
    """A file that was not read, or only in part, and why."""

    id: int
    path: str  # relative to `root`
    root: str
    status: str  # indexed, empty, skipped, failed or unsupported
    kind: str | None  # a constant identifier of the reason; None if only parts are unread
    reason: str | None
    parts: tuple[Missing, ...] = ()  # its first missing parts
    parts_count: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the files that may contain documents were read. `files` = `read` + `missing`.

    Files that the user's rules exclude, hidden files, links, and files that are not documents
    (images, programs) are not missing: they are counted as `left_out`, a skipped folder as one.
    """

    files: int
    read: int
    missing: Mapping[str, int]  # kind of reason → files, most frequent first
    left_out: Mapping[str, int]  # likewise
    missing_parts: Mapping[str, int] = field(default_factory=dict)  # of files that were read


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Whether a path is indexed, why, and the command that changes it."""

    path: str  # as the caller named it
    # indexed, empty, changed, gone, skipped, failed, unsupported, new, folder, outside or unknown
    state: str
    answer: str
    remedy: str | None = None
    file: FileStatus | None = None  # its stored state, or that of the archive that contains it


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The result of one index run. Each file is counted once; `seconds` is wall time.

    `passages` is the number in the collection afterwards. `embedded` and `reused` count the
    passages that got a vector from the encoder, or from an equal text embedded before.
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
    truncated_tokens: int = 0  # of those, beyond the window; 0 unless something is wrong
    seconds: float = 0.0
    documents: tuple[FileStatus, ...] = ()  # only those that were not read
    warnings: tuple[str, ...] = ()
    dry_run: bool = False
    coverage: Coverage | None = None  # None for a dry run
    missing: tuple[Missing, ...] = ()  # files, attachments and archive members not in `read`
    unsupported: int = 0  # files of formats without a reader


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """The state of a collection: counts, sizes in bytes, model, roots, coverage."""

    collection: str
    roots: tuple[str, ...]
    files: Mapping[str, int]  # by status
    reasons: Mapping[str, int]  # of skipped and failed files
    coverage: Coverage
    documents: int
    passages: int
    pending: int  # passages without a vector
    model: str | None
    fingerprint: str | None
    dimension: int | None
    window: int | None
    database_bytes: int
    index_bytes: int
    generation: int
    version: str
    secrets: Mapping[str, int] = field(default_factory=dict)  # kind → files that contain one
    unreadable: int = 0  # passages that the encoder cannot read; they have no embedding
    shards: int | None = None  # None: the collection is in one piece
    in_process: bool | None = None  # whether one process can be expected to search all shards


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a user said about a part of a document: whether it answers a query."""

    query: str
    relevant: bool
    path: str  # of the document, when it was judged
    quote: str  # the judged text; "" is the whole document
    judged_at: str  # UTC, ISO 8601
    document_id: int | None  # None if the document or the text is no longer there
    span: tuple[int, int] | None  # where the text is now, in characters of the document's text
