"""A query's text → what is looked up in a word index: groups of terms, phrases, exclusions.

A query's language is not known and seldom to be guessed, so each word is analysed by every
language that the collection holds: the terms that come of it are one group. Knows terms and their
frequencies, no passages.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ragkit.analysis import query_syntax, spelling
from ragkit.analysis.analyzer import (
    STOP_PREFIX,
    Analyzer,
    analyzer_for,
    normalize,
    split_words,
)

MOST_TERMS = 1024  # different words of a query that count
_REMEMBERED = 8192  # words, and terms, of earlier queries
_FORGIVEN = 8  # words of a query that are looked at for typos
LITTLE = 0.5  # weight of a stop word beside words that say something; docs/ranking.md
_ENDINGS = 64  # terms that begin with a sign too short for a term of its own
_SCANNED = 20_000  # terms that are compared with a mistyped one


@dataclass(frozen=True, slots=True)
class Sought:
    """A word of the query and its terms that the index holds; no other word has them."""

    written: str
    terms: tuple[str, ...]
    inverse: float  # document frequency: that of its rarest term
    weight: float = 1.0  # of its BM25
    taken_for: str | None = None  # the word that it was read as, where nobody wrote it


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a query asks. `required` and `excluded` are tantivy's queries."""

    sought: tuple[Sought, ...]
    required: tuple[Any, ...] = ()
    excluded: tuple[Any, ...] = ()

    @property
    def terms(self) -> list[tuple[str, float]]:
        """Every term that may score, with its weight."""
        return [(term, each.weight) for each in self.sought for term in each.terms]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word or part of one: its terms, language by language."""

    written: str
    terms: tuple[str, ...]
    extra: bool
    weight: float = 1.0


class Planner:
    """Plans for one state of an index; safe to share between threads."""

    def __init__(self, schema: Any, searcher: Any, field: str, languages: Sequence[str]) -> None:  # noqa: ANN401
        self._schema, self._searcher, self._field = schema, searcher, field
        self._analyses = [analyzer_for(each) for each in languages]
        # The same little words are in most queries; each language has to analyse them.
        self._pieces_of = lru_cache(_REMEMBERED)(self._analysed)
        self._held_by = lru_cache(_REMEMBERED)(self._counted)

    def plan(self, query: str) -> Plan:
        """What to look up. A phrase that no passage holds is words like any other."""
        asked = query_syntax.asked(query)
        required = (self._phrase(each) for each in asked.required)
        excluded = (self._phrase(each) for each in asked.excluded)
        return Plan(
            self._sought(asked.text),
            tuple(each for each in required if each is not None and self._anywhere(each)),
            tuple(each for each in excluded if each is not None),
        )

    def _sought(self, text: str) -> tuple[Sought, ...]:
        pieces = self._scoring(self._pieces(text))
        found: list[Sought] = []
        taken: set[str] = set()
        unknown = 0
        for piece in pieces[:MOST_TERMS]:
            terms = self._held(self._written_otherwise(piece))
            if not terms and piece.extra:
                continue
            sought = Sought(piece.written, terms, self.inverse(terms), piece.weight)
            if not terms and spelling.max_edits(piece.written) and unknown < _FORGIVEN:
                unknown += 1
                sought = self._forgiven(sought)
            fresh = tuple(term for term in sought.terms if term not in taken)
            if fresh or not sought.terms:
                found.append(replace(sought, terms=fresh))
            taken.update(fresh)
        return tuple(found)

    def _pieces(self, text: str) -> list[_Piece]:
        """Each word once, and each of its parts."""
        found: dict[tuple[str, ...], _Piece] = {}
        for word in dict.fromkeys(split_words(normalize(text))):
            for piece in self._pieces_of(word):
                found.setdefault(piece.terms, piece)
            if len(found) > 2 * MOST_TERMS:
                break
        return list(found.values())

    def _analysed(self, word: str) -> list[_Piece]:
        """A word and its parts, as every language has them."""
        each_way = [each.word_terms(word) for each in self._analyses]
        rows = [
            [*terms.sequence, *(t for row in terms.alternatives for t in row)] for terms in each_way
        ]
        return [
            _Piece(
                same[0].surface, tuple(dict.fromkeys(each.term for each in same)), same[0].redundant
            )
            for same in zip(*rows, strict=True)
        ]

    def _counted(self, term: str) -> int:
        """How many passages hold a term."""
        return int(self._searcher.doc_freq(self._field, term))

    def _scoring(self, pieces: list[_Piece]) -> list[_Piece]:
        """With less weight for the stop words of the language that the query seems to be in.

        They are looked up where they are stop words alone, a word that is one elsewhere where it is
        none. Where a query has nothing else, everything counts.
        """
        counts = [
            sum(each.is_stop_word(piece.written) for piece in pieces) for each in self._analyses
        ]
        most = max(counts, default=0)
        likely = [a for a, n in zip(self._analyses, counts, strict=True) if n == most > 0]
        weighed = []
        for piece in pieces:
            little = any(each.is_stop_word(piece.written) for each in likely)
            terms = tuple(term for term in piece.terms if term.startswith(STOP_PREFIX) == little)
            weight, extra = (LITTLE, True) if little else (1.0, piece.extra)
            weighed.append(replace(piece, terms=terms, extra=extra, weight=weight))
        return weighed if any(each.weight == 1.0 for each in weighed) else pieces

    def _written_otherwise(self, piece: _Piece) -> Iterator[str]:
        """The terms of a piece and of its other spellings."""
        yield from piece.terms
        if piece.extra or any(term.startswith(STOP_PREFIX) for term in piece.terms):
            return
        for each in self._analyses:
            yield from each.spelling_variants(piece.written)
        if Analyzer.is_shorter_than_ngram(piece.written):
            yield from self._beginning(piece.written, _ENDINGS)

    def _forgiven(self, sought: Sought) -> Sought:
        """The word nearest to one that nobody wrote, if there is any.

        It is a guess: of all that the query asks, it counts as a word that is not there.
        """
        word = sought.written.lower()
        spelled = list(set(spelling.edit_candidates(word)))
        each_way = zip(*(each.terms(spelled) for each in self._analyses), strict=True)
        found: list[tuple[tuple[int, int], str, tuple[str, ...]]] = [
            ((near[0] != word[0], -self._frequency(held)), near, held)
            for near, terms in zip(spelled, each_way, strict=True)
            if (held := self._held(terms))
        ]
        if not found and spelling.max_edits(word) > 1:
            found = [
                ((edits, -self._frequency((term,))), term, (term,))
                for stem in {each.term(word) for each in self._analyses}
                for term in self._beginning(stem[:3], _SCANNED)
                if abs(len(term) - len(stem)) <= 2
                and (edits := spelling.edit_distance(stem, term)) <= 2
            ]
        if not found:
            return sought
        _, near, terms = min(found)
        return replace(sought, terms=terms, taken_for=near)

    def _beginning(self, prefix: str, limit: int) -> list[str]:
        rows = self._searcher.terms_with_prefix(self._field, prefix, limit=limit)
        return [term for term, _ in rows]

    def _phrase(self, text: str) -> Any:  # noqa: ANN401
        """Passages with these words in this order, whatever their endings; None of no words."""
        from tantivy import Occur, Query

        ways: set[tuple[str, ...]] = set()
        for each in self._analyses:
            terms = tuple(
                t.term
                for word in split_words(normalize(text))
                for t in each.word_terms(word).sequence
            )
            ways.add(terms)
            if len(terms) == 1 and Analyzer.is_shorter_than_ngram(terms[0]):
                ways.update((term,) for term in self._beginning(terms[0], _ENDINGS))
        clauses: Sequence[Any] = [
            (Occur.Should, Query.phrase_query(self._schema, self._field, list(terms)))
            if terms[1:]
            else (Occur.Should, Query.term_query(self._schema, self._field, terms[0], "basic"))
            for terms in sorted(ways)
            if terms
        ]
        return Query.boolean_query(clauses) if clauses else None

    def _anywhere(self, query: Any) -> bool:  # noqa: ANN401
        return bool(self._searcher.search(query, limit=1, count=False).hits)

    def _held(self, terms: Iterable[str]) -> tuple[str, ...]:
        return tuple(term for term in dict.fromkeys(terms) if term and self._held_by(term))

    def _frequency(self, terms: Sequence[str]) -> int:
        return sum(self._held_by(term) for term in terms)

    def inverse(self, terms: Sequence[str]) -> float:
        """The inverse document frequency of the rarest, as BM25 has it; 0 counts where none is."""
        total = self._searcher.num_docs
        counts = [self._held_by(term) for term in terms]
        least = min(counts, default=0)
        return math.log(1 + max(0.0, total - least + 0.5) / (least + 0.5))
