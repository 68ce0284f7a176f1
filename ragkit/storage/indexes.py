"""The index files of a collection, kept in step with the database.

Each is a base written at some generation plus what the database says came or went since. Where a
file is missing, damaged or another model's, everything counts as "since": searching goes on at
once, and whoever may write makes the file again. Nothing is ever embedded for that.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ragkit.errors import CollectionError
from ragkit.storage import embeddings, history, lexical, passages, vector_files
from ragkit.storage.database import Database, generation, value
from ragkit.storage.history import IndexFile
from ragkit.storage.index_files import (
    checked,
    facts,
    folder_checksum,
    set_aside,
    sweep,
)
from ragkit.storage.lexical import WordIndex
from ragkit.storage.lock import writer_lock
from ragkit.storage.matrix import Matrix
from ragkit.storage.vectors import VectorIndex
from ragkit.words import VERSION

if TYPE_CHECKING:
    from ragkit.storage.codes import Codes

File = TypeVar("File")
KINDS = ("vectors", "codes", "words")
_WORDS = f"words-v{VERSION}-"  # names of folders that hold terms as they are made now


class Indexes:
    """Opened index files of one collection. Safe to use from many threads.

    `tell` gets one line whenever a file had to be set aside. `candidates`: so many proposals for
    each passage asked for, where a large collection is searched by codes; None: as measured.
    """

    def __init__(
        self, store: Database, tell: Callable[[str], None], candidates: int | None = None
    ) -> None:
        self._store = store
        self._tell = tell
        self._candidates = candidates
        self._opening = threading.Lock()
        self._vectors: VectorIndex | None = None
        self._vectors_model: int | None = None
        self._words: WordIndex | None = None
        self._intact: dict[str, str] = {}  # files checked or written here, by what proves it
        self._resealed: dict[str, IndexFile] = {}  # good ones under another stamp than recorded
        self._damaged: set[IndexFile] = set()  # as long as nobody has written them again

    def vectors(self, connection: sqlite3.Connection) -> VectorIndex | None:
        """All searchable vectors as of this snapshot, or a little later.

        None where the collection has no model yet.
        """
        model = embeddings.model(connection)
        if model is None:
            return None
        with self._opening:
            held = self._vectors if self._vectors_model == model["id"] else None
            if held is None or held.generation < int(value(connection, "trimmed") or 0):
                held = VectorIndex.over(None, model["dimension"], 0)
            held = self._on_newest_file(connection, model["id"], held)
            now = generation(connection)
            if held.generation < now:
                held = held.advanced(
                    now,
                    history.vectors_since(connection, model["id"], held.generation),
                    history.removed_since(connection, held.generation),
                )
            self._vectors, self._vectors_model = held, model["id"]
            return held

    def _on_newest_file(
        self, connection: sqlite3.Connection, model_id: int, held: VectorIndex
    ) -> VectorIndex:
        """What is held, or the index file where there is a newer one."""
        file = history.index_file(connection, "vectors")
        if file is None or file.model_id != model_id or file in self._damaged:
            return held
        if held.base is not None and held.file_generation >= file.generation:
            if held.codes is None and (found := self._codes(connection, file, held.base)):
                return replace(held, codes=found)
            return held
        base = self._opened(file, "vectors", lambda path: Matrix(path, held.dimension))
        if base is None:
            return held
        found = self._codes(connection, file, base)
        return VectorIndex.over(base, held.dimension, file.generation, found)

    def _codes(
        self, connection: sqlite3.Connection, exact: IndexFile, base: Matrix
    ) -> Codes | None:
        """The compressed vectors that belong to this file, where there are any."""
        file = history.index_file(connection, "codes")
        if file is None or file in self._damaged or file.model_id != exact.model_id:
            return None
        if file.generation != exact.generation:
            return None
        from ragkit.storage import codes

        calibration = codes.calibration(facts(file.checksum))
        if not codes.is_current(calibration):
            return None  # the next `index` makes them again
        return self._opened(
            file, "codes", lambda path: codes.Codes(path, calibration, len(base), self._candidates)
        )

    def _opened(self, file: IndexFile, kind: str, read: Callable[[Path], File]) -> File | None:
        """What is in this file, if it is what was written."""
        path = self._store.folder / file.name
        try:
            seal = checked(path, self._intact.get(file.name, file.checksum))
            self._intact[file.name] = seal
            if seal != file.checksum:
                self._resealed[kind] = replace(file, checksum=seal)
            return read(path)
        except (OSError, ValueError) as error:
            self._report(file, error)
            return None

    def words(self, connection: sqlite3.Connection) -> WordIndex:
        """The passages' words as of this snapshot; up to seconds older while another writes."""
        with self._opening:
            file = _current(history.index_file(connection, "words"))
            if file is None or history.has_newer_text(connection, file.generation):
                file = self._caught_up(file)
            self._words = self._words_of(connection, file)
            return self._words

    def _words_of(self, connection: sqlite3.Connection, file: IndexFile | None) -> WordIndex:
        """The index in this file; without one, of what the database holds, kept in memory."""
        held = self._words
        if file is not None and file not in self._damaged:
            if held is not None and not held.memory and held.generation == file.generation:
                return held
            try:
                self._check_words(file)
                return WordIndex.read(self._store.folder / file.name, file.generation)
            except (OSError, ValueError) as error:
                self._report(file, error)
        now = generation(connection)
        trimmed = int(value(connection, "trimmed") or 0)
        if held is None or not held.memory or held.generation < trimmed:
            return WordIndex.in_memory(history.texts_since(connection, 0), now)
        if held.generation >= now:
            return held
        return held.advanced(
            now,
            history.texts_since(connection, held.generation),
            history.removed_since(connection, held.generation),
        )

    def _caught_up(self, file: IndexFile | None) -> IndexFile | None:
        """The word index brought up to date, if nobody else is just doing that.

        None on a read-only disk, where the file stays behind for good.
        """
        if self._store.read_only:
            return None
        with (
            contextlib.suppress(CollectionError),
            writer_lock(self._store.folder, "indexing words"),
        ):
            self.fold_words()
            with self._store.reading() as connection:
                return _current(history.index_file(connection, "words"))
        return file

    def _check_words(self, file: IndexFile) -> None:
        if self._intact.get(file.name) == file.checksum:
            return
        if folder_checksum(self._store.folder / file.name) != file.checksum:
            raise ValueError(f"{file.name} is damaged: its checksum is not the recorded one")
        self._intact[file.name] = file.checksum

    def _report(self, file: IndexFile, error: Exception) -> None:
        why = str(error)
        if isinstance(error, FileNotFoundError):
            with self._store.reading() as connection:
                if file not in (history.index_file(connection, kind) for kind in KINDS):
                    return  # a writer has put a newer one in its place since our snapshot
            why = f"{file.name} is missing"
        elif isinstance(error, OSError):  # no more file handles, say: the file itself may be good
            self._tell(f"{file.name} cannot be read ({error.strerror}); searching the database")
            return
        self._tell(f"{why}; made again from the database, nothing is embedded again")
        self._damaged.add(file)

    def mend(self) -> None:
        """Write again what was found damaged, unless the disk or another writer forbids it."""
        damaged = set(self._damaged)
        if not (damaged or self._resealed) or self._store.read_only:
            return
        with contextlib.suppress(CollectionError), writer_lock(self._store.folder, "mending"):
            self._keep_seals()
            if not damaged:
                return
            for file in damaged:
                with self._store.reading() as connection:
                    if file in (history.index_file(connection, kind) for kind in KINDS):
                        set_aside(self._store.folder / file.name)
            self.fold_words()
            self.fold_vectors()
            self._damaged -= damaged

    def _keep_seals(self) -> None:
        """Record the new stamps, so that nobody reads the whole file for it again."""
        with self._store.writing() as connection:
            for kind, file in self._resealed.items():
                known = history.index_file(connection, kind)
                if known is not None and known.name == file.name:
                    history.record_index_file(connection, kind, file)
        self._resealed.clear()

    def fold_words(self) -> None:
        """Bring the word index file up to date. The writer's lock must be held."""
        with self._explained():
            self._fold_words()

    def fold_vectors(self) -> None:
        """Write a new vector index file if enough has changed. The writer's lock must be held."""
        with self._explained():
            self._fold_vectors()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # tantivy says ValueError for a full disk, too
            raise CollectionError(
                f"cannot write an index file in {self._store.folder}: {error}. What was read is "
                "kept; mend the cause and run the same command again"
            ) from error

    def _fold_words(self) -> None:
        with self._store.reading() as connection:
            now, file = generation(connection), _current(history.index_file(connection, "words"))
            older = None
            if file is not None:
                with contextlib.suppress(OSError, ValueError):
                    self._check_words(file)
                    older = self._store.folder / file.name
            since = file.generation if file is not None and older is not None else 0
            gone = history.removed_since(connection, since) if older else []
            if older and not gone and not history.has_newer_text(connection, since):
                return
            name = f"{_WORDS}{now}"
            rows = history.texts_since(connection, since)
            lexical.write(self._store.folder / name, older, rows, gone)
            known = json.loads(file.checksum) if file is not None and older is not None else {}
            segments = {name: seen for name, seen in known.items() if not name.endswith(".json")}
            checksum = folder_checksum(self._store.folder / name, segments)
        self._intact[name] = checksum
        self._make_current({"words": IndexFile(name, now, checksum, None)})

    def _fold_vectors(self) -> None:
        with self._store.reading() as connection:
            model = embeddings.model(connection)
            if model is None:
                return
            fresh: dict[str, IndexFile] = {}
            file = history.index_file(connection, "vectors")
            if not vector_files.good_enough(self._store.folder, connection, file, model["id"]):
                file = fresh["vectors"] = vector_files.written(
                    self._store.folder, connection, model
                )
            known = None if fresh else history.index_file(connection, "codes")
            count = passages.count(connection)
        compressed = file and vector_files.with_codes(
            self._store.folder, file, known, model["dimension"], count
        )
        if compressed is not None:
            fresh["codes"] = compressed
        if fresh:
            self._make_current(fresh)

    def _make_current(self, fresh: dict[str, IndexFile]) -> None:
        """Record files just written, by kind. Codes of other vectors than these are forgotten."""
        with self._store.writing() as connection:
            keep = set(history.index_names(connection))
            for kind, file in fresh.items():
                history.record_index_file(connection, kind, file)
            if "vectors" in fresh and "codes" not in fresh:
                history.forget_index_file(connection, "codes")
            keep |= set(history.index_names(connection))
        # A reader may just be opening the ones before: they go with the next sweep.
        sweep(self._store.folder, keep | {file.name for file in fresh.values()})


def _current(words: IndexFile | None) -> IndexFile | None:
    """The word index, unless an older ragkit made it, which had other terms: it is made again."""
    return words if words is not None and words.name.startswith(_WORDS) else None
