"""Restrict the passages that a search may return: by a metadata filter, and by the quoted phrases
and the excluded words of the query.

Both kinds of filter give their matches as a set of ids if it is small (`small_id_set`), else they
test given ids (`matching`). Ranks nothing.
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

MAX_SMALL_SET = 5000  # matches of a filter that are read at once and compared exhaustively …
MAX_SMALL_SHARE = 0.02  # … or this share of the collection's passages, where that is more
_FIRST_LOOK = 64  # passages with a phrase of which one is expected to match the filter


@dataclass(frozen=True)
class PassageFilter:
    """The passages that an SQL condition matches.

    `small_id_set` has the ids of all matches, ascending; None if there are many.
    """

    connection: sqlite3.Connection
    condition: Condition
    small_id_set: list[int] | None

    @classmethod
    def create(cls, connection: sqlite3.Connection, condition: Condition) -> PassageFilter:
        """Create the filter. If there are few matches, their ids are read now."""
        from ragkit.storage.sqlite import filters

        limit = max(MAX_SMALL_SET, int(MAX_SMALL_SHARE * passages.count(connection)))
        ids = filters.small_id_set(connection, condition, limit)
        return cls(connection, condition, None if ids is None else ids.tolist())

    @cached_property
    def all_ids(self) -> NDArray[np.int64]:
        """The ids of all matches, ascending, (n,) int64."""
        from ragkit.storage.sqlite import filters

        if self.small_id_set is not None:
            return np.array(self.small_id_set, dtype=np.int64)
        count = passages.count(self.connection)
        ids = filters.small_id_set(self.connection, self.condition, count)
        return np.empty(0, dtype=np.int64) if ids is None else ids

    def matching(self, ids: Sequence[int]) -> set[int]:
        """Return those of `ids` that match the SQL condition."""
        from ragkit.storage.sqlite import filters

        return filters.matching(self.connection, self.condition, ids)


@dataclass(frozen=True)
class QueryFilter:
    """The passages that contain a query's phrases and none of its excluded words, within another
    filter.

    `small_id_set` has the ids of all matches, ascending; None if there are many.
    """

    connection: sqlite3.Connection
    index: LexicalIndex
    query: ParsedQuery
    inner: PassageFilter | None
    small_id_set: list[int] | None

    @classmethod
    def create(
        cls,
        connection: sqlite3.Connection,
        index: LexicalIndex,
        query: ParsedQuery,
        inner: PassageFilter | None,
    ) -> QueryFilter:
        """Create the filter. If there are few matches, their ids are read now.

        A phrase that is in none of the passages that match the inner filter and contain no excluded
        word is dropped: `query` has only the others.
        """
        created = cls._read(connection, index, query, inner)
        if not query.required or created._has_matches():
            return created
        required = tuple(
            phrase
            for phrase in query.required
            if cls._read(
                connection, index, query._replace(required=(phrase,)), inner
            )._has_matches()
        )
        return cls._read(connection, index, query._replace(required=required), inner)

    @classmethod
    def _read(
        cls,
        connection: sqlite3.Connection,
        index: LexicalIndex,
        query: ParsedQuery,
        inner: PassageFilter | None,
    ) -> QueryFilter:
        unread = cls(connection, index, query, inner, None)
        if inner is not None and inner.small_id_set is not None:
            return replace(unread, small_id_set=sorted(index.matching(query, inner.small_id_set)))
        ids = index.matching_up_to(query, MAX_SMALL_SET)
        return unread if ids is None else replace(unread, small_id_set=sorted(unread._inner(ids)))

    @cached_property
    def all_ids(self) -> NDArray[np.int64]:
        """The ids of all matches, ascending, (n,) int64."""
        ids = self.small_id_set
        if ids is None:
            ids = sorted(self._inner(self.index.matching_up_to(self.query, len(self.index)) or []))
        return np.array(ids, dtype=np.int64)

    def matching(self, ids: Sequence[int]) -> set[int]:
        """Return those of `ids` that match the query's phrases and exclusions, and the other
        filter."""
        return self.index.matching(self.query, list(self._inner(ids)))

    def _has_matches(self) -> bool:
        if self.small_id_set is not None:
            return bool(self.small_id_set)
        limit = _FIRST_LOOK
        while True:
            ids = self.index.some_matching(self.query, limit)
            if self._inner(ids):
                return True
            if len(ids) < limit:
                return False
            limit *= 16

    def _inner(self, ids: Sequence[int]) -> set[int]:
        """Return those of `ids` that exist and match the inner filter."""
        if self.inner is None:
            return passages.existing_ids(self.connection, ids)
        return self.inner.matching(ids)
