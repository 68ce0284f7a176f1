"""What a plan of a query needs to know of a collection: terms, and how many passages contain them.

`SearcherStatistics` reads one tantivy index; `storage/shards` has the same for all shards of a
collection, so that a query has the same plan, and the same inverse document frequencies, on each.
Knows no queries' words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXT, FORMS, LANGUAGE = "text", "forms", "language"  # fields of the index
_MAX_COUNTED = 100_000  # passages of a term that are counted if the index has removed passages

# What a phrase may look like in the index: one sequence of terms for each language and completion.
Phrase = tuple[tuple[str, ...], ...]


class TermStatistics(Protocol):
    """The statistics of an index, or of several that are searched as one.

    `total` passages exist; `counted` is their number with those that were removed and that
    tantivy's document frequencies still count.
    """

    total: int
    counted: int

    def languages(self) -> list[tuple[str, int]]:
        """Return (ISO 639-1 code, passages) of the passages' languages, the most frequent first."""

    def counted_frequency(self, field: str, term: str) -> int:
        """Return the number of passages with a term, removed ones included."""

    def frequency(self, field: str, term: str) -> int:
        """Return the number of passages that contain a term. It is an estimate where the index has
        removed passages and many contain the term."""

    def terms_with_prefix(self, field: str, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Return the `limit` most frequent terms that begin with `prefix`, with the numbers of
        passages, removed ones included; equally frequent ones in alphabetical order."""

    def has_passage(self, field: str, term: str) -> bool:
        """Whether any passage contains a term."""

    def occurs(self, phrase: Phrase) -> bool:
        """Whether any passage contains a phrase."""


class SearcherStatistics:
    """The statistics of one open index. `padding`: documents in it that are no passages."""

    def __init__(self, schema: Any, searcher: Any, padding: int = 0) -> None:  # noqa: ANN401
        self._schema, self._searcher = schema, searcher
        self._languages = list(searcher.terms_with_prefix(LANGUAGE, ""))
        self.total = int(searcher.num_docs) - padding
        self.counted = int(sum(count for _, count in self._languages))

    def languages(self) -> list[tuple[str, int]]:
        """Return the languages and their numbers of passages."""
        return self._languages

    def counted_frequency(self, field: str, term: str) -> int:
        """Return tantivy's document frequency of a term."""
        return int(self._searcher.doc_freq(field, term))

    def frequency(self, field: str, term: str) -> int:
        """Return the number of passages that contain a term."""
        counted = self.counted_frequency(field, term)
        if self.counted == self.total or not counted:
            return counted
        if counted > _MAX_COUNTED:  # counting them would take longer than the search
            return max(1, round(counted * self.total / self.counted))
        from tantivy import Query

        query = Query.term_query(self._schema, field, term, "basic")
        query = Query.const_score_query(query, 1.0)
        return int(self._searcher.search(query, limit=1, count=True).count)

    def terms_with_prefix(self, field: str, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Return the most frequent terms that begin with a prefix."""
        return list(self._searcher.terms_with_prefix(field, prefix, limit=limit))

    def has_passage(self, field: str, term: str) -> bool:
        """Whether any passage contains a term."""
        from tantivy import Query

        return self._has_hit(Query.term_query(self._schema, field, term, "basic"))

    def occurs(self, phrase: Phrase) -> bool:
        """Whether any passage contains a phrase."""
        return self._has_hit(phrase_query(self._schema, phrase))

    def _has_hit(self, query: Any) -> bool:  # noqa: ANN401
        return bool(self._searcher.search(query, limit=1, count=False).hits)


def field_tokens(schema: Any, searcher: Any, field: str) -> int:  # noqa: ANN401
    """Return the number of terms in a field of all passages of an index, removed ones included, as
    BM25's average length counts them.

    tantivy tells the average only where it explains a score. It is a float32, so the number may be
    wrong by one in ten millions.
    """
    import json

    from tantivy import Query

    rows = searcher.terms_with_prefix(field, "", limit=1)
    if not rows:
        return 0
    query = Query.term_query(schema, field, rows[0][0], "freq")
    hits = searcher.search(query, limit=1, count=False).hits
    if not hits:  # all passages with the term were removed
        return 0
    explained: list[Any] = [json.loads(query.explain(searcher, hits[0][1]).to_json())]
    values: dict[str, float] = {}
    while explained:
        part = explained.pop()
        values[part["description"].partition(",")[0]] = part["value"]
        explained += part.get("details") or ()
    return round(values["avgdl"] * values["N"])


def phrase_query(schema: Any, phrase: Phrase) -> Any:  # noqa: ANN401
    """Return the tantivy query for passages that contain a phrase."""
    from tantivy import Occur, Query

    clauses: Sequence[Any] = [
        (Occur.Should, Query.phrase_query(schema, TEXT, list(terms)))
        if terms[1:]
        else (Occur.Should, Query.term_query(schema, TEXT, terms[0], "basic"))
        for terms in phrase
    ]
    return Query.boolean_query(clauses)


def phrase_of(sequences: Iterable[tuple[str, ...]]) -> Phrase | None:
    """Return the phrase of these sequences of terms; None if all are empty."""
    return tuple(sorted(terms for terms in set(sequences) if terms)) or None
