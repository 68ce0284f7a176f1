"""Index files brought up to date with the database: words always, vectors once enough has changed.

Contract: what is written here is recorded in the database only when it is whole; the files before
it go with the next sweep. Nothing is ever embedded for it. The writer's lock must be held, but for
`mend` and `caught_up`, which take it, and do nothing where they cannot have it. Knows nothing of
searching.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator

from ragkit.analysis import ANALYSIS_VERSION
from ragkit.errors import CollectionError
from ragkit.storage.atomic_files import folder_checksum, set_aside, sweep
from ragkit.storage.checksums import Seals
from ragkit.storage.lexical import index as lexical_index
from ragkit.storage.lock import writer_lock
from ragkit.storage.sqlite import changes, embeddings, passages
from ragkit.storage.sqlite.changes import IndexFile
from ragkit.storage.sqlite.database import Database, generation
from ragkit.storage.vectors import writer

KINDS = ("vectors", "codes", "words")
_WORDS = f"words-v{ANALYSIS_VERSION}-"  # names of folders that hold terms as they are made now


class Folding:
    """The index files of one collection, for whoever may write them."""

    def __init__(self, store: Database, seals: Seals) -> None:
        self._store, self._seals = store, seals

    def words(self) -> None:
        """Bring the word index file up to date."""
        with self._explained():
            self._fold_words()

    def vectors(self) -> None:
        """Write a new vector index file if enough has changed."""
        with self._explained():
            self._fold_vectors()

    def caught_up(self) -> bool:
        """Whether the word index has been brought up to date just now: not if another is at it."""
        with (
            contextlib.suppress(CollectionError),
            writer_lock(self._store.folder, "indexing words"),
        ):
            self.words()
            return True
        return False

    def mend(self) -> None:
        """Write again what was found damaged, unless the disk or another writer forbids it."""
        damaged = set(self._seals.damaged)
        if not (damaged or self._seals.resealed) or self._store.read_only:
            return
        with contextlib.suppress(CollectionError), writer_lock(self._store.folder, "mending"):
            self._keep_seals()
            if not damaged:
                return
            for file in damaged:
                with self._store.reading() as connection:
                    if file in (changes.index_file(connection, kind) for kind in KINDS):
                        set_aside(self._store.folder / file.name)
            self.words()
            self.vectors()
            self._seals.damaged -= damaged

    def _keep_seals(self) -> None:
        """Record the new stamps, so that nobody reads the whole file for it again."""
        with self._store.writing() as connection:
            for kind, file in self._seals.resealed.items():
                known = changes.index_file(connection, kind)
                if known is not None and known.name == file.name:
                    changes.record_index_file(connection, kind, file)
        self._seals.resealed.clear()

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
            now, file = generation(connection), current_words(connection)
            older = None
            if file is not None:
                with contextlib.suppress(OSError, ValueError):
                    older = self._seals.files(file)
            since = file.generation if file is not None and older is not None else 0
            gone = changes.removed_since(connection, since) if older else []
            if older and not gone and not changes.has_newer_text(connection, since):
                return
            name = f"{_WORDS}{now}"
            rows = changes.texts_since(connection, since)
            lexical_index.write(self._store.folder / name, older, rows, gone)
            known = json.loads(file.checksum) if file is not None and older is not None else {}
            segments = {name: seen for name, seen in known.items() if not name.endswith(".json")}
            checksum = folder_checksum(self._store.folder / name, segments)
        fresh = IndexFile(name, now, checksum, None)
        self._seals.written(fresh)
        self._make_current({"words": fresh})

    def _fold_vectors(self) -> None:
        with self._store.reading() as connection:
            model = embeddings.model(connection)
            if model is None:
                return
            fresh: dict[str, IndexFile] = {}
            file = changes.index_file(connection, "vectors")
            if not writer.good_enough(self._store.folder, connection, file, model["id"]):
                file = fresh["vectors"] = writer.written(self._store.folder, connection, model)
            known = None if fresh else changes.index_file(connection, "codes")
            count = passages.count(connection)
        compressed = file and writer.with_codes(
            self._store.folder, file, known, model["dimension"], count
        )
        if compressed is not None:
            fresh["codes"] = compressed
        if fresh:
            self._make_current(fresh)

    def _make_current(self, fresh: dict[str, IndexFile]) -> None:
        """Record files just written, by kind. Codes of other vectors than these are forgotten."""
        with self._store.writing() as connection:
            keep = set(changes.index_names(connection))
            for kind, file in fresh.items():
                changes.record_index_file(connection, kind, file)
            if "vectors" in fresh and "codes" not in fresh:
                changes.forget_index_file(connection, "codes")
            keep |= set(changes.index_names(connection))
        # A reader may just be opening the ones before: they go with the next sweep.
        sweep(self._store.folder, keep | {file.name for file in fresh.values()})


def current_words(connection: sqlite3.Connection) -> IndexFile | None:
    """The word index, unless an older ragkit made it, which had other terms: it is made again."""
    words = changes.index_file(connection, "words")
    return words if words is not None and words.name.startswith(_WORDS) else None
