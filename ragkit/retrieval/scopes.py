"""What may be found at all: by a filter, and by a query's own phrases and exclusions.

Contract: all of it where that is little (`few`), else what to ask of each passage. Ranks nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ragkit.storage import passages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.storage.filters import Condition
    from ragkit.storage.lexical import WordIndex

FEW = 5000  # passages of a filter that are scored one by one rather than picked from the ranking …
FEW_PART = 0.02  # … or this part of the collection, where that is more


@dataclass(frozen=True, slots=True)
class Scope:
    """What a filter lets through: all of it where that is little, else what to ask of each."""

    where: Condition
    few: list[int] | None

    @classmethod
    def of(cls, connection: sqlite3.Connection, where: Condition) -> Scope:
        """Look once how much it is."""
        from ragkit.storage import filters

        limit = max(FEW, int(FEW_PART * passages.count(connection)))
        return cls(where, filters.few(connection, where, limit))

    def all(self, connection: sqlite3.Connection) -> NDArray[np.int64]:
        """The ids of all of it, ascending."""
        from ragkit.storage import filters

        found = self.few
        if found is None:
            found = filters.few(connection, self.where, passages.count(connection)) or []
        return np.array(found, dtype=np.int64)

    def among(self, connection: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
        """Those of `ids` that are let through."""
        from ragkit.storage import filters

        return filters.among(connection, self.where, ids)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query's phrases and exclusions let through, of what its filter does."""

    words: WordIndex
    text: str
    scope: Scope | None
    few: list[int] | None

    @classmethod
    def of(
        cls, connection: sqlite3.Connection, words: WordIndex, text: str, scope: Scope | None
    ) -> Limits:
        """Look once how much it is."""
        if scope is not None and scope.few is not None:
            return cls(words, text, scope, sorted(words.meeting(text, scope.few)))
        limits = cls(words, text, scope, None)
        few = words.few_meeting(text, FEW)
        return (
            limits if few is None else replace(limits, few=sorted(limits._there(connection, few)))
        )

    def all(self, connection: sqlite3.Connection) -> NDArray[np.int64]:
        """The ids of all of it, ascending."""
        found = self.few
        if found is None:
            holding = self.words.few_meeting(self.text, len(self.words)) or []
            found = sorted(self._there(connection, holding))
        return np.array(found, dtype=np.int64)

    def among(self, connection: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
        """Those of `ids` that are let through."""
        return self.words.meeting(self.text, list(self._there(connection, ids)))

    def _there(self, connection: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
        if self.scope is None:
            return passages.existing(connection, ids)
        return self.scope.among(connection, ids)
