"""Carry out the plans of a run: the only code that writes documents, passages and vectors.

The order of work makes every prefix of it searchable and resumable: moves, removals and reasons;
then text in groups, found by lexical search at once; then vectors in batches; then the index
files; last, unused rows are deleted. The caller must hold the writer lock.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise

from ragkit.encoders import Encoder
from ragkit.ingest.embedding import Embedder, Rank
from ragkit.ingest.options import ReadSettings
from ragkit.ingest.plan import READ_STATUSES, Plan, ScanTarget, inner_prefix
from ragkit.ingest.reading import ENCRYPTED, ReadContext, Reader, ReadResult, SplitRecord
from ragkit.records.documents import Document
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.sqlite import changes, passages
from ragkit.storage.sqlite import documents as document_rows
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.file_status import LEFT_OUT_KINDS
from ragkit.storage.sqlite.state import advance
from ragkit.storage.sqlite.vector_cache import VectorCache

MAX_FILES_PER_COMMIT = 64
MAX_LISTED_PARTS = 1000  # unread parts, or warnings, stored for one file
LEXICAL_UPDATE_SECONDS = 2.0  # between updates of the lexical index while files are read
WAIT_SECONDS = 0.05  # for a file, before the encoder is supplied again


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: files read, and distinct texts embedded."""

    files: int
    files_total: int
    embedded: int
    pending: int  # texts without a vector
    seconds: float  # since the start


