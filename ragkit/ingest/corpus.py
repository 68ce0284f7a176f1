"""Rows of one file as documents: a labelled corpus into a collection, without a folder of files.

Contract: each row becomes a document whose record is the row's id; it is cut as any document, or
kept whole as one passage that the encoder's window cuts off (what BEIR's figures are taken with).
Doing it again goes on where it broke off, and changes nothing where all was done. The writer's
lock must be held. Knows no questions and no judgements.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from ragkit.encoders import Encoder
from ragkit.ingest.embedding import Embedder
from ragkit.ingest.writer import CollectionWriter, Progress
from ragkit.passages.split import split_document
from ragkit.records.documents import Document, Passage
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.sqlite import documents as document_rows
from ragkit.storage.sqlite import embeddings, files, passages
from ragkit.storage.sqlite.database import Database

GROUP = 1000  # rows in one commit


class Row(Protocol):
    """A document of a corpus."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102


RowSplitter = Callable[[Sequence[Row], Encoder], list[tuple[Document, Sequence[Passage]]]]


def whole(rows: Sequence[Row], encoder: Encoder) -> list[tuple[Document, Sequence[Passage]]]:
    """Each row as one passage: title and text, however long."""
    joined = [f"{row.title} {row.text}".strip() for row in rows]
    tokens = encoder.count_tokens(joined)
    return [
        (
            Document(text, "text/plain", row.title or None),
            [Passage(0, len(text), text, (), "", number)] if text else [],
        )
        for row, text, number in zip(rows, joined, tokens, strict=True)
    ]


def in_passages(size: int, overlap: float) -> RowSplitter:
    """Each row cut like any other document."""

    def cut(rows: Sequence[Row], encoder: Encoder) -> list[tuple[Document, Sequence[Passage]]]:
        documents = [Document(row.text, "text/plain", row.title or None) for row in rows]
        return [
            (each, split_document(each, encoder, size=size, overlap=overlap)) for each in documents
        ]

    return cut


def fill(
    store: Database,
    index_writer: IndexWriter,
    model_id: int,
    load_encoder: Callable[[], Encoder],
    file: Path,
    rows: Iterable[Row],
    cut: RowSplitter,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Make the collection hold these rows of `file`, with their vectors and index files."""
    started = time.monotonic()
    writer = CollectionWriter(store, index_writer, model_id, on_progress, started)
    file_id, done = _begun(store, file)
    if not done:
        encoder = load_encoder()
        for group in _groups(rows):
            made = cut(group, encoder)
            with store.changing() as (connection, generation):
                for row, (document, cuts) in zip(group, made, strict=True):
                    document_id = document_rows.save_document(connection, file_id, document, row.id)
                    passages.save_passages(connection, document_id, cuts, generation)
        _embed(store, model_id, load_encoder, on_progress, started)
        _note(store, file, "indexed")
    writer.finish()


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while group := list(islice(rows, GROUP)):
        yield group


def _begun(store: Database, file: Path) -> tuple[int, bool]:
    """The id of the file's row in the ledger, and whether all of it is in here already."""
    with store.reading() as connection:
        for root in files.roots(connection):
            for row in files.files(connection, root.id):
                if row.path == file.name and row.status == "indexed":
                    return _note(store, file, "indexed"), True
    return _note(store, file, "empty"), False


def _note(store: Database, file: Path, status: str) -> int:
    found = file.stat()
    with store.writing() as connection:
        folder = str(file.parent.absolute())
        return files.record_file(
            connection,
            files.save_root(connection, str(file.absolute()), folder, (), ()),
            file.name,
            status=status,
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            inode=found.st_ino,
            media_type="application/jsonl",
        )


def _embed(
    store: Database,
    model_id: int,
    load_encoder: Callable[[], Encoder],
    on_progress: Callable[[Progress], None],
    started: float,
) -> None:
    """Give every passage its vector."""
    with store.reading() as connection:
        total = embeddings.count_pending(connection, model_id)
    embedder = Embedder(store, load_encoder, model_id)
    try:
        embedder.feed(everything=True)
        while embedder.busy:
            embedder.collect(0.2)
            embedder.feed(everything=True)
            left = max(0, total - embedder.embedded)
            on_progress(Progress(1, 1, embedder.embedded, left, time.monotonic() - started))
    finally:
        embedder.stop()
    if embedder.failure is not None:
        raise embedder.failure
