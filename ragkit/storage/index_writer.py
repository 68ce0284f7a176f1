"""`IndexWriter`: brings the index files up to date with the database.

The lexical index is updated after every change of text. The vector files are rewritten once
enough vectors have changed; until then readers read the changes from the database. A file is
recorded in the database only when it is complete; the files that it replaces are deleted by the
next update. Nothing is embedded here. Knows nothing of searching.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ragkit.analysis import ANALYSIS_VERSION
from ragkit.errors import CollectionError
from ragkit.storage.atomic_files import delete_unused_files, set_aside
from ragkit.storage.checksums import ChecksumCache, checksum_record, folder_checksum, parse_record
from ragkit.storage.lexical import index as lexical_index
from ragkit.storage.lock import writer_lock
from ragkit.storage.sqlite import changes, database, passages
from ragkit.storage.sqlite.database import Database, IndexFile, generation
from ragkit.storage.vectors import flat_file, quantized
from ragkit.storage.vectors.flat_file import FlatFile

INDEX_KINDS = ("vectors", "codes", "words")  # as the table `index_files` names them
MAX_CHANGED_SHARE = 0.1  # of the passages: above it the vector files are rewritten …
MAX_DELTA = 10_000  # … and above this many new vectors, which each opening has to read
_LEXICAL_NAME = (
    f"words-v{ANALYSIS_VERSION}-"  # of folders with terms as `ragkit.analysis` makes them now
)


class IndexWriter:
    """Writes the index files of one collection.

    The caller holds the writer lock, except for `try_refresh` and `repair`, which take the lock
    themselves and do nothing if another process holds it.
    """

    def __init__(self, store: Database, checksums: ChecksumCache) -> None:
        self._store, self._checksums = store, checksums

    def update_lexical(self) -> None:
        """Bring the lexical index up to date. Raises CollectionError if it cannot be written."""
        with self._as_collection_error():
            self._write_lexical()

    def update_vectors(self) -> None:
        """Write new vector files if enough has changed. Raises CollectionError if they cannot be
        written."""
        with self._as_collection_error():
            self._write_vectors()

    def try_refresh(self) -> bool:
        """Update the lexical index unless another process is writing; return whether it was
        updated."""
        with (
            contextlib.suppress(CollectionError),
            writer_lock(self._store.folder, "indexing words"),
        ):
            self.update_lexical()
            return True
        return False

    def repair(self) -> None:
        """Rewrite the damaged files, unless the disk is read-only or another process is writing."""
        damaged = set(self._checksums.damaged)
        if not (damaged or self._checksums.restamped) or self._store.read_only:
            return
        with contextlib.suppress(CollectionError), writer_lock(self._store.folder, "repairing"):
            self._record_stamps()
            if not damaged:
                return
            for file in damaged:
                with self._store.reading() as connection:
                    if file in (database.index_file(connection, kind) for kind in INDEX_KINDS):
                        set_aside(self._store.folder / file.name)
            self.update_lexical()
            self.update_vectors()
            self._checksums.damaged -= damaged

    def _record_stamps(self) -> None:
        """Record the new stamps of intact files, so that no process reads them again for that."""
        with self._store.writing() as connection:
            for kind, file in self._checksums.restamped.items():
                recorded = database.index_file(connection, kind)
                if recorded is not None and recorded.name == file.name:
                    database.record_index_file(connection, kind, file)
        self._checksums.restamped.clear()

    @contextlib.contextmanager
    def _as_collection_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # tantivy raises ValueError for a full disk
            raise CollectionError(
                f"cannot write an index file in {self._store.folder}: {error}. The documents that "
                "were read are kept; remove the cause and run the same command again"
            ) from error

    def _write_lexical(self) -> None:
        with self._store.reading() as connection:
            current_generation, file = generation(connection), current_lexical_file(connection)
            older = None
            if file is not None:
                with contextlib.suppress(OSError, ValueError):
                    older = self._checksums.verify_folder(file)
            since = file.generation if file is not None and older is not None else 0
            removed = changes.removed_since(connection, since) if older else []
            if older and not removed and not changes.has_newer_text(connection, since):
                return
            name = f"{_LEXICAL_NAME}{current_generation}"
            rows = changes.texts_since(connection, since)
            lexical_index.write(self._store.folder / name, older, rows, removed)
            checksums = json.loads(file.checksum) if file is not None and older is not None else {}
            segments = {
                name: value for name, value in checksums.items() if not name.endswith(".json")
            }
            checksum = folder_checksum(self._store.folder / name, segments)
        written = IndexFile(name, current_generation, checksum, None)
        self._checksums.add_written(written)
        self._make_current({"words": written})

    def _write_vectors(self) -> None:
        folder = self._store.folder
        with self._store.reading() as connection:
            model = passages.model(connection)
            if model is None:
                return
            written: dict[str, IndexFile] = {}
            file = database.index_file(connection, "vectors")
            if file is None or not _is_recent(folder, connection, file, model["id"]):
                file = written["vectors"] = _write_flat(folder, connection, model)
            codes = None if written else database.index_file(connection, "codes")
            count = passages.count(connection)
        if _needs_codes(folder, codes, file, quantized.kind(count, model["dimension"])):
            fresh = _write_codes(folder, file, model["dimension"])
            if fresh is not None:
                written["codes"] = fresh
        if written:
            self._make_current(written)

    def _make_current(self, written: dict[str, IndexFile]) -> None:
        """Record files just written, by kind. Codes of other vectors than these are forgotten."""
        with self._store.writing() as connection:
            keep = set(database.index_names(connection))
            for kind, file in written.items():
                database.record_index_file(connection, kind, file)
            if "vectors" in written and "codes" not in written:
                database.forget_index_file(connection, "codes")
            keep |= set(database.index_names(connection))
        # A reader may be opening the previous files at this moment: the next update deletes them.
        delete_unused_files(self._store.folder, keep | {file.name for file in written.values()})


def current_lexical_file(connection: sqlite3.Connection) -> IndexFile | None:
    """Return the lexical index file; None if there is none, or if its terms were made by another
    version of `ragkit.analysis`, so that it has to be rebuilt."""
    file = database.index_file(connection, "words")
    return file if file is not None and file.name.startswith(_LEXICAL_NAME) else None


def _is_recent(
    folder: Path, connection: sqlite3.Connection, file: IndexFile, model_id: int
) -> bool:
    """Whether so little has changed since this vector file that readers can read the changes."""
    if file.model_id != model_id or not (folder / file.name).exists():
        return False
    if file.generation == generation(connection):
        return True
    added, removed = changes.count_changes_since(connection, model_id, file.generation)
    count = passages.count(connection)
    return added <= MAX_DELTA and added + removed <= MAX_CHANGED_SHARE * count


def _write_flat(folder: Path, connection: sqlite3.Connection, model: sqlite3.Row) -> IndexFile:
    """Write the flat vector file: all vectors of this model in this snapshot."""
    current_generation = generation(connection)
    name = f"vectors-{model['fingerprint'][:12]}-{current_generation}.faiss"
    rows = changes.vectors_since(connection, model["id"], 0)
    flat_file.write(folder / name, rows, model["dimension"])
    return IndexFile(name, current_generation, checksum_record(folder / name), model["id"])


def _needs_codes(folder: Path, codes: IndexFile | None, exact: IndexFile, kind: str | None) -> bool:
    """Whether the vectors in `exact` need codes (`kind` is not None) and `codes` are not theirs."""
    if kind is None:
        return False
    if codes is None or not (folder / codes.name).exists():
        return True
    if (codes.generation, codes.model_id) != (exact.generation, exact.model_id):
        return True
    return not quantized.is_current(quantized.calibration(parse_record(codes.checksum)))


def _write_codes(folder: Path, exact: IndexFile, dimension: int) -> IndexFile | None:
    """Write the codes of the vectors in `exact`; None if those are too few."""
    base = FlatFile(folder / exact.name, dimension)
    kind = quantized.kind(len(base), dimension)
    if kind is None:
        return None
    name = exact.name.removesuffix(".faiss") + ".codes"
    calibration = quantized.write(folder / name, base, kind)
    record = checksum_record(folder / name, calibration._asdict())
    return IndexFile(name, exact.generation, record, exact.model_id)
