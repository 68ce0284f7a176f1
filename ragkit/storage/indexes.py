"""The two index files of a collection, kept in step with the database.

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

from ragkit.errors import CollectionError
from ragkit.storage import embeddings, history, lexical, passages, vectors
from ragkit.storage.database import Database, generation, value
from ragkit.storage.history import IndexFile
from ragkit.storage.index_files import folder_checksum, set_aside, sweep
from ragkit.storage.lexical import WordIndex
from ragkit.storage.lock import writer_lock
from ragkit.storage.vectors import FOLD_AT, VectorIndex
from ragkit.words import VERSION

KINDS = ("vectors", "words")
_WORDS = f"words-v{VERSION}-"  # names of folders that hold terms as they are made now


class Indexes:
    """Opened index files of one collection. Safe to use from many threads.

    `tell` gets one line whenever a file had to be set aside.
    """

    def __init__(self, store: Database, tell: Callable[[str], None]) -> None:
        self._store = store
        self._tell = tell
        self._opening = threading.Lock()
        self._vectors: VectorIndex | None = None
        self._vectors_model: int | None = None
        self._words: WordIndex | None = None
        self._intact: dict[str, str] = {}  # word folders checked or written here, by checksum
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
        """What is held, or the index file where there is one and it is worth opening."""
        file = history.index_file(connection, "vectors")
        if file is None or file.model_id != model_id:
            return held
        if held.generation and not (held.is_heavy and file.generation > held.file_generation):
            return held
        if file in self._damaged:
            return held
        path = self._store.folder / file.name
        try:
            base = vectors.read(path, file.checksum, held.dimension)
        except (OSError, ValueError) as error:
            self._report(file, error)
            return held
        return VectorIndex.over(base, held.dimension, file.generation)

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
        if not damaged or self._store.read_only:
            return
        with contextlib.suppress(CollectionError), writer_lock(self._store.folder, "mending"):
            for file in damaged:
                with self._store.reading() as connection:
                    if file in (history.index_file(connection, kind) for kind in KINDS):
                        set_aside(self._store.folder / file.name)
            self.fold_words()
            self.fold_vectors()
            self._damaged -= damaged

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
        self._record("words", IndexFile(name, now, checksum, None))

    def _fold_vectors(self) -> None:
        with self._store.reading() as connection:
            model = embeddings.model(connection)
            if model is None:
                return
            now, file = generation(connection), history.index_file(connection, "vectors")
            if file is not None and self._good_enough(connection, file, model["id"]):
                return
            name = f"vectors-{model['fingerprint'][:12]}-{now}.faiss"
            checksum = vectors.write(
                self._store.folder / name,
                history.vectors_since(connection, model["id"], 0),
                model["dimension"],
            )
        self._record("vectors", IndexFile(name, now, checksum, model["id"]))

    def _good_enough(self, connection: sqlite3.Connection, file: IndexFile, model_id: int) -> bool:
        """Whether what came after this vector file is few enough to be read at every opening."""
        if file.model_id != model_id or not (self._store.folder / file.name).exists():
            return False
        if file.generation == generation(connection):
            return True
        changed = history.changes_since(connection, model_id, file.generation)
        return changed <= FOLD_AT * passages.count(connection)

    def _record(self, kind: str, file: IndexFile) -> None:
        with self._store.writing() as connection:
            older = history.index_file(connection, kind)
            history.record_index_file(connection, kind, file)
            other = history.index_file(connection, "words" if kind == "vectors" else "vectors")
        # A reader may just be opening the one before: it goes with the next sweep.
        sweep(self._store.folder, {each.name for each in (file, older, other) if each is not None})


def _current(words: IndexFile | None) -> IndexFile | None:
    """The word index, unless an older ragkit made it, which had other terms: it is made again."""
    return words if words is not None and words.name.startswith(_WORDS) else None