@dataclass(slots=True)
class CollectionWriter:
    """Writes the results of one run into the collection, and counts them."""

    store: Database
    index_writer: IndexWriter
    model_id: int
    on_progress: Callable[[Progress], None]
    started: float  # time.monotonic()
    vector_cache: VectorCache | None = None
    pending: int = 0  # distinct texts without a vector, approximately
    counts: Counter[str] = field(default_factory=Counter)
    roots: dict[str, int] = field(default_factory=dict)  # root path → id
    moved_root_ids: set[int] = field(default_factory=set)
    files_done: int = 0
    lexical_updated_at: float = 0.0
    lexical_index_is_stale: bool = False  # there is committed text that it lacks

    def apply_without_reading(self, plans: Sequence[Plan]) -> None:
        """Apply what needs no file to be read: moves, removals, skipped files."""
        for plan in plans:
            self._apply_plan(plan)
        self._save_mount_points(plans)
        if self.moved_root_ids:
            with self.store.writing() as connection:
                for (
                    root_id
                ) in self.moved_root_ids:  # after all plans, which may have moved their files
                    file_rows.remove_root(connection, root_id)

    def _apply_plan(self, plan: Plan) -> None:
        with self.store.writing() as connection:
            if plan.removed or plan.skipped or plan.target.moved_roots:
                advance(connection)
            root_id = _save_root(connection, plan.target)
            self.roots[plan.target.path] = root_id
            file_rows.remove_files(connection, (row.id for row in plan.removed))
            for row, path in plan.moved_with_root:
                file_rows.move_file(connection, row.id, root_id, path)
            for row, task in plan.moved:
                file = task.file
                file_rows.move_file(connection, row.id, root_id, file.path)
                # Without a reliable stamp, or with another, only the content was compared.
                is_same = row.mtime_ns == file.mtime_ns and row.ctime_ns != file_rows.MAY_REPEAT
                ctime_ns = file.ctime_ns if is_same else file_rows.MAY_REPEAT
                file_rows.touch_file(
                    connection, row.id, file.size, file.mtime_ns, file.inode, ctime_ns
                )
            file_rows.save_change_times(connection, plan.change_times)
            timestamp = _now()
            for skipped, _ in plan.skipped:
                file_id = file_rows.record_file(
                    connection,
                    root_id,
                    skipped.path,
                    status=skipped.status,
                    reason=skipped.reason,
                    size=skipped.size,
                    details={"kind": skipped.kind, "indexed_at": timestamp},
                )
                self.counts["removed"] += document_rows.remove_documents(connection, file_id)
        self.counts["moved"] += len(plan.moved) + plan.moved_with_root_count
        self.counts["removed"] += sum(row.has_text for row in plan.removed)
        self.counts["unchanged"] += plan.unchanged_count
        self.moved_root_ids |= {root.id for root in plan.target.moved_roots}

    def _save_mount_points(self, plans: Sequence[Plan]) -> None:
        with self.store.reading() as connection:
            stored = file_rows.mount_points(connection)
        forgotten = {point for plan in plans for point in plan.forgotten_mount_points}
        mount_points = {point for plan in plans for point in plan.mount_points}
        if (current := (stored - forgotten) | mount_points) != stored:
            with self.store.writing() as connection:
                file_rows.set_mount_points(connection, current)

    def read_and_embed(
        self, plans: Sequence[Plan], context: ReadContext, load_encoder: Callable[[], Encoder]
    ) -> Embedder:
        """Read the files of the plans and embed every passage without a vector.

        Raises the first error of the reading thread or of the encoder. Text that was read by then
        is stored.
        """
        tasks = [task for plan in plans for task in plan.to_read]
        root_ids = {
            id(task): self.roots[plan.target.path] for plan in plans for task in plan.to_read
        }
        with contextlib.ExitStack() as threads:
            embedder = Embedder(self.store, load_encoder, self.model_id, self.vector_cache)
            threads.callback(embedder.stop)
            reader = Reader(tasks, context)
            threads.callback(reader.stop)  # before the embedder
            while not reader.finished:
                embedder.feed()
                group = reader.take(MAX_FILES_PER_COMMIT, WAIT_SECONDS)
                if group:
                    embedder.add(self.save_group(group, root_ids, context.read_settings))
                self._collect(embedder, 0, len(tasks))
            if reader.error is not None:
                raise reader.error
            self._update_lexical_index(force=True)
            embedder.feed(everything=True)
            while embedder.is_busy:
                self._collect(embedder, 0.2, len(tasks))
                embedder.feed(everything=True)
        if embedder.failure is not None:
            raise embedder.failure
        self.pending = 0
        self._collect(embedder, 0, len(tasks))
        return embedder

    def _collect(self, embedder: Embedder, wait_seconds: float, files_total: int) -> None:
        self.pending = max(0, self.pending - embedder.collect(wait_seconds))
        seconds = time.monotonic() - self.started
        self.on_progress(
            Progress(self.files_done, files_total, embedder.embedded, self.pending, seconds)
        )

    def save_group(
        self, group: Sequence[ReadResult], root_ids: dict[int, int], read_settings: ReadSettings
    ) -> list[tuple[Rank, int]]:
        """Save the results in one commit. Returns the ids of the documents, each with its rank."""
        with self.store.changing() as (connection, generation):
            saved = [
                self._save_result(
                    connection, generation, root_ids[id(result.task)], result, read_settings
                )
                for result in group
            ]
        self.files_done += sum(not result.is_partial for result in group)
        self.lexical_index_is_stale = True
        self._update_lexical_index(force=False)
        files = [result.task.file for result in group]
        return [
            (Rank.of_file(file.path, file.mtime_ns), document_id)
            for file, documents in zip(files, saved, strict=True)
            for document_id in documents
        ]

    def _save_result(
        self,
        connection: sqlite3.Connection,
        generation: int,
        root_id: int,
        result: ReadResult,
        read_settings: ReadSettings,
    ) -> list[int]:
        """Save the result of one file. Returns the ids of its documents."""
        task, stored = result.task, result.task.stored
        if result.is_unchanged and stored is not None:
            file_rows.touch_file(
                connection,
                stored.id,
                result.size,
                result.mtime_ns,
                result.inode,
                result.ctime_ns,
                result.sample,
            )
            moved = stored.root_id in self.moved_root_ids
            self.counts["moved" if moved else "unchanged"] += stored.status in READ_STATUSES
            return []
        if result.is_partial:
            return self._save_partial(connection, generation, root_id, result)
        status = "indexed" if any(part.passages for part in result.parts) else "empty"
        if result.saved:
            status = "indexed"
        elif not result.parts:
            status = "skipped" if result.skipped else "failed"
            if result.kind == "unsupported":
                status = "unsupported"
        opened_before: list[str] = []  # members whose password only an earlier run had
        if result.is_encrypted and stored is not None and stored.hash == result.digest:
            known = document_rows.records(connection, stored.id)
            result, opened_before = _without_opened_before(result, known)
        # A file that cannot be opened now keeps its stored text; one that opens but has no document
        # any more does not.
        keeps_text = result.digest is None and stored is not None and stored.has_text
        reason = f"{result.reason}; its earlier text is kept" if keeps_text else result.reason
        file_id = file_rows.record_file(
            connection,
            root_id,
            task.file.path,
            status=status,
            reason=reason,
            size=result.size,
            mtime_ns=result.mtime_ns,
            inode=result.inode,
            ctime_ns=result.ctime_ns,
            digest=result.digest,
            recipe=read_settings.note(
                images=result.has_images,
                failed=result.has_failed,
                generated=result.generated,
                encrypted=result.is_encrypted,
                beside=result.beside,
            ),
            media_type=result.media_type,
            encoding=_encoding(result),
            warnings=_warnings(result),
            details=_details(result),
        )
        if not keeps_text:
            kept_records = [*(part.record for part in result.parts), *opened_before, *result.saved]
            document_rows.remove_documents(connection, file_id, keep=kept_records)
        saved = [self._save_part(connection, generation, file_id, part) for part in result.parts]
        if saved or result.saved:
            self.counts["updated" if stored and stored.has_text else "added"] += 1
        return saved

    def _save_partial(
        self, connection: sqlite3.Connection, generation: int, root_id: int, result: ReadResult
    ) -> list[int]:
        """Save documents of a file that is not read to its end yet: an interrupted run leaves them,
        and the next one reads the file again. Returns their ids."""
        file_id = file_rows.record_file(
            connection,
            root_id,
            result.task.file.path,
            status="indexed",
            reason=None,
            size=result.size,
            media_type=result.media_type,
            details={"indexed_at": _now()},
        )
        return [self._save_part(connection, generation, file_id, part) for part in result.parts]

    def _save_part(
        self, connection: sqlite3.Connection, generation: int, file_id: int, part: SplitRecord
    ) -> int:
        document_id = document_rows.save_document(connection, file_id, part.document, part.record)
        self.pending -= passages.count_pending_in_document(connection, self.model_id, document_id)
        passages.save_passages(connection, document_id, part.passages, generation)
        self.pending += passages.count_pending_in_document(connection, self.model_id, document_id)
        self.counts["read_passages"] += len(part.passages)
        return document_id

    def _update_lexical_index(self, *, force: bool) -> None:
        if self.lexical_index_is_stale and (
            force or time.monotonic() - self.lexical_updated_at > LEXICAL_UPDATE_SECONDS
        ):
            self.index_writer.update_lexical(may_rewrite=False)  # `finish` does, once
            self.lexical_updated_at = time.monotonic()
            self.lexical_index_is_stale = False

    def finish(self) -> None:
        """Update the index files, delete unused rows, and record if no passage is pending any
        more."""
        self.index_writer.update_lexical()
        with self.store.reading() as connection:
            has_removals = changes.has_removals(connection)
            is_complete = passages.is_complete(connection)
        if has_removals or not is_complete:
            with self.store.writing() as connection:
                changes.delete_unused_rows(connection)
                if not passages.has_pending(connection, self.model_id):
                    passages.mark_complete(connection)
        self.index_writer.update_vectors()


