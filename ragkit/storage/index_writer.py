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
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ragkit.analysis import ANALYSIS_VERSION
from ragkit.analysis.language import text_language
from ragkit.analysis.libraries import analysis_versions, changed_versions
from ragkit.errors import CollectionError
from ragkit.storage.atomic_files import delete_unused_files, set_aside
from ragkit.storage.checksums import (
    ChecksumCache,
    checksum_record,
    folder_checksum,
    is_plausible,
    parse_record,
)
from ragkit.storage.collection_files import name_part
from ragkit.storage.lexical import index as lexical_index
from ragkit.storage.lock import writer_lock
from ragkit.storage.sqlite import changes, passages, state
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.state import IndexFile, advance, generation, set_value, value
from ragkit.storage.vectors import flat_file, quantized
from ragkit.storage.vectors.flat_file import FlatFile

INDEX_KINDS = ("vectors", "codes", "words")  # as the table `index_files` names them
MAX_CHANGED_SHARE = 0.1  # of the passages: above it the vector files are rewritten …
MAX_DELTA = 10_000  # … and above this many new vectors, which each opening has to read
_LEXICAL_NAME = (
    f"words-v{ANALYSIS_VERSION}-"  # of folders with terms as `ragkit.analysis` makes them now
)


_REMOVED_KEY = "lexical_removed"  # of the table `collection`
_VERSIONS_KEY = "lexical_versions"  # the same: what its terms were made with


class _LexicalUpdate(NamedTuple):
    """How to write the lexical index: anew, or as `older`, the folder of `file`, with changes.

    `removed`: passages removed since it was last written anew. `is_rewrite`: the current index is
    up to date and is written anew.
    """

    file: IndexFile | None
    older: Path | None
    removed: int
    is_rewrite: bool


