"""Carries out plans: the only code that writes documents, passages and vectors.

Order of work, so that every prefix of it is searchable and can be gone on from: moves, removals
and reasons; then text in groups, found by words from then on; then vectors in steps; then the
index files; at last what nothing refers to is forgotten. The writer's lock must be held.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ragkit.encoders import Encoder
from ragkit.ingest.embedding import Embedder
from ragkit.ingest.plan import READ, Plan, Target, inner_prefix
from ragkit.ingest.reading import Cut, Reader, Reading
from ragkit.storage import embeddings, history, ledger, passages
from ragkit.storage.database import Database, advance
from ragkit.storage.indexes import Indexes

GROUP = 64  # files in one commit, at most
WORDS_EVERY = 2.0  # seconds between two updates of the word index while text comes in
PATIENCE = 0.05  # seconds to wait for a file before looking after the encoder


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: files read, and passages that have got their vectors."""

    files: int
    files_total: int
    embedded: int
    pending: int
    seconds: float


@dataclass(slots=True)
class Writer:
    """One run's state: where it writes and what it has counted."""

    store: Database
    indexes: Indexes
    model_id: int
    pending: int  # different texts that wait for a vector
    on_progress: Callable[[Progress], None]
    started: float  # time.monotonic()
    counts: Counter[str] = field(default_factory=Counter)
    roots: dict[str, int] = field(default_factory=dict)  # root path → id
    files_done: int = 0
    words_at: float = 0.0
    text_waits: bool = False  # committed, not yet in the word index

    def settle(self, plan: Plan) -> None:
        """Everything of a plan that needs no file to be read."""
        with self.store.writing() as connection:
            if plan.gone or plan.passed:
                advance(connection)
            root_id = _save_root(connection, plan.target)
            self.roots[plan.target.path] = root_id
            for row, task in plan.moved:
                found = task.found
                ledger.move_file(connection, row.id, root_id, found.path)
                ledger.touch_file(connection, row.id, found.size, found.mtime_ns, found.inode)
            ledger.remove_files(connection, (row.id for row in plan.gone))
            for each in plan.passed:
                file_id = ledger.record_file(
                    connection,
                    root_id,
                    each.path,
                    status="skipped",
                    reason=each.reason,
                    size=each.size,
                )
                self.counts["removed"] += ledger.remove_documents(connection, file_id)
        self.counts["moved"] += len(plan.moved)
        self.counts["removed"] += sum(row.has_text for row in plan.gone)
        self.counts["unchanged"] += plan.unchanged

    def read_and_embed(self, plans: Sequence[Plan], cut: Cut, encoder: Encoder) -> Embedder:
        """Read what the plans say and give every pending passage its vector."""
        tasks = [task for plan in plans for task in plan.read]
        owners = {id(task): self.roots[plan.target.path] for plan in plans for task in plan.read}
        reader = Reader(tasks, cut)
        embedder = Embedder(self.store, encoder, self.model_id)
        try:
            while not reader.finished:
                embedder.feed()
                group = _taken(reader)
                if group:
                    self._save_group(group, owners, cut.recipe)
                self._collect(embedder, 0, len(tasks))
            if reader.error is not None:
                raise reader.error
            self._index_words(now=True)
            embedder.feed()
            while embedder.busy:
                self._collect(embedder, 0.2, len(tasks))
                embedder.feed()
        finally:
            reader.stop()
            embedder.stop()
        if embedder.failure is not None:
            raise embedder.failure
        return embedder

    def _collect(self, embedder: Embedder, patience: float, files_total: int) -> None:
        self.pending -= embedder.collect(patience)
        seconds = time.monotonic() - self.started
        self.on_progress(
            Progress(self.files_done, files_total, embedder.embedded, self.pending, seconds)
        )

    def _save_group(self, group: Sequence[Reading], owners: dict[int, int], recipe: str) -> None:
        with self.store.changing() as (connection, generation):
            for reading in group:
                self._save(connection, generation, owners[id(reading.task)], reading, recipe)
            self.pending += embeddings.pending_in(connection, self.model_id, generation)
        self.files_done += len(group)
        self.text_waits = True
        self._index_words(now=False)

    def _save(
        self,
        connection: sqlite3.Connection,
        generation: int,
        root_id: int,
        reading: Reading,
        recipe: str,
    ) -> None:
        task, known = reading.task, reading.task.known
        if reading.same and known is not None:
            ledger.touch_file(connection, known.id, reading.size, reading.mtime_ns, reading.inode)
            self.counts["unchanged"] += known.status in READ
            return
        document = reading.document
        status = "indexed" if reading.passages else "empty"
        if document is None:
            status = "skipped" if reading.skipped else "failed"
        # A file that cannot be opened just now keeps the text it had; one that opens and holds no
        # document any more does not.
        kept = reading.digest is None and known is not None and known.has_text
        reason = f"{reading.reason}; its earlier text is kept" if kept else reading.reason
        file_id = ledger.record_file(
            connection,
            root_id,
            task.found.path,
            status=status,
            reason=reason,
            size=reading.size,
            mtime_ns=reading.mtime_ns,
            inode=reading.inode,
            digest=reading.digest,
            recipe=recipe,
            media_type=document.media_type if document else None,
            encoding=document.encoding if document else None,
            warnings=document.warnings if document else (),
        )
        if document is None:
            if not kept:
                ledger.remove_documents(connection, file_id)
            return
        document_id = ledger.save_document(connection, file_id, document)
        passages.save_passages(connection, document_id, reading.passages, generation)
        self.counts["read_passages"] += len(reading.passages)
        self.counts["updated" if known and known.has_text else "added"] += 1

    def _index_words(self, *, now: bool) -> None:
        if self.text_waits and (now or time.monotonic() - self.words_at > WORDS_EVERY):
            self.indexes.fold_words()
            self.words_at = time.monotonic()
            self.text_waits = False

    def finish(self) -> None:
        """Bring the index files up to date and forget what nothing refers to."""
        self.indexes.fold_words()
        with self.store.reading() as connection:
            anything_went = history.any_removed(connection)
        if anything_went:
            with self.store.writing() as connection:
                history.forget_unused(connection)
        self.indexes.fold_vectors()


def _save_root(connection: sqlite3.Connection, target: Target) -> int:
    root_id = ledger.save_root(
        connection, target.path, target.folder, target.include, target.exclude
    )
    for inner in target.absorbs:
        ledger.absorb_root(connection, inner, root_id, inner_prefix(inner, target.folder))
    return root_id


def _taken(reader: Reader) -> list[Reading]:
    """The readings that are ready, waiting a little for the first."""
    group: list[Reading] = []
    with contextlib.suppress(queue.Empty):
        group.append(reader.results.get(timeout=PATIENCE))
        while len(group) < GROUP:
            group.append(reader.results.get_nowait())
    return group