def _without_opened_before(
    result: ReadResult, known: Sequence[str]
) -> tuple[ReadResult, list[str]]:
    """Return the result without the encrypted members that have a document already, and the
    `known` records that are to be kept: those documents, and what is in them."""
    closed = {part.record for part in result.unread if part.kind == ENCRYPTED}
    opened = closed.intersection(known)
    unread = [part for part in result.unread if part.record not in opened]
    kept = [
        record
        for record in known
        if record in opened or any(record.startswith(f"{name}/") for name in closed)
    ]
    return replace(result, unread=unread), kept


def _save_root(connection: sqlite3.Connection, target: ScanTarget) -> int:
    root_id = file_rows.save_root(
        connection, target.path, target.folder, target.include, target.exclude
    )
    for inner in target.absorbed_roots:
        file_rows.absorb_root(connection, inner, root_id, inner_prefix(inner, target.folder))
    return root_id


def _encoding(result: ReadResult) -> str | None:
    """Return the encoding of the file's documents; None if they differ."""
    values = {part.document.encoding for part in result.parts}
    return values.pop() if len(values) == 1 else None


def _warnings(result: ReadResult) -> list[str]:
    """Return the first warnings of the file's documents, with the record they belong to."""
    values = [
        f"{part.record}: {warning}" if part.record else warning
        for part in result.parts
        for warning in part.document.warnings
    ]
    overflow = (
        [f"and {len(values) - MAX_LISTED_PARTS:,} warnings more"]
        if len(values) > MAX_LISTED_PARTS
        else []
    )
    return values[:MAX_LISTED_PARTS] + overflow


