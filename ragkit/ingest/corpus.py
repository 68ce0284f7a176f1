"""Index the rows of one file as documents: a labelled corpus without a folder of files.

Each row becomes a document whose record name is the row's id. It is split like any document, or
kept as one passage that the encoder truncates to its window (as for BEIR figures). A
second run resumes the first and changes nothing if that was complete. The caller must hold the
writer lock. Does not know queries or relevance judgements.
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
from ragkit.storage.sqlite import files, passages
from ragkit.storage.sqlite.database import Database

ROWS_PER_COMMIT = 1000


class Row(Protocol):
    """A document of a corpus: its id, its title ("" without one) and its text."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102


RowSplitter = Callable[[Sequence[Row], Encoder], list[tuple[Document, Sequence[Passage]]]]


def one_passage_per_row(
    rows: Sequence[Row], encoder: Encoder
) -> list[tuple[Document, Sequence[Passage]]]:
    """Return each row as one passage of title and text, not split."""
    joined = [f"{row.title} {row.text}".strip() for row in rows]
    tokens = encoder.count_tokens(joined)
    return [
        (
            Document(text, "text/plain", row.title or None),
            [Passage(0, len(text), text, (), "", number)] if text else [],
        )
        for row, text, number in zip(rows, joined, tokens, strict=True)
    ]


def split_rows(size: int, overlap: float, *, header: bool = True) -> RowSplitter:
    """Return a function that splits each row: `size` in tokens, `overlap` as a share of it;
    `header` as in `split_document`."""

    def split(rows: Sequence[Row], encoder: Encoder) -> list[tuple[Document, Sequence[Passage]]]:
        documents = [Document(row.text, "text/plain", row.title or None) for row in rows]
        return [
            (
                document,
                split_document(document, encoder, size=size, overlap=overlap, header=header),
            )
            for document in documents
        ]

    return split


def index_rows(
    store: Database,
    index_writer: IndexWriter,
    model_id: int,
    load_encoder: Callable[[], Encoder],
    file: Path,
    rows: Iterable[Row],
    split: RowSplitter,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Index these rows as documents of `file`, with vectors and index files.

    `split` turns rows into documents with passages: `one_passage_per_row` or `split_rows(…)`.
    Raises ModelError if the encoder fails.
    """
    started = time.monotonic()
    writer = CollectionWriter(store, index_writer, model_id, on_progress, started)
    file_id, is_done = _file_row(store, file)
    if not is_done:
        encoder = load_encoder()
        for group in _row_groups(rows):
            documents = split(group, encoder)
            with store.changing() as (connection, generation):
                for row, (document, document_passages) in zip(group, documents, strict=True):
                    document_id = document_rows.save_document(connection, file_id, document, row.id)
                    passages.save_passages(connection, document_id, document_passages, generation)
        _embed_all(store, model_id, load_encoder, on_progress, started)
        _record_file(store, file, "indexed")
    writer.finish()


def _row_groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while group := list(islice(rows, ROWS_PER_COMMIT)):
        yield group


def _file_row(store: Database, file: Path) -> tuple[int, bool]:
    """Return the id of the file's row and whether all its rows are indexed already."""
    with store.reading() as connection:
        for root in files.roots(connection):
            for row in files.files(connection, root.id):
                if row.path == file.name and row.status == "indexed":
                    return _record_file(store, file, "indexed"), True
    return _record_file(store, file, "empty"), False


def _record_file(store: Database, file: Path, status: str) -> int:
    stat = file.stat()
    with store.writing() as connection:
        folder = str(file.parent.absolute())
        return files.record_file(
            connection,
            files.save_root(connection, str(file.absolute()), folder, (), ()),
            file.name,
            status=status,
            size=stat.st_size,
            mtime_ns=files.storable(stat.st_mtime_ns),
            inode=files.storable(stat.st_ino),
            media_type="application/jsonl",
        )


def _embed_all(
    store: Database,
    model_id: int,
    load_encoder: Callable[[], Encoder],
    on_progress: Callable[[Progress], None],
    started: float,
) -> None:
    """Embed every passage without a vector."""
    embedder = Embedder(store, load_encoder, model_id)

    def report(pending: int) -> None:
        on_progress(Progress(1, 1, embedder.embedded, pending, time.monotonic() - started))

    embedder.embed_all(report)
