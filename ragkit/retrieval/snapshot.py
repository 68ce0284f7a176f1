"""One state of a collection with its index files: opened once for all that is asked of it.

Contract: all queries of a batch see the same vectors and the same words, however long they take
and whatever is written meanwhile. For one thread, as its connection is. Ranks nothing.
"""

from __future__ import annotations

import sqlite3
from functools import cached_property
from typing import TYPE_CHECKING

from ragkit.encoders import Encoder
from ragkit.storage.index_reader import Indexes
from ragkit.storage.sqlite import changes
from ragkit.storage.sqlite.database import generation

if TYPE_CHECKING:
    from ragkit.storage.lexical.index import WordIndex
    from ragkit.storage.vectors.index import VectorIndex


class Snapshot:
    """What a connection sees inside one transaction, and the index files that go with it."""

    def __init__(
        self, connection: sqlite3.Connection, indexes: Indexes, encoder: Encoder, model_id: int
    ) -> None:
        self.connection, self._indexes = connection, indexes
        self.encoder, self.model_id = encoder, model_id

    @cached_property
    def vectors(self) -> VectorIndex | None:
        """All searchable vectors as of now, or a little later."""
        return self._indexes.vectors(self.connection)

    @cached_property
    def exact_vectors(self) -> VectorIndex | None:
        """The same, if they are those of this snapshot and none of a later one."""
        index = self.vectors
        now = generation(self.connection)
        return index if index is not None and index.generation == now else None

    @cached_property
    def words(self) -> WordIndex:
        """All passages' words as of now, or a little later."""
        return self._indexes.words(self.connection)

    @cached_property
    def words_are_exact(self) -> bool:
        """Whether they are the words of this snapshot's passages, and of no others."""
        of, now = self.words.generation, generation(self.connection)
        if of >= now:
            return of == now
        return not (
            changes.has_newer_text(self.connection, of) or changes.has_removed(self.connection, of)
        )