class IndexWriter:
    """Writes the index files of one collection.

    The caller holds the writer lock, except for `try_refresh` and `repair`, which take the lock
    themselves and do nothing if another process holds it.
    """

    def __init__(
        self,
        store: Database,
        checksums: ChecksumCache,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self._store, self._checksums, self._notify = store, checksums, notify

    def update_lexical(self, *, may_rewrite: bool = True) -> None:
        """Bring the lexical index up to date. Raises CollectionError if it cannot be written.

        It is written anew if so many passages were removed that its scores would differ from those
        of a new index (`lexical.index.is_rewrite_due`); with `may_rewrite=False` the next call does
        that.
        """
        with self._as_collection_error():
            self._write_lexical(may_rewrite=may_rewrite)

    def update_vectors(self) -> None:
        """Write new vector files if enough has changed. Raises CollectionError if they cannot be
        written."""
        with self._as_collection_error():
            self._write_vectors()
            if self._checksums.restamped:
                self._record_stamps()

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
                self._discard(file)
            self.update_lexical()
            self.update_vectors()
            self._checksums.damaged -= damaged

    def _discard(self, damaged: IndexFile) -> None:
        """Forget a damaged file and set it aside, unless it was replaced already."""
        with self._store.writing() as connection:
            kinds = [kind for kind in INDEX_KINDS if state.index_file(connection, kind) == damaged]
            for kind in kinds:
                state.forget_index_file(connection, kind)
        if kinds:
            set_aside(self._store.folder, damaged.name)

    def _record_stamps(self) -> None:
        """Record the new stamps of intact files, so that no process reads them again for that."""
        with self._store.writing() as connection:
            for kind, file in self._checksums.restamped.items():
                recorded = state.index_file(connection, kind)
                if recorded is not None and recorded.name == file.name:
                    state.record_index_file(connection, kind, file)
        self._checksums.restamped.clear()

    @contextlib.contextmanager
    def _as_collection_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise CollectionError(
                f"cannot write an index file in {self._store.folder}: {reason}. The documents that "
                "were read are kept; remove the cause and run the same command again"
            ) from error

    def _write_lexical(self, *, may_rewrite: bool) -> None:
        update = self._plan_lexical(may_rewrite=may_rewrite)
        if update is None:
            return
        if update.is_rewrite:  # under a new name: readers have the folder of this generation open
            with self._store.writing() as connection:
                advance(connection)
        with self._store.reading() as connection:
            current_generation = generation(connection)
            name = f"{_LEXICAL_NAME}{current_generation}"
            since = update.file.generation if update.file is not None else 0
            rows = changes.texts_since(connection, since, text_language)
            removed = changes.removed_since(connection, since) if since else []
            lexical_index.write(self._store.folder / name, update.older, rows, removed)
            checksums = json.loads(update.file.checksum) if update.file is not None else {}
            segments = {
                name: value for name, value in checksums.items() if not name.endswith(".json")
            }
            checksum = folder_checksum(self._store.folder / name, segments)
        written = IndexFile(name, current_generation, checksum, None)
        self._checksums.add_written(written)
        values: dict[str, int | str] = {_REMOVED_KEY: update.removed}
        values[_VERSIONS_KEY] = analysis_versions()
        self._make_current({"words": written}, values)

    def _plan_lexical(self, *, may_rewrite: bool) -> _LexicalUpdate | None:
        """Return how to bring the lexical index up to date; None if it is. The caller holds the
        writer lock, so the database does not change until the update is written."""
        with self._store.reading() as connection:
            file, older = current_lexical_file(connection), None
            if file is not None and file not in self._checksums.damaged:
                with contextlib.suppress(OSError, ValueError):
                    older = self._checksums.verify_folder(file)
            if file is None and (outdated := outdated_versions(connection)):
                if self._notify is not None:
                    self._notify(
                        f"the word index was made with {outdated}; it is rebuilt from the "
                        "database, nothing is embedded again"
                    )
                return _LexicalUpdate(None, None, 0, is_rewrite=True)
            if file is None or older is None:
                return _LexicalUpdate(None, None, 0, is_rewrite=False)
            stored = value(connection, _REMOVED_KEY)
            if not isinstance(stored, int):  # written by an earlier version
                stored = changes.count_ever_removed(connection)
            removed = stored + len(changes.removed_since(connection, file.generation))
            if (
                may_rewrite
                and removed
                and lexical_index.is_rewrite_due(passages.count(connection), removed)
            ):
                is_current = file.generation == generation(connection)
                return _LexicalUpdate(None, None, 0, is_rewrite=is_current)
            if removed == stored and not changes.has_newer_text(connection, file.generation):
                return None
            return _LexicalUpdate(file, older, removed, is_rewrite=False)

    def _write_vectors(self) -> None:
        folder = self._store.folder
        with self._store.reading() as connection:
            model = passages.model(connection)
            if model is None:
                return
            written: dict[str, IndexFile] = {}
            file = self._intact(connection, "vectors")
            if file is None or not _is_recent(connection, file, model["id"]):
                file = written["vectors"] = _write_flat(folder, connection, model)
            codes = None if written else self._intact(connection, "codes")
            count = passages.count(connection)
        if _needs_codes(codes, file, quantized.kind(count, model["dimension"])):
            fresh = _write_codes(folder, file, model["dimension"])
            if fresh is not None:
                written["codes"] = fresh
        if written:
            self._make_current(written)

    def _intact(self, connection: sqlite3.Connection, kind: str) -> IndexFile | None:
        """Return the recorded vector file of this kind; None if it is not what was written."""
        file = state.index_file(connection, kind)
        if file is None or not is_plausible(kind, file, generation(connection)):
            return None
        try:
            self._checksums.verify_file(kind, file)
        except (OSError, ValueError):
            return None
        return file

    def _make_current(
        self, written: dict[str, IndexFile], values: Mapping[str, int | str] | None = None
    ) -> None:
        """Record files just written, by kind, and `values` of the table `collection`. Codes of
        other vectors than these are forgotten."""
        with self._store.writing() as connection:
            for key, number in (values or {}).items():
                set_value(connection, key, number)
            keep = set(state.index_names(connection))
            for kind, file in written.items():
                recorded = state.index_file(connection, kind)
                if recorded and not is_plausible(kind, recorded, generation(connection)):
                    state.forget_index_file(connection, kind)  # its generation may be any number
                state.record_index_file(connection, kind, file)
            if "vectors" in written and "codes" not in written:
                state.forget_index_file(connection, "codes")
            keep |= set(state.index_names(connection))
        # A reader may be opening the previous files at this moment: the next update deletes them.
        delete_unused_files(self._store.folder, keep | {file.name for file in written.values()})


def current_lexical_file(connection: sqlite3.Connection) -> IndexFile | None:
    """Return the lexical index file; None if there is none, or if its terms were made by another
    version of `ragkit.analysis` or of its libraries, or not by ragkit at all, so that it has to be
    rebuilt."""
    file = state.index_file(connection, "words")
    if file is None or not is_plausible("words", file, generation(connection)):
        return None
    is_current = value(connection, _VERSIONS_KEY) == analysis_versions()
    return file if is_current and file.name.startswith(_LEXICAL_NAME) else None


def outdated_versions(connection: sqlite3.Connection) -> str | None:
    """Return the versions that the recorded lexical index was made with, and those of now, where
    they differ; None if there is no such index, or if they do not differ."""
    if state.index_file(connection, "words") is None:
        return None
    stored = value(connection, _VERSIONS_KEY)
    if not isinstance(stored, str):
        return "an earlier version of ragkit"
    return changed_versions(stored) or None


def _is_recent(connection: sqlite3.Connection, file: IndexFile, model_id: int) -> bool:
    """Whether so little has changed since this vector file that readers can read the changes."""
    if file.model_id != model_id:
        return False
    if file.generation == generation(connection):
        return True
    added, removed = changes.count_changes_since(connection, model_id, file.generation)
    count = passages.count(connection)
    return added <= MAX_DELTA and added + removed <= MAX_CHANGED_SHARE * count


def _write_flat(folder: Path, connection: sqlite3.Connection, model: sqlite3.Row) -> IndexFile:
    """Write the flat vector file: all vectors of this model in this snapshot."""
    current_generation = generation(connection)
    name = f"vectors-{name_part(model['fingerprint'])}-{current_generation}.faiss"
    rows = changes.vectors_since(connection, model["id"], 0)
    flat_file.write(folder / name, rows, model["dimension"])
    return IndexFile(name, current_generation, checksum_record(folder / name), model["id"])


def _needs_codes(codes: IndexFile | None, exact: IndexFile, kind: str | None) -> bool:
    """Whether the vectors in `exact` need codes (`kind` is not None) and `codes` are not theirs."""
    if kind is None:
        return False
    if codes is None:
        return True
    if (codes.generation, codes.model_id) != (exact.generation, exact.model_id):
        return True
    try:
        calibration = quantized.calibration(parse_record(codes.checksum))
    except ValueError:
        return True
    return not quantized.is_current(calibration)


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
