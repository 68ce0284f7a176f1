"""Carries out plans: the only code that writes documents, passages and vectors.

Order of work, so that every prefix of it is searchable and can be gone on from: moves, removals
and reasons; then text in groups, found by words from then on; then vectors in steps; then the
index files; at last what nothing refers to is forgotten. The writer's lock must be held.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from ragkit.encoders import Encoder
from ragkit.ingest.embedding import Embedder
from ragkit.ingest.options import ReadSettings
from ragkit.ingest.plan import READ, Plan, ScanTarget, inner_prefix
from ragkit.ingest.reading import ReadContext, SplitRecord, Reader, ReadResult
from ragkit.records.documents import Document
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.sqlite import changes, embeddings, passages
from ragkit.storage.sqlite import documents as document_rows
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database, advance
from ragkit.storage.sqlite.file_status import LEFT_OUT_KINDS

GROUP = 64  # files in one commit, at most
NAMED = 1000  # parts of one file that the ledger names, where they could not be read
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
    index_writer: IndexWriter
    model_id: int
    on_progress: Callable[[Progress], None]
    started: float  # time.monotonic()
    pending: int = 0  # different texts that wait for a vector, roughly
    counts: Counter[str] = field(default_factory=Counter)
    roots: dict[str, int] = field(default_factory=dict)  # root path → id
    moved_roots: set[int] = field(default_factory=set)
    files_done: int = 0
    words_at: float = 0.0
    text_waits: bool = False  # committed, not yet in the word index

    def settle(self, plans: Sequence[Plan]) -> None:
        """Everything of the plans that needs no file to be read."""
        for plan in plans:
            self._settle(plan)
        if self.moved_roots:
            with self.store.writing() as connection:
                for root_id in self.moved_roots:  # only now: any plan may have taken their files
                    file_rows.remove_root(connection, root_id)

    def _settle(self, plan: Plan) -> None:
        with self.store.writing() as connection:
            if plan.gone or plan.passed or plan.target.moved:
                advance(connection)
            root_id = _save_root(connection, plan.target)
            self.roots[plan.target.path] = root_id
            file_rows.remove_files(connection, (row.id for row in plan.gone))
            for row, path in plan.carried:
                file_rows.move_file(connection, row.id, root_id, path)
            for row, task in plan.moved:
                found = task.found
                file_rows.move_file(connection, row.id, root_id, found.path)
                file_rows.touch_file(connection, row.id, found.size, found.mtime_ns, found.inode)
            now = _now()
            for each, _ in plan.passed:
                file_id = file_rows.record_file(
                    connection,
                    root_id,
                    each.path,
                    status="skipped",
                    reason=each.reason,
                    size=each.size,
                    details={"kind": each.kind, "indexed_at": now},
                )
                self.counts["removed"] += document_rows.remove_documents(connection, file_id)
        self.counts["moved"] += len(plan.moved) + plan.along
        self.counts["removed"] += sum(row.has_text for row in plan.gone)
        self.counts["unchanged"] += plan.unchanged
        self.moved_roots |= {root.id for root in plan.target.moved}

    def read_and_embed(
        self, plans: Sequence[Plan], context: ReadContext, load_encoder: Callable[[], Encoder]
    ) -> Embedder:
        """Read what the plans say and give every pending passage its vector."""
        tasks = [task for plan in plans for task in plan.read]
        owners = {id(task): self.roots[plan.target.path] for plan in plans for task in plan.read}
        reader = Reader(tasks, context)
        embedder = Embedder(self.store, load_encoder, self.model_id)
        try:
            while not reader.finished:
                embedder.feed()
                group = reader.take(GROUP, PATIENCE)
                if group:
                    embedder.add(self._save_group(group, owners, context.read_settings))
                self._collect(embedder, 0, len(tasks))
            if reader.error is not None:
                raise reader.error
            self._index_words(now=True)
            embedder.feed(everything=True)
            while embedder.busy:
                self._collect(embedder, 0.2, len(tasks))
                embedder.feed(everything=True)
        finally:
            reader.stop()
            embedder.stop()
        if embedder.failure is not None:
            raise embedder.failure
        self.pending = 0
        self._collect(embedder, 0, len(tasks))
        return embedder

    def _collect(self, embedder: Embedder, patience: float, files_total: int) -> None:
        self.pending = max(0, self.pending - embedder.collect(patience))
        seconds = time.monotonic() - self.started
        self.on_progress(
            Progress(self.files_done, files_total, embedder.embedded, self.pending, seconds)
        )

    def _save_group(
        self, group: Sequence[ReadResult], owners: dict[int, int], read_settings: ReadSettings
    ) -> list[int]:
        """Commit what was read; returns the ids of the documents."""
        with self.store.changing() as (connection, generation):
            saved = [
                self._save(connection, generation, owners[id(reading.task)], reading, read_settings)
                for reading in group
            ]
        self.files_done += len(group)
        self.text_waits = True
        self._index_words(now=False)
        return [document_id for documents in saved for document_id in documents]

    def _save(
        self,
        connection: sqlite3.Connection,
        generation: int,
        root_id: int,
        reading: ReadResult,
        read_settings: ReadSettings,
    ) -> list[int]:
        """Write what became of a file; returns the ids of its documents."""
        task, known = reading.task, reading.task.known
        if reading.same and known is not None:
            file_rows.touch_file(
                connection, known.id, reading.size, reading.mtime_ns, reading.inode
            )
            moved = known.root_id in self.moved_roots
            self.counts["moved" if moved else "unchanged"] += known.status in READ
            return []
        status = "indexed" if any(part.passages for part in reading.parts) else "empty"
        if not reading.parts:
            status = "skipped" if reading.skipped else "failed"
        # A file that cannot be opened just now keeps the text it had; one that opens and holds no
        # document any more does not.
        kept = reading.digest is None and known is not None and known.has_text
        reason = f"{reading.reason}; its earlier text is kept" if kept else reading.reason
        file_id = file_rows.record_file(
            connection,
            root_id,
            task.found.path,
            status=status,
            reason=reason,
            size=reading.size,
            mtime_ns=reading.mtime_ns,
            inode=reading.inode,
            digest=reading.digest,
            recipe=read_settings.note(images=reading.has_images, failed=reading.has_failed),
            media_type=reading.media_type,
            encoding=_encoding(reading),
            warnings=_warnings(reading),
            details=_details(reading),
        )
        if not kept:
            kept_records = [part.record for part in reading.parts]
            document_rows.remove_documents(connection, file_id, keep=kept_records)
        saved = [self._save_part(connection, generation, file_id, part) for part in reading.parts]
        if saved:
            self.counts["updated" if known and known.has_text else "added"] += 1
        return saved

    def _save_part(
        self, connection: sqlite3.Connection, generation: int, file_id: int, part: SplitRecord
    ) -> int:
        document_id = document_rows.save_document(connection, file_id, part.document, part.record)
        self.pending -= embeddings.count_pending_in_document(connection, self.model_id, document_id)
        passages.save_passages(connection, document_id, part.passages, generation)
        self.pending += embeddings.count_pending_in_document(connection, self.model_id, document_id)
        self.counts["read_passages"] += len(part.passages)
        return document_id

    def _index_words(self, *, now: bool) -> None:
        if self.text_waits and (now or time.monotonic() - self.words_at > WORDS_EVERY):
            self.index_writer.update_lexical()
            self.words_at = time.monotonic()
            self.text_waits = False

    def finish(self) -> None:
        """Bring the index files up to date, forget what nothing refers to, note if all is done."""
        self.index_writer.update_lexical()
        with self.store.reading() as connection:
            anything_went = changes.has_removals(connection)
            note = embeddings.is_complete(connection)
        if anything_went or not note:
            with self.store.writing() as connection:
                changes.delete_unused_rows(connection)
                if not embeddings.has_pending(connection, self.model_id):
                    embeddings.mark_complete(connection)
        self.index_writer.update_vectors()


def _save_root(connection: sqlite3.Connection, target: ScanTarget) -> int:
    root_id = file_rows.save_root(
        connection, target.path, target.folder, target.include, target.exclude
    )
    for inner in target.absorbs:
        file_rows.absorb_root(connection, inner, root_id, inner_prefix(inner, target.folder))
    return root_id


def _encoding(reading: ReadResult) -> str | None:
    """The encoding that the file's documents have in common."""
    found = {part.document.encoding for part in reading.parts}
    return found.pop() if len(found) == 1 else None


