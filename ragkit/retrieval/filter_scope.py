"""What may be found at all: by a filter, and by a query's own phrases and exclusions.

Contract: all of it where that is little (`few`), else what to ask of each passage. Ranks nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ragkit.storage.sqlite import passages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.analysis.query_syntax import ParsedQuery
    from ragkit.storage.lexical.index import LexicalIndex
    from ragkit.storage.sqlite.filters import Condition

FEW = 5000  # passages of a filter that are all known from the start, and compared one by one …
FEW_PART = 0.02  # … or this part of the collection, where that is more, by words one by one


@dataclass(frozen=True)
class Scope:
    """What a filter lets through: all of it where that is little, else what to ask of each."""

    connection: sqlite3.Connection
    where: Condition
    few: list[int] | None

    @classmethod
    def of(cls, connection: sqlite3.Connection, where: Condition) -> Scope:
        """Look once how much it is."""
        from ragkit.storage.sqlite import filters

        limit = max(FEW, int(FEW_PART * passages.count(connection)))
        found = filters.small_id_set(connection, where, limit)
        return cls(connection, where, None if found is None else found.tolist())

    @cached_property
    def every(self) -> NDArray[np.int64]:
        """The ids of all of it, ascending."""
        from ragkit.storage.sqlite import filters

        if self.few is not None:
            return np.array(self.few, dtype=np.int64)
        found = filters.small_id_set(self.connection, self.where, passages.count(self.connection))
        return np.empty(0, dtype=np.int64) if found is None else found

    def among(self, ids: Sequence[int]) -> set[int]:
        """Those of `ids` that are let through."""
        from ragkit.storage.sqlite import filters

        return filters.matching(self.connection, self.where, ids)


@dataclass(frozen=True)
class Limits:
    """What a query's phrases and exclusions let through, of what its filter does."""

    connection: sqlite3.Connection
    words: LexicalIndex
    query: ParsedQuery
    scope: Scope | None
    few: list[int] | None

    @classmethod
    def of(
        cls, connection: sqlite3.Connection, words: LexicalIndex, query: ParsedQuery, scope: Scope | None
    ) -> Limits:
        """Look once how much it is."""
        limits = cls(connection, words, query, scope, None)
        if scope is not None and scope.few is not None:
            return replace(limits, few=sorted(words.matching(query, scope.few)))
        few = words.matching_up_to(query, FEW)
        return limits if few is None else replace(limits, few=sorted(limits._there(few)))

    @cached_property
    def every(self) -> NDArray[np.int64]:
        """The ids of all of it, ascending."""
        found = self.few
        if found is None:
            found = sorted(self._there(self.words.matching_up_to(self.query, len(self.words)) or []))
        return np.array(found, dtype=np.int64)

    def among(self, ids: Sequence[int]) -> set[int]:
        """Those of `ids` that are let through."""
        return self.words.matching(self.query, list(self._there(ids)))

    def _there(self, ids: Sequence[int]) -> set[int]:
        if self.scope is None:
            return passages.existing_ids(self.connection, ids)
        return self.scope.among(ids)
