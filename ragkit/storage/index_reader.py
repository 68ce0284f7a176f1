"""`IndexReader`: the open index files of a collection, in step with the database.

An open index is a file written at some generation, plus the changes since from the database. If
the file is missing, damaged or of another model, everything counts as changed: searching works at
once, and the next process that may write rebuilds the file (`IndexWriter`). Knows nothing of
ranking.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ragkit.analysis.language import text_language
from ragkit.storage.checksums import ChecksumCache, is_plausible, parse_record
from ragkit.storage.collection_files import OpenFile, shorten_name
from ragkit.storage.index_writer import INDEX_KINDS, IndexWriter, current_lexical_file
from ragkit.storage.lexical.index import LexicalIndex, is_rewrite_due
from ragkit.storage.sqlite import changes, passages, state
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.state import IndexFile, generation, value
from ragkit.storage.vectors.flat_file import FlatFile
from ragkit.storage.vectors.index import VectorIndex

if TYPE_CHECKING:
    from ragkit.storage.vectors.quantized import QuantizedVectors

Opened = TypeVar("Opened")


class IndexReader:
    """The open index files of one collection. Safe to use from many threads.

    `index_writer` writes them. `notify` gets one line for each file that has to be rebuilt.
    `candidates`: how many candidates the quantized vectors propose for each hit; None: the number
    calibrated when the file was written.
    """

    def __init__(
        self, store: Database, notify: Callable[[str], None], candidates: int | None = None
    ) -> None:
        self._store = store
        self._notify = notify
        self._candidates = candidates
        self._lock = threading.Lock()
        self._vectors: VectorIndex | None = None
        self._vectors_model: int | None = None
        self._lexical: LexicalIndex | None = None
        self._lexical_file: IndexFile | None = None  # that `_lexical` was opened from
        # A file's and a snapshot's generation: no passage was removed between them, or the file
        # cannot be updated.
        self._without_removals: tuple[int, int] | None = None
        self._checksums = ChecksumCache(store.folder, is_verified=store.is_published)
        self.index_writer = IndexWriter(store, self._checksums, notify)

    def vectors(self, connection: sqlite3.Connection) -> VectorIndex | None:
        """Return all searchable vectors as of this snapshot, or of a slightly later one.

        None if the collection has no model yet.
        """
        model = passages.model(connection)
        if model is None:
            return None
        with self._lock:
            index = self._vectors if self._vectors_model == model["id"] else None
            if index is not None and not index.is_unchanged():
                index = self._vectors = None  # and its files are verified again
            if index is None or index.generation < int(value(connection, "trimmed") or 0):
                index = VectorIndex.from_file(None, model["dimension"], 0)
            snapshot_generation = generation(connection)
            index = self._on_newest_file(connection, snapshot_generation, model["id"], index)
            if index.generation < snapshot_generation:
                index = index.with_changes(
                    snapshot_generation,
                    changes.vectors_since(connection, model["id"], index.generation),
                    changes.removed_since(connection, index.generation),
                )
                changes.report_without_vector(connection, model["id"], index.ids, len(index))
            self._vectors, self._vectors_model = index, model["id"]
            return index

    def _on_newest_file(
        self, connection: sqlite3.Connection, newest: int, model_id: int, index: VectorIndex
    ) -> VectorIndex:
        """Return `index`, or the content of the vector file if that is newer than its base.

        `newest` is the generation of the snapshot.
        """
        if self._store.is_untrusted:  # no file that its author wrote is parsed
            return index
        file = self._recorded(connection, "vectors", newest)
        if file is None or file.model_id != model_id:
            return index
        if index.base is not None and index.file_generation >= file.generation:
            if index.quantized is None and (
                codes := self._open_codes(connection, newest, file, index.base)
            ):
                return replace(index, quantized=codes)
            return index
        base = self._open(file, "vectors", lambda opened: FlatFile(opened, index.dimension))
        if base is None:
            return index
        codes = self._open_codes(connection, newest, file, base)
        return VectorIndex.from_file(base, index.dimension, file.generation, codes)

    def _open_codes(
        self, connection: sqlite3.Connection, newest: int, exact: IndexFile, base: FlatFile
    ) -> QuantizedVectors | None:
        """Open the codes of the vectors in the file `exact`, if there are any."""
        file = self._recorded(connection, "codes", newest)
        if file is None or file.model_id != exact.model_id:
            return None
        if file.generation != exact.generation:
            return None
        from ragkit.storage.vectors import quantized

        try:
            calibration = quantized.calibration(parse_record(file.checksum))
        except ValueError as error:
            self._report(file, error)
            return None
        if not quantized.is_current(calibration):
            return None  # made by another version of FAISS; the next `ragkit index` rebuilds them

        def open_codes(opened: OpenFile) -> QuantizedVectors:
            codes = quantized.QuantizedVectors(opened, calibration, len(base), self._candidates)
            if codes.dimension != base.dimension:
                raise ValueError(f"{file.name} contains codes of other vectors")
            return codes

        return self._open(file, "codes", open_codes)

    def _recorded(self, connection: sqlite3.Connection, kind: str, newest: int) -> IndexFile | None:
        """Return the recorded file of this kind; None if there is none, or a damaged one.

        A row that ragkit cannot have written counts as a damaged file; nothing is opened then.
        """
        file = state.index_file(connection, kind)
        if file is None or file in self._checksums.damaged:
            return None
        if not is_plausible(kind, file, newest):
            self._report(
                file, ValueError(f"{shorten_name(file.name)} is not an index file of ragkit")
            )
            return None
        return file

    def _open(
        self, file: IndexFile, kind: str, open_file: Callable[[OpenFile], Opened]
    ) -> Opened | None:
        """Verify a file and open it with `open_file`; report a damaged file and return None."""
        try:
            return open_file(self._checksums.verify_file(kind, file))
        except (OSError, ValueError) as error:
            self._report(file, error)
            return None

    def lexical(self, connection: sqlite3.Connection) -> LexicalIndex:
        """Return the lexical index as of this snapshot; a little older while another process
        writes."""
        with self._lock:
            file = None if self._store.is_untrusted else current_lexical_file(connection)
            if file is None or self._lacks_text(connection, file):
                file = self._refreshed(file)
            elif self._has_removed_text(connection, file):
                refreshed = self._refreshed(file)
                if refreshed is None or refreshed == file:  # not for every search
                    self._without_removals = file.generation, generation(connection)
                file = refreshed or file
            self._lexical = self._lexical_index(connection, file)
            return self._lexical

    def _lacks_text(self, connection: sqlite3.Connection, file: IndexFile) -> bool:
        is_current = file.generation == generation(connection)
        return not is_current and changes.has_newer_text(connection, file.generation)

    def _has_removed_text(self, connection: sqlite3.Connection, file: IndexFile) -> bool:
        """Whether a passage in this file was removed since. Such a passage is never returned, but
        it counts in the frequencies of its terms until the file is updated."""
        compared = file.generation, generation(connection)
        if compared[0] == compared[1] or compared == self._without_removals:
            return False
        if changes.has_removals_since(connection, file.generation):
            return True
        self._without_removals = compared
        return False

    def _lexical_index(
        self, connection: sqlite3.Connection, file: IndexFile | None
    ) -> LexicalIndex:
        """Open this file; without one, build the index of the database's passages in memory."""
        index = self._lexical
        if file is not None and file not in self._checksums.damaged:
            if (
                index is not None
                and not index.memory
                and file == self._lexical_file
                and self._checksums.is_unchanged_folder(file)
            ):
                return index
            try:
                index = LexicalIndex.open(self._checksums.verify_folder(file), file.generation)
            except (OSError, ValueError) as error:
                self._report(file, error)
            else:
                self._lexical_file = file
                return index
        snapshot_generation = generation(connection)
        trimmed = int(value(connection, "trimmed") or 0)
        if index is None or not index.memory or index.generation < trimmed:
            rows = changes.texts_since(connection, 0, text_language)
            return LexicalIndex.in_memory(rows, snapshot_generation)
        if index.generation >= snapshot_generation:
            return index
        removed = changes.removed_since(connection, index.generation)
        if is_rewrite_due(len(index), index.removed + len(removed)):
            rows = changes.texts_since(connection, 0, text_language)
            return LexicalIndex.in_memory(rows, snapshot_generation)
        return index.with_changes(
            snapshot_generation,
            changes.texts_since(connection, index.generation, text_language),
            removed,
        )

    def discard_lexical(self, index: LexicalIndex, error: Exception) -> None:
        """Close an index on which tantivy failed; a file is reported, and rebuilt by `repair`."""
        with self._lock:
            if self._lexical is not index:
                return
            self._lexical = None
            if not index.memory and self._lexical_file is not None:
                self._report(self._lexical_file, error)

    def _refreshed(self, file: IndexFile | None) -> IndexFile | None:
        """Return the lexical index file after an update; `file` while another process writes.

        None on a read-only disk, where the file can never catch up.
        """
        if self._store.read_only:
            return None
        if not self.index_writer.try_refresh():
            return file
        with self._store.reading() as connection:
            return current_lexical_file(connection)

    def repair(self) -> None:
        """Rewrite the files that were found damaged; see `IndexWriter.repair`. Usually does
        nothing."""
        if self._checksums.damaged or self._checksums.restamped:
            self.index_writer.repair()

    def _report(self, file: IndexFile, error: Exception) -> None:
        """Notify the user that a file cannot be used, and remember to rebuild it if it is bad."""
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            # Such as too many open files: the file may be intact.
            self._notify(
                f"{file.name} cannot be read ({error.strerror or error}); searching the database"
            )
            return
        with self._store.reading() as connection:
            if file not in (state.index_file(connection, kind) for kind in INDEX_KINDS):
                return  # a writer has replaced it since our snapshot
        is_missing = isinstance(error, FileNotFoundError)
        reason = f"{file.name} is missing" if is_missing else str(error)
        self._notify(f"{reason}; rebuilt from the database, nothing is embedded again")
        self._checksums.damaged.add(file)