def _details(result: ReadResult) -> dict[str, object]:
    """Return the details that are stored with a file as JSON; empty ones are left out."""
    documents = [part.document for part in result.parts]
    encoding_sources = {document.encoding_by for document in documents}
    details = {
        "kind": result.kind,
        "sample": result.sample,
        "media_type_by": result.media_type_by,
        "encoding_by": encoding_sources.pop() if len(encoding_sources) == 1 else None,
        "pages": sum(len(document.pages) for document in documents),
        "empty_pages": sum(map(_count_empty_pages, documents)),
        **_ocr_details(documents),
        "tables": sum(len(document.tables) for document in documents),
        "unread": [
            (unread.record, unread.reason, unread.skipped, unread.kind)
            for unread in sorted(result.unread, key=lambda part: part.kind in LEFT_OUT_KINDS)[
                :MAX_LISTED_PARTS
            ]
        ],
        "unread_count": len(result.unread),
        "secrets": [
            (secret.kind, secret.line, secret.record)
            for secret in result.secrets[:MAX_LISTED_PARTS]
        ],
        "secrets_count": len(result.secrets),
    }
    present = {name: value for name, value in details.items() if value}
    return {**present, "seconds": round(result.seconds, 4), "indexed_at": _now()}


def _ocr_details(documents: Sequence[Document]) -> dict[str, object]:
    """Return the OCR details of a file; the confidence is the mean over its recognised pages."""
    recognitions = [
        document.recognition
        for document in documents
        if document.recognition and document.recognition.pages
    ]
    with_confidence = [
        (recognition.confidence, len(recognition.pages))
        for recognition in recognitions
        if recognition.confidence is not None
    ]
    page_count = sum(pages for _, pages in with_confidence)
    return {
        "ocr_pages": sum(len(recognition.pages) for recognition in recognitions),
        "ocr_engine": recognitions[0].engine if recognitions else None,
        "ocr_languages": recognitions[0].languages if recognitions else None,
        "ocr_confidence": round(
            sum(confidence * pages for confidence, pages in with_confidence) / page_count, 1
        )
        if page_count
        else None,
    }


def _count_empty_pages(document: Document) -> int:
    """Return the number of pages with only white space."""
    page_bounds = (*document.pages, len(document.text))
    return sum(not document.text[start:end].strip() for start, end in pairwise(page_bounds))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
