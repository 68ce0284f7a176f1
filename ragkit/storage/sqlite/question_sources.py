"""The documents that self-made questions are made from: a sample that follows from their paths.

Functions over a connection of `database`; they neither begin nor commit a transaction. Knows no
questions and no ranking.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from ragkit.records.documents import Locator
from ragkit.storage.sqlite.connection import by_id, report_damage
from ragkit.storage.sqlite.documents import DISPLAY_PATH, is_intact
from ragkit.storage.sqlite.sharding.gathering import ShardedConnection, by_ids, from_all, joined


@dataclass(frozen=True, slots=True)
class PassageSpan:
    """Where a passage is in its document, in characters, and its heading path."""

    id: int
    start: int
    end: int
    heading: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document with its text and the spans of its passages, in the order of the text."""

    id: int
    path: str  # relative to its root, with the record
    media_type: str
    title: str  # its own; "" without one
    language: str | None  # that it declares
    text: str
    passages: tuple[PassageSpan, ...]
    root: str = ""  # absolute path of the folder that `path` is relative to
    pages: tuple[int, ...] = ()  # as in `Document`
    locators: tuple[Locator, ...] = ()


def identity_digest(path: str, seed: int = 0) -> bytes:
    """Return 8 bytes that follow from a document's path and the seed alone."""
    return blake2b(f"{seed}\0{path}".encode("utf-8", "replace"), digest_size=8).digest()


def sample_documents(
    connection: sqlite3.Connection, max_passages: int, seed: int = 0
) -> Iterator[SourceDocument]:
    """Yield documents with at least one passage, until they have `max_passages` together.

    The order follows from the paths and the seed, so a collection that has changed a little has
    nearly the same sample. Damaged documents are left out and reported.
    """
    if not isinstance(connection, ShardedConnection):
        yield from _sample_documents(connection, max_passages, seed)
        return
    found = list(_sample_documents(connection, max_passages, seed))
    found.sort(key=lambda document: (identity_digest(document.path, seed)[1:], document.id))
    count = 0
    for document in found:
        yield document
        count += len(document.passages)
        if count >= max_passages:
            return


@from_all(joined)
def _sample_documents(
    connection: sqlite3.Connection, max_passages: int, seed: int
) -> Iterator[SourceDocument]:
    rows = connection.execute(
        f"SELECT documents.id, {DISPLAY_PATH} AS path FROM documents "
        "JOIN files ON files.id = documents.file_id"
    ).fetchall()
    # Without the first byte, which decides the half that a document belongs to: so the sample of a
    # collection that is larger has documents of both.
    order = sorted((identity_digest(path, seed)[1:], id_, path) for id_, path in rows)
    count = 0
    for _, id_, path in order:
        document = _read(connection, id_, path)
        if document is not None and document.passages:
            yield document
            count += len(document.passages)
            if count >= max_passages:
                return


def _read(connection: sqlite3.Connection, id_: int, path: str) -> SourceDocument | None:
    row = connection.execute(
        "SELECT documents.*, files.media_type AS media_type, roots.folder AS root FROM documents "
        "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
        "WHERE documents.id = ?",
        (id_,),
    ).fetchone()
    if not is_intact(row):
        report_damage(connection, documents=[id_])
        return None
    spans = connection.execute(
        'SELECT id, start, "end", heading FROM passages WHERE document_id = ? ORDER BY start, id',
        (id_,),
    )
    language = json.loads(row["metadata"]).get("language")
    return SourceDocument(
        id=id_, path=path, media_type=row["media_type"] or "", title=row["title"] or "",
        language=language if isinstance(language, str) else None, text=row["text"],
        passages=tuple(
            PassageSpan(span[0], span[1], span[2], tuple(json.loads(span[3]))) for span in spans
        ),
        root=row["root"], pages=tuple(json.loads(row["pages"])),
        locators=tuple(Locator(*values) for values in json.loads(row["locators"])),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage of a ranking with its place, as far as measuring needs it."""

    passage_id: int
    path: str
    start: int
    end: int
    root: str  # absolute path of the folder that `path` is relative to

    @property
    def locations(self) -> tuple[FoundPassage, ...]:
        """The passage itself: each of several with the same text is in the ranking."""
        return (self,)


@by_ids()
def found_passages(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, FoundPassage]:
    """Return id → passage for those of `ids` that exist."""
    sql = (
        f'SELECT passages.id, {DISPLAY_PATH}, passages.start, passages."end", roots.folder '
        "FROM passages JOIN documents ON documents.id = passages.document_id "
        "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
        "WHERE passages.id"
    )
    return {row[0]: FoundPassage(*row) for row in by_id(connection, sql, ids)}