def _warnings(reading: ReadResult) -> list[str]:
    """What was lost or guessed, with where in the file; the first of them."""
    found = [
        f"{part.record}: {warning}" if part.record else warning
        for part in reading.parts
        for warning in part.document.warnings
    ]
    more = [f"and {len(found) - NAMED:,} warnings more"] if len(found) > NAMED else []
    return found[:NAMED] + more


def _details(reading: ReadResult) -> dict[str, object]:
    """What the ledger notes of a file beyond its columns; only what there is to say."""
    documents = [part.document for part in reading.parts]
    by = {document.encoding_by for document in documents}
    note = {
        "kind": reading.kind,
        "media_type_by": reading.media_type_by,
        "encoding_by": by.pop() if len(by) == 1 else None,
        "pages": sum(len(document.pages) for document in documents),
        "empty_pages": sum(map(_empty_pages, documents)),
        **_recognition(documents),
        "tables": sum(len(document.tables) for document in documents),
        "unread": [
            (each.record, each.reason, each.skipped, each.kind)
            for each in sorted(reading.unread, key=lambda each: each.kind in LEFT_OUT_KINDS)[:NAMED]
        ],
        "unread_count": len(reading.unread),
    }
    kept = {name: value for name, value in note.items() if value}
    return {**kept, "seconds": round(reading.seconds, 4), "indexed_at": _now()}


def _recognition(documents: Sequence[Document]) -> dict[str, object]:
    """How pages that are images were read; the confidence is the mean of all such pages."""
    made = [each.recognition for each in documents if each.recognition and each.recognition.pages]
    sure = [(each.confidence, len(each.pages)) for each in made if each.confidence is not None]
    weight = sum(pages for _, pages in sure)
    return {
        "ocr_pages": sum(len(each.pages) for each in made),
        "ocr_engine": made[0].engine if made else None,
        "ocr_languages": made[0].languages if made else None,
        "ocr_confidence": round(sum(c * n for c, n in sure) / weight, 1) if weight else None,
    }


def _empty_pages(document: Document) -> int:
    """How many pages have nothing but white space."""
    borders = (*document.pages, len(document.text))
    return sum(not document.text[start:end].strip() for start, end in pairwise(borders))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
