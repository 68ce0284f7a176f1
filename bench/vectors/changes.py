"""The time to add, change and remove vectors of a large collection, and of the searches afterwards.

The collection has files of a hundred passages each, in the database and the vector files, and no
lexical index. Each table row is one more run of `index` over the same collection: the time of its
commits, of its vector files, of the first search of a program that has the collection open, of the
first search of one that opens it (imports excluded), and of the following searches.
"""

from __future__ import annotations

import math
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from ragkit.records.documents import Document, Passage
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import changes, documents, passages
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.state import generation

PASSAGES_PER_FILE = 100
SEARCHES = 100
CANDIDATES = 26  # what `search` retrieves for ten hits


def _text_hash(text: str) -> bytes:
    return passages.text_hash(text)


@dataclass
class Index:
    """The writing half of `index`: files, documents, passages, vectors, then the index files."""

    store: Database
    indexes: IndexReader
    model_id: int
    root_id: int
    new_vectors: Iterator[np.ndarray]  # vectors that are not in the collection yet
    number: int = 0  # of the next text
    added: list[int] = field(default_factory=list)  # ids of files

    @classmethod
    def open(cls, folder: Path, dimension: int, new_vectors: Iterator[np.ndarray]) -> Index:
        store = Database(folder, create=True)
        with store.writing() as connection:
            model_id = passages.use_model(connection, "bench", "b" * 64, dimension, 256)
            root_id = file_rows.save_root(connection, "/bench", "/bench", (), ())
            number = passages.count(connection)
        return cls(store, IndexReader(store, print), model_id, root_id, new_vectors, 10 * number)

    def add(self, count: int, names: Sequence[str] = ()) -> None:
        """Add `count` passages, in the files `names` or in new ones."""
        with self.store.changing() as (connection, now):
            for first in range(0, count, PASSAGES_PER_FILE):
                size = min(PASSAGES_PER_FILE, count - first)
                name = names[first // PASSAGES_PER_FILE] if names else f"{self.number}"
                lines = [f"passage {self.number + at}" for at in range(size)]
                self.number += size
                file_size = random.Random(name).randrange(1_000_000)  # of the file, to filter by
                file_id = file_rows.record_file(
                    connection, self.root_id, name, status="indexed", size=file_size
                )
                document = Document("\n".join(lines), "text/plain")
                document_id = documents.save_document(connection, file_id, document)
                split = [Passage(0, len(line), line, (), "", 3) for line in lines]
                passages.save_passages(connection, document_id, split, now)
                vectors = np.stack([next(self.new_vectors) for _ in range(size)])
                digests = [_text_hash(line) for line in lines]
                passages.save_vectors(connection, self.model_id, now, digests, vectors)
                self.added.append(file_id)

    def _existing_files(self, count: int) -> list[tuple[int, str]]:
        """Return (id, name) of files with `count` passages, evenly spread over the collection."""
        with self.store.reading() as connection:
            rows = connection.execute("SELECT id, path FROM files ORDER BY id").fetchall()
        file_count = math.ceil(count / PASSAGES_PER_FILE)
        step = len(rows) // (file_count + 1)
        return [(row[0], row[1]) for row in rows[step::step][:file_count]]

    def change(self, count: int) -> None:
        """Replace the texts of existing files."""
        self.add(count, [name for _, name in self._existing_files(count)])

    def remove(self, count: int) -> None:
        """Remove files with `count` passages; fewer than a file has: one passage."""
        with self.store.changing() as (connection, _):
            if count < PASSAGES_PER_FILE:
                connection.execute("DELETE FROM passages WHERE id = (SELECT min(id) FROM passages)")
            else:
                file_rows.remove_files(
                    connection, [file_id for file_id, _ in self._existing_files(count)]
                )

    def commit(self) -> None:
        """The last database step of `index`: delete unused rows, mark the vectors complete."""
        with self.store.writing() as connection:
            changes.delete_unused_rows(connection)
            if not passages.has_pending(connection, self.model_id):
                passages.mark_complete(connection)

    def grow(self, count: int, step: int = 20_000) -> None:
        """Add `count` passages, in commits of `step`."""
        for first in range(0, count, step):
            self.add(min(step, count - first))


def build_collection(folder: Path, vectors: np.ndarray) -> None:
    """Build the collection of these vectors in `folder` if it is not there."""
    if (folder / "complete").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    index = Index.open(folder, vectors.shape[1], iter(vectors))
    index.grow(len(vectors))
    index.commit()
    index.indexes.index_writer.update_vectors()
    index.store.close()
    (folder / "complete").touch()


def _ms(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1e3


def _search(index: Index, indexes: IndexReader, query: np.ndarray) -> None:
    with index.store.reading() as connection:
        vectors = indexes.vectors(connection)
        assert vectors is not None
        vectors.top_k(query, CANDIDATES)


def _row(index: Index, label: str, action: Callable[[], None], queries: np.ndarray) -> None:
    """Print one row of the table."""
    _search(index, index.indexes, queries[0])
    commit = _ms(action)
    unused = _ms(index.commit)
    files = _ms(index.indexes.index_writer.update_vectors)
    next_search = _ms(lambda: _search(index, index.indexes, queries[1]))
    reader = IndexReader(index.store, print)
    opened = _ms(lambda: _search(index, reader, queries[2]))
    times = [_ms(lambda q=query: _search(index, reader, q)) for query in queries[:SEARCHES]]
    with index.store.reading() as connection:
        now = reader.vectors(connection)
        assert now is not None and now.generation == generation(connection)
        added_count, removed_count = len(now.delta_ids), int(now.removed.sum())
    print(
        f"| {label} | {commit:,.0f} | {unused:,.0f} | {files:,.0f} | {next_search:.1f} "
        f"| {opened:.1f} | {statistics.median(times):.2f} | {added_count:,} | {removed_count:,} |",
        flush=True,
    )


def measure(built: Path, cache: Path) -> None:
    from bench.vectors.data import embed_paragraphs, generate_vectors
    from bench.vectors.indexes import SIZES, prepare_vectors

    for count in SIZES:
        source = prepare_vectors(built, cache, count)
        vectors = np.load(source / "vectors.npy", mmap_mode="r")
        queries = np.load(source / "queries.npy")
        kept = built / f"collection-{count}"
        build_collection(kept, vectors)
        more = (
            row
            for block in generate_vectors(
                embed_paragraphs(cache, [])[0], max(count, 100_000), seed=1
            )
            for row in block
        )
        more = chain([next(more)], more)  # generates the first block now
        with tempfile.TemporaryDirectory(dir=built) as temporary:
            copy = Path(temporary) / "collection"
            shutil.copytree(kept, copy)
            index = Index.open(copy, vectors.shape[1], more)
            print(f"\n| {count:,} vectors | rows ms | unused rows ms | vector files ms | next ms "
                  "| opened ms | p50 ms | added | removed |")  # fmt: skip
            print("|---|---|---|---|---|---|---|---|---|")
            _search(index, index.indexes, queries[0])  # the checksums of a copy are verified once
            index.indexes.index_writer.repair()
            _rows(index, count, queries)
            index.store.close()


def _rows(index: Index, count: int, queries: np.ndarray) -> None:
    _row(index, "nothing new", lambda: None, queries)
    for added in (1, 1_000, 8_000):
        _row(index, f"{added:,} added", lambda n=added: index.add(n), queries)
    _row(index, "900 changed", lambda: index.change(900), queries)
    for removed in (1, 1_000, 10_000):
        _row(index, f"{removed:,} removed", lambda n=removed: index.remove(n), queries)
    _row(index, "10,000 added: a new file", lambda: index.add(10_000), queries)
    _search_with_delta(index, count // 20, queries)


def _search_with_delta(index: Index, part: int, queries: np.ndarray) -> None:
    """Print the time of a search with `part` vectors added and `part` removed since the vector
    file was written: more than `index` ever leaves."""
    with index.store.reading() as connection:
        vectors = index.indexes.vectors(connection)
    assert vectors is not None and vectors.base is not None
    first_id = int(max(vectors.base.ids)) + 1
    added = ((first_id + at, next(index.new_vectors).tobytes()) for at in range(part))
    removed = vectors.base.ids[:: len(vectors.base) // part][:part].tolist()
    vectors = vectors.with_changes(vectors.generation + 1, added, removed)
    times = [_ms(lambda q=query: vectors.top_k(q, CANDIDATES)) for query in queries[:SEARCHES]]
    print(
        f"\n{part:,} added and {part:,} removed, in memory: p50 {statistics.median(times):.2f} ms"
    )
