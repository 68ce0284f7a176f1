"""What agents get that look through the text of a collection: frozen dataclasses without I/O.

A result that was cut has a `cursor`: the same call with it continues there. A cursor is opaque and
stays valid while documents are added and removed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.records.hits import Hit


@dataclass(frozen=True, slots=True)
class GrepMatch:
    """A line of a document's extracted text in which a regular expression matches."""

    citation: str  # `ragkit get` shows it
    line: int  # from 1, of the extracted text
    text: str  # the line; several lines if the match spans them; shortened around a match
    offset: int  # of the match in `text`; characters
    before: tuple[str, ...]  # lines before it
    after: tuple[str, ...]
    path: str
    root: str
    document_id: int
    page: int | None
    locator: str | None
    start: int  # of the match; characters into the document's text
    end: int
    stale: bool

    @property
    def place(self) -> str:
        """The citation, with the line where that does not name it."""
        named = f"#L{self.line}" in self.citation
        return self.citation if named else f"{self.citation} line {self.line}"

    def excerpt(self, length: int) -> str:
        """Return `length` characters of the line, or a few more, around the match."""
        words = " ".join(self.text.split())
        if len(words) <= length:
            return words
        first = max(0, self.offset - length // 2)
        last = first + length
        part = " ".join(self.text[first:last].split())
        return ("…" if first else "") + part + ("…" if last < len(self.text) else "")


@dataclass(frozen=True, slots=True)
class GrepResult:
    """The matches of a regular expression, in the order of the documents."""

    matches: tuple[GrepMatch, ...]
    cursor: str | None  # None: that is all
    searched: int  # documents that were searched for this result
    notice: str | None = None  # why not everything was searched, if it was not


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A folder, or a file that is or contains documents, or one that was not read."""

    path: str  # relative to `root`; a folder's ends with "/"
    kind: str  # folder, document, container (a file with several documents) or unread
    root: str
    documents: int  # in it
    characters: int | None = None  # of a document's text
    media_type: str | None = None
    title: str | None = None
    reason: str | None = None  # why it was not read
    document_id: int | None = None
    citation: str = ""  # `path`, after the names of the root's last folders where it is ambiguous


@dataclass(frozen=True, slots=True)
class Listing:
    """Some entries of a list, in the order of their paths."""

    entries: tuple[ListEntry, ...]
    cursor: str | None  # None: that is all
    total: int  # entries of the complete list


@dataclass(frozen=True, slots=True)
class TextPart:
    """Lines of a document's extracted text."""

    citation: str
    path: str
    root: str
    title: str
    text: str
    first_line: int  # from 1
    last_line: int
    lines: int  # of the whole document
    page: int | None  # of the first line; None without pages
    pages: int  # of the whole document; 0 without pages
    start: int  # characters into the document's text
    end: int
    characters: int  # of the whole document
    cursor: str | None  # None: the requested part is complete
    stale: bool


@dataclass(frozen=True, slots=True)
class RelatedPassages:
    """A passage with those around it in its document, and those most similar to it elsewhere."""

    passage: Hit
    before: tuple[Hit, ...]  # in the order of the text
    after: tuple[Hit, ...]
    similar: tuple[Hit, ...]  # best first; `score` is the cosine with the passage
