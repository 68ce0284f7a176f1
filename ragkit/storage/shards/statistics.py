"""The statistics of a whole sharded collection, with which its queries are planned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ragkit.storage.lexical.statistics import LANGUAGE, Phrase
from ragkit.storage.sqlite.sharding.term_counts import TermCounts


class StatisticsFile:
    """The statistics of a whole collection, read from `statistics.db`. Safe to share between
    threads.

    `passages`: their number. `occurs` tells whether a phrase is in any shard.
    """

    def __init__(self, path: Path, passages: int, occurs: Callable[[Phrase], bool]) -> None:
        self._counts, self._occurs = TermCounts(path), occurs
        self.total = passages
        self._languages = self.terms_with_prefix(LANGUAGE, "", 1000)
        self.counted = sum(count for _, count in self._languages)

    def languages(self) -> list[tuple[str, int]]:
        """Return the languages and their numbers of passages."""
        return self._languages

    def counted_frequency(self, field: str, term: str) -> int:
        """Return the number of passages with a term, removed ones included."""
        return self._counts.count(field, term)

    def frequency(self, field: str, term: str) -> int:
        """Return the number of passages that contain a term; an estimate if an index has removed
        passages."""
        counted = self.counted_frequency(field, term)
        if self.counted == self.total or not counted:
            return counted
        return max(1, round(counted * self.total / self.counted))

    def terms_with_prefix(self, field: str, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Return the most frequent terms that begin with a prefix."""
        return self._counts.with_prefix(field, prefix, limit)

    def has_passage(self, field: str, term: str) -> bool:
        """Whether any passage contains a term."""
        return self.counted_frequency(field, term) > 0

    def occurs(self, phrase: Phrase) -> bool:
        """Whether any passage contains a phrase."""
        return self._occurs(phrase)
