"""Documents that make the BM25 scores of a shard those of the whole collection.

tantivy takes the number of passages, document frequencies and the average length of a field from
the index that it searches. The inverse document frequency is corrected by a factor of each term
(`LexicalIndex`). The average length is inside of a quotient, so a shard's own one would change the
order of passages. A few documents without an id, which no query matches, make it that of the
collection: some are empty, some repeat a term that no text has. Knows no shards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_TERM = "\x01"  # no text has it: `ragkit.analysis` makes terms of letters, digits and symbols
_MAX_EXACT = 5_000  # passages of a collection whose averages are the same to the last digit
_TRIED = 4_000  # numbers of documents of which that with the smallest error is used
_TERMS_PER_DOCUMENT = 100_000


@dataclass(frozen=True, slots=True)
class IndexTotals:
    """What BM25 counts of an index: passages, and terms by field."""

    passages: int
    tokens: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Padding:
    """The documents to add: their number, and how many terms they have together by field."""

    documents: int
    tokens: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def between(cls, part: IndexTotals, whole: IndexTotals) -> Padding:
        """Return the documents that give `part` the average lengths of `whole`, to which it
        belongs. None are needed if the averages are the same."""
        averages = {
            name: count / whole.passages
            for name, count in whole.tokens.items()
            if count and whole.passages
        }
        if not averages or part == whole:
            return cls(0)
        if whole.passages <= _MAX_EXACT:
            documents = whole.passages - part.passages
            missing = {name: whole.tokens[name] - part.tokens.get(name, 0) for name in averages}
            return cls(documents, missing)
        own = {name: part.tokens.get(name, 0) for name in averages}
        least = max(
            1, *(int(np.ceil(own[name] / averages[name])) - part.passages for name in averages)
        )
        counts = np.arange(least, least + _TRIED, dtype=np.float64)
        errors = np.zeros(_TRIED)
        for average in averages.values():
            exact = average * (part.passages + counts)
            errors = np.maximum(errors, np.abs(np.round(exact) - exact) / exact)
        documents = int(counts[int(np.argmin(errors))])
        return cls(
            documents,
            {
                name: max(0, round(average * (part.passages + documents)) - own[name])
                for name, average in averages.items()
            },
        )

    def add(self, index: Any) -> None:  # noqa: ANN401 (tantivy's Index)
        """Add the documents to an open index that this process may write."""
        if not self.documents:
            return
        import tantivy

        writer = index.writer(heap_size=15_000_000, num_threads=1)
        left = dict(self.tokens)
        for place in range(self.documents):
            document = tantivy.Document()
            last = place == self.documents - 1
            for name, count in left.items():
                size = count if last else min(count, _TERMS_PER_DOCUMENT)
                if size:
                    document.add_text(name, f"{_TERM} " * size)
                    left[name] = count - size
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
