"""The index files of a collection as searching has them open, in step with the database.

Contract: each is a base written at some generation plus what the database says came or went since.
Where a file is missing, damaged or another model's, everything counts as "since": searching goes on
at once, and whoever may write makes the file again (`folding`). Knows nothing of ranking.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ragkit.storage.atomic_files import facts
from ragkit.storage.checksums import Seals
from ragkit.storage.index_writer import KINDS, Folding, current_words
from ragkit.storage.lexical.index import WordIndex
from ragkit.storage.sqlite import changes, embeddings
from ragkit.storage.sqlite.changes import IndexFile
from ragkit.storage.sqlite.database import Database, generation, value
from ragkit.storage.vectors.flat_file import Matrix
from ragkit.storage.vectors.index import VectorIndex

if TYPE_CHECKING:
    from ragkit.storage.vectors.quantized import Codes

File = TypeVar("File")


class Indexes:
    """Opened index files of one collection. Safe to use from many threads.

    `folding` writes them. `tell` gets one line whenever a file had to be set aside. `candidates`:
    so many proposals for each passage asked for, where a large collection is searched by codes;
    None: as measured.
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
        self._seals = Seals(store.folder)
        self.folding = Folding(store, self._seals)

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
                    changes.vectors_since(connection, model["id"], held.generation),
                    changes.removed_since(connection, held.generation),
                )
            self._vectors, self._vectors_model = held, model["id"]
            return held

    def _on_newest_file(
        self, connection: sqlite3.Connection, model_id: int, held: VectorIndex
    ) -> VectorIndex:
        """What is held, or the index file where there is a newer one."""
        file = changes.index_file(connection, "vectors")
        if file is None or file.model_id != model_id or file in self._seals.damaged:
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
        file = changes.index_file(connection, "codes")
        if file is None or file in self._seals.damaged or file.model_id != exact.model_id:
            return None
        if file.generation != exact.generation:
            return None
        from ragkit.storage.vectors import quantized

        calibration = quantized.calibration(facts(file.checksum))
        if not quantized.is_current(calibration):
            return None  # the next `index` makes them again
        return self._opened(
            file,
            "codes",
            lambda path: quantized.Codes(path, calibration, len(base), self._candidates),
        )

    def _opened(self, file: IndexFile, kind: str, read: Callable[[Path], File]) -> File | None:
        """What is in this file, if it is what was written."""
        try:
            return read(self._seals.file(kind, file))
        except (OSError, ValueError) as error:
            self._report(file, error)
            return None

    def words(self, connection: sqlite3.Connection) -> WordIndex:
        """The passages' words as of this snapshot; up to seconds older while another writes."""
        with self._opening:
            file = current_words(connection)
            if file is None or changes.has_newer_text(connection, file.generation):
                file = self._caught_up(file)
            self._words = self._words_of(connection, file)
            return self._words

    def _words_of(self, connection: sqlite3.Connection, file: IndexFile | None) -> WordIndex:
        """The index in this file; without one, of what the database holds, kept in memory."""
        held = self._words
        if file is not None and file not in self._seals.damaged:
            if held is not None and not held.memory and held.generation == file.generation:
                return held
            try:
                return WordIndex.read(self._seals.files(file), file.generation)
            except (OSError, ValueError) as error:
                self._report(file, error)
        now = generation(connection)
        trimmed = int(value(connection, "trimmed") or 0)
        if held is None or not held.memory or held.generation < trimmed:
            return WordIndex.in_memory(changes.texts_since(connection, 0), now)
        if held.generation >= now:
            return held
        return held.advanced(
            now,
            changes.texts_since(connection, held.generation),
            changes.removed_since(connection, held.generation),
        )

    def _caught_up(self, file: IndexFile | None) -> IndexFile | None:
        """The word index brought up to date, if nobody else is just doing that.

        None on a read-only disk, where the file stays behind for good.
        """
        if self._store.read_only:
            return None
        if not self.folding.caught_up():
            return file
        with self._store.reading() as connection:
            return current_words(connection)

    def _report(self, file: IndexFile, error: Exception) -> None:
        why = str(error)
        if isinstance(error, FileNotFoundError):
            with self._store.reading() as connection:
                if file not in (changes.index_file(connection, kind) for kind in KINDS):
                    return  # a writer has put a newer one in its place since our snapshot
            why = f"{file.name} is missing"
        elif isinstance(error, OSError):  # no more file handles, say: the file itself may be good
            self._tell(f"{file.name} cannot be read ({error.strerror}); searching the database")
            return
        self._tell(f"{why}; made again from the database, nothing is embedded again")
        self._seals.damaged.add(file)
