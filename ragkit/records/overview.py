"""What a page shows before anything is searched: folders, newest files, counts by kind, questions;
and the original of a document. Frozen dataclasses without I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FolderCount:
    """A root and the number of its documents."""

    root: str  # absolute path
    documents: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that was changed recently, by its first document."""

    document_id: int
    path: str
    title: str
    changed: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Overview:
    """The opening screen of a collection."""

    folders: tuple[FolderCount, ...]
    newest: tuple[NewFile, ...]  # the newest first
    questions: tuple[str, ...]  # that the collection can answer, made from its headings


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a facet, the number of documents with it, and the filter that selects these."""

    label: str
    documents: int
    where: str


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """The bytes of the file that a document was read from, and how its text lies on its pages."""

    data: bytes
    path: str  # of the file, relative to `root`
    root: str  # absolute path of the folder
    record: str  # of the document in the file, "" for the file itself
    media_type: str | None  # of the file
    text: str  # of the document
    pages: tuple[int, ...]  # offset of each page in `text`; () where it has none
    stale: bool  # the file has changed since it was indexed
