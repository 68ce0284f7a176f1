"""What `index` pays to add, change and remove vectors of a large collection, and a search after it.

A collection of files of a hundred passages each, in its database and its vector files, without the
word index. Each line is one more run of `index` over the same collection: what its commits take,
what its vector files take, the first search of a program that has the collection open, the first of
one that opens it (its imports done), and the searches that follow.
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
from ragkit.storage.sqlite import changes, documents, embeddings, passages
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database, generation

OF_A_FILE = 100  # passages
SEARCHES = 100
WIDE = 26  # what `search` looks for where ten are wanted


def _embedded(text: str) -> bytes:
    return passages.text_hash(text)


@dataclass
class Index:
    """`index` from the texts on: rows of files, documents, passages and vectors, then the files."""

    store: Database
    indexes: IndexReader
    model_id: int
    root_id: int
    spare: Iterator[np.ndarray]  # vectors that are not in the collection yet
    number: int = 0  # of the next text
    added: list[int] = field(default_factory=list)  # ids of files

    @classmethod
    def over(cls, folder: Path, dimension: int, spare: Iterator[np.ndarray]) -> Index:
        store = Database(folder, create=True)
        with store.writing() as connection:
            model_id = embeddings.use_model(connection, "bench", "b" * 64, dimension, 256)
            root_id = file_rows.save_root(connection, "/bench", "/bench", (), ())
            number = passages.count(connection)
        return cls(store, IndexReader(store, print), model_id, root_id, spare, 10 * number)

    def add(self, count: int, names: Sequence[str] = ()) -> None:
        """So many passages, in files of these names or in new ones."""
        with self.store.changing() as (connection, now):
            for first in range(0, count, OF_A_FILE):
                size = min(OF_A_FILE, count - first)
                name = names[first // OF_A_FILE] if names else f"{self.number}"
                lines = [f"passage {self.number + at}" for at in range(size)]
                self.number += size
                size_ = random.Random(name).randrange(1_000_000)  # of the file, to filter by
                file_id = file_rows.record_file(
                    connection, self.root_id, name, status="indexed", size=size_
                )
                document = Document("\n".join(lines), "text/plain")
                document_id = documents.save_document(connection, file_id, document)
                cut = [Passage(0, len(line), line, (), "", 3) for line in lines]
                passages.save_passages(connection, document_id, cut, now)
                vectors = np.stack([next(self.spare) for _ in range(size)])
                digests = [_embedded(line) for line in lines]
                embeddings.save_vectors(connection, self.model_id, now, digests, vectors)
                self.added.append(file_id)

    def _old(self, count: int) -> list[tuple[int, str]]:
        """Files that hold so many passages, from all over the collection: id and name."""
        with self.store.reading() as connection:
            rows = connection.execute("SELECT id, path FROM files ORDER BY id").fetchall()
        wanted = math.ceil(count / OF_A_FILE)
        step = len(rows) // (wanted + 1)
        return [(row[0], row[1]) for row in rows[step::step][:wanted]]

    def change(self, count: int) -> None:
        """Other texts in files that were there."""
        self.add(count, [name for _, name in self._old(count)])

    def remove(self, count: int) -> None:
        """Take files out that hold so many passages; for one passage, only that."""
        with self.store.changing() as (connection, _):
            if count < OF_A_FILE:
                connection.execute("DELETE FROM passages WHERE id = (SELECT min(id) FROM passages)")
            else:
                file_rows.remove_files(connection, [file_id for file_id, _ in self._old(count)])

    def commit(self) -> None:
        """What `index` does at its end with the database."""
        with self.store.writing() as connection:
            changes.delete_unused_rows(connection)
            if not embeddings.has_pending(connection, self.model_id):
                embeddings.mark_complete(connection)

    def grow(self, count: int, step: int = 20_000) -> None:
        """Add so many, in commits of `step`."""
        for first in range(0, count, step):
            self.add(min(step, count - first))


def collection(folder: Path, vectors: np.ndarray) -> None:
    """Make the collection of these vectors in `folder`, where it is missing."""
    if (folder / "whole").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    index = Index.over(folder, vectors.shape[1], iter(vectors))
    index.grow(len(vectors))
    index.commit()
    index.indexes.index_writer.update_vectors()
    index.store.close()
    (folder / "whole").touch()


def _ms(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return (time.perf_counter() - started) * 1e3


def _search(index: Index, indexes: IndexReader, query: np.ndarray) -> None:
    with index.store.reading() as connection:
        found = indexes.vectors(connection)
        assert found is not None
        found.top_k(query, WIDE)


def _row(index: Index, what: str, do: Callable[[], None], queries: np.ndarray) -> None:
    """One line of the table."""
    _search(index, index.indexes, queries[0])
    commit = _ms(do)
    forget = _ms(index.commit)
    files = _ms(index.indexes.index_writer.update_vectors)
    held = _ms(lambda: _search(index, index.indexes, queries[1]))
    fresh = IndexReader(index.store, print)
    opened = _ms(lambda: _search(index, fresh, queries[2]))
    times = [_ms(lambda q=each: _search(index, fresh, q)) for each in queries[:SEARCHES]]
    with index.store.reading() as connection:
        now = fresh.vectors(connection)
        assert now is not None and now.generation == generation(connection)
        came, gone = len(now.delta_ids), int(now.removed.sum())
    print(
        f"| {what} | {commit:,.0f} | {forget:,.0f} | {files:,.0f} | {held:.1f} | {opened:.1f} "
        f"| {statistics.median(times):.2f} | {came:,} | {gone:,} |",
        flush=True,
    )


def measured(built: Path, cache: Path) -> None:
    from bench.vectors.data import expanded, real
    from bench.vectors.indexes import SIZES, made

    for count in SIZES:
        source = made(built, cache, count)
        vectors = np.load(source / "vectors.npy", mmap_mode="r")
        queries = np.load(source / "queries.npy")
        kept = built / f"collection-{count}"
        collection(kept, vectors)
        more = (
            row
            for block in expanded(real(cache, [])[0], max(count, 100_000), seed=1)
            for row in block
        )
        more = chain([next(more)], more)  # the first has a block made
        with tempfile.TemporaryDirectory(dir=built) as place:
            own = Path(place) / "collection"
            shutil.copytree(kept, own)
            index = Index.over(own, vectors.shape[1], more)
            print(f"\n| {count:,} vectors | rows ms | forgetting ms | vector files ms | next ms "
                  "| opened + first ms | p50 ms | came | gone |")  # fmt: skip
            print("|---|---|---|---|---|---|---|---|---|")
            _search(index, index.indexes, queries[0])  # a copy is read once as a whole
            index.indexes.index_writer.repair()
            _rows(index, count, queries)
            index.store.close()


def _rows(index: Index, count: int, queries: np.ndarray) -> None:
    _row(index, "nothing new", lambda: None, queries)
    for few in (1, 1_000, 8_000):
        _row(index, f"{few:,} added", lambda few=few: index.add(few), queries)
    _row(index, "900 changed", lambda: index.change(900), queries)
    for few in (1, 1_000, 10_000):
        _row(index, f"{few:,} removed", lambda few=few: index.remove(few), queries)
    _row(index, "10,000 added: a new file", lambda: index.add(10_000), queries)
    _unfolded(index, count // 20, queries)


def _unfolded(index: Index, part: int, queries: np.ndarray) -> None:
    """A search where so many came and so many went after the file, more than are ever left so."""
    with index.store.reading() as connection:
        held = index.indexes.vectors(connection)
    assert held is not None and held.base is not None
    started = max(held.base.ids) + 1
    came = ((int(started) + at, next(index.spare).tobytes()) for at in range(part))
    gone = held.base.ids[:: len(held.base) // part][:part].tolist()
    held = held.with_changes(held.generation + 1, came, gone)
    times = [_ms(lambda q=each: held.top_k(q, WIDE)) for each in queries[:SEARCHES]]
    print(f"\n{part:,} came and {part:,} gone, in memory: p50 {statistics.median(times):.2f} ms")
