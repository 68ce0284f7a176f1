"""`LexicalIndex`: a tantivy index of the passages' terms, ranked by BM25.

`ragkit.analysis` makes the terms, by the language of each passage. The index is a cache of the
database, like the vector files. The files of tantivy never change once written, so the folder of a
new generation has hard links to the old files, and new files for what was added. That is fast, and
readers of the old generation are not disturbed. Knows passage ids and terms; no vectors and no SQL.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from ragkit.storage.atomic_files import link_files, new_folder
from ragkit.storage.collection_files import members
from ragkit.storage.lexical.tantivy_errors import (
    LexicalIndexError,
    plain_errors,
    require_thread,
    translate,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.analysis.query_syntax import ParsedQuery
    from ragkit.storage.lexical.padding import Padding
    from ragkit.storage.lexical.query_plan import QueryPlan, QueryWord
    from ragkit.storage.lexical.statistics import Phrase

_ANALYZER = "ragkit"  # registered each time an index is opened: tantivy stores only the name
_HEAP_BYTES = 15_000_000  # that tantivy collects before it writes a segment
_K1 = 1.2  # BM25's k1, a constant in tantivy
_STOP_WORD_COVERAGE = 0.5  # of a stop word's bound, where coverage counts
_MAX_ID_TERMS = 1000  # ids above which a set query is faster than one term query for each
# Where the scores of frequent words are added to candidates only.
_MIN_TWO_STEPS = 30_000  # passages of an index: in a smaller one it takes as long
_MAX_TWO_STEPS = 1000  # k of a search, at most
_MAX_COMMON = 32  # frequent words
_MAX_BOUND = 1.1  # of the score of such a word: a stop word in a third of the passages
_MAX_BOUND_SHARE = 0.06  # of such words together, of the bound of all words
_SPARE_CANDIDATES = 150  # beyond k
_ROUNDING = 1e-4  # relative error of a sum of float32 scores, at most
_PLAN_CACHE = 32  # queries whose plan is kept: one search uses it several times
MAX_ALWAYS_REWRITTEN = 10_000  # passages of an index that is written anew after every removal
MAX_REMOVED_SHARE = 0.1  # removed passages above which a larger index is written anew

P = ParamSpec("P")
R = TypeVar("R")
Row = tuple[int, str, str | None]  # passage id, text, language declared by its document


def is_rewrite_due(count: int, removed: int) -> bool:
    """Whether an index of `count` passages has to be written anew, of which `removed` were removed
    since it was last written completely.

    tantivy counts removed passages in the average length of a passage, and estimates that length
    when it merges files that contain some: BM25 scores then differ from those of a new index.
    Writing 10,000 passages takes about a second.
    """
    return removed > 0 and (count <= MAX_ALWAYS_REWRITTEN or removed > MAX_REMOVED_SHARE * count)


def _with_plain_errors(
    method: Callable[Concatenate[LexicalIndex, P], R],
) -> Callable[Concatenate[LexicalIndex, P], R]:
    """Return a method that raises `LexicalIndexError` or OSError where tantivy fails."""

    @wraps(method)
    def checked(self: LexicalIndex, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:  # a panic is no Exception
            translated = translate(error, "the lexical index is damaged: tantivy cannot search it")
            if translated is None:
                raise
            raise translated from error

    return checked


def _split_words(
    words: Sequence[QueryWord], coverage: float
) -> tuple[list[QueryWord], list[QueryWord], float]:
    """Return the most frequent words, the other words, and a bound of the score that the frequent
    ones have together in any passage."""
    bounds = [
        # A passage may contain each of the terms, of several languages.
        (_K1 + 1)
        * len(word.terms)
        * word.weight
        * word.matched_idf
        * (_STOP_WORD_COVERAGE if coverage and word.is_stop_word else 1.0)
        for word in words
    ]
    common: set[int] = set()
    bound, limit = 0.0, _MAX_BOUND_SHARE * sum(bounds)
    for place in np.argsort(bounds, kind="stable").tolist():
        if bounds[place] > _MAX_BOUND or bound + bounds[place] > limit:
            break
        if not words[place].forms and len(common) < _MAX_COMMON:
            common.add(place)
            bound += bounds[place]
    return (
        [word for place, word in enumerate(words) if place in common],
        [word for place, word in enumerate(words) if place not in common],
        bound,
    )


def _schema() -> Any:  # noqa: ANN401 (tantivy has no types that mypy can follow)
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name=_ANALYZER, index_option="position")
    builder.add_text_field("forms", tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    return builder.build()


def _analyzer() -> Any:  # noqa: ANN401
    """Return tantivy's analyzer: it splits at spaces, since `ragkit.analysis` made the terms."""
    from tantivy import TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.whitespace()).build()


def _add(index: Any, rows: Iterable[Row], removed: Iterable[int]) -> None:  # noqa: ANN401
    import tantivy

    from ragkit.analysis.analyzer import analyzer_for  # compiling its patterns takes ms
    from ragkit.analysis.language import text_language

    index.register_tokenizer(_ANALYZER, _analyzer())
    writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
    if ids := list(removed):  # by query: deleting by term silently misses unsigned fields
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, "id", ids))
    for passage_id, text, declared in rows:
        language = text_language(text, declared)
        document = tantivy.Document()
        document.add_unsigned("id", passage_id)
        document.add_text("language", language)
        rows_of_terms, forms = analyzer_for(language).index_text(text)
        for terms in rows_of_terms:
            document.add_text("text", terms)  # a value each: no phrase matches across two
        if forms:
            document.add_text("forms", " ".join(forms))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()  # the folder is renamed next, so it must be complete


def write(path: Path, older: Path | None, rows: Iterable[Row], removed: Iterable[int]) -> None:
    """Write a new index folder `path`: the index in `older` without the ids `removed`, plus `rows`.

    Without `older` it contains only `rows`: (passage id, text, declared language or None). Their
    ids must not be in `older`. Raises OSError, and ValueError if tantivy fails otherwise.
    """
    import tantivy

    def fill(folder: Path) -> None:
        if older is not None:
            link_files(older, folder)
        try:
            with plain_errors(f"tantivy cannot write {path.name}"):
                require_thread()
                index = tantivy.Index(_schema(), path=str(folder))
                # Else a thread of tantivy opens what is written here, and may still read it when
                # the files have their final names and somebody truncates them (SIGBUS).
                index.config_reader(reload_policy="manual")
                _add(index, rows, removed)
        except LexicalIndexError as error:  # tantivy does not say why one of its threads ended
            import shutil  # not for a query

            if shutil.disk_usage(folder).free < _HEAP_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        for lock in folder.glob(".*.lock"):  # belongs to a process, not to the index
            lock.unlink()

    new_folder(path, fill)


class LexicalIndex:
    """An open index at one generation. Safe to share between threads: searching changes nothing.

    Every method raises `LexicalIndexError`, a ValueError, if tantivy fails on the index, also by a
    panic; the index must not be used after that. `removed`: passages that were removed from an
    index in memory.
    """

    def __init__(
        self,
        index: Any,  # noqa: ANN401
        generation: int,
        *,
        memory: bool = False,
        removed: int = 0,
        padding: int = 0,
    ) -> None:
        import tantivy

        from ragkit.storage.lexical.query_plan import QueryPlanner, cached
        from ragkit.storage.lexical.statistics import SearcherStatistics

        self._occur, self._query = tantivy.Occur, tantivy.Query  # not imported for each term
        self._index = index
        self.memory = memory  # not on disk
        self.removed = removed
        index.register_tokenizer(_ANALYZER, _analyzer())
        self.generation = generation
        self._schema = index.schema
        if not memory:
            # Else a thread of tantivy opens the files again when meta.json changes, which ends the
            # process (SIGBUS) if somebody has truncated them. Ours never change.
            index.config_reader(reload_policy="manual")
        self._searcher = index.searcher()
        self.statistics = SearcherStatistics(self._schema, self._searcher, padding)
        self._padding = padding
        self._counted_idf_of = cached(self._counted_idf)
        self._planner = QueryPlanner(self.statistics)
        self._plan = lru_cache(_PLAN_CACHE)(self._planner.plan)

    @classmethod
    def open(cls, path: Path, generation: int) -> LexicalIndex:
        """Open the folder `path`.

        Raises ValueError if tantivy cannot read it, and OSError if the operating system refuses,
        for instance because too many files are open.
        """
        import tantivy

        with plain_errors(f"{path.name} is damaged: tantivy cannot read it"):
            require_thread()
            if os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
                return cls._opened(tantivy.Index.open(str(path)), path, generation)
            import tempfile

            # tantivy opens only what it can lock, so it gets a writable folder of links. It may
            # still hold the lock when the folder is deleted; at worst an empty folder is left.
            with tempfile.TemporaryDirectory(prefix="ragkit-", ignore_cleanup_errors=True) as links:
                for name in members(path):
                    Path(links, name).symlink_to((path / name).absolute())
                return cls._opened(tantivy.Index.open(links), path, generation)

    @classmethod
    def _opened(cls, index: Any, path: Path, generation: int) -> LexicalIndex:  # noqa: ANN401
        """Return an index that tantivy has opened, if it has the fields that ragkit writes."""
        if index.schema != _schema():
            raise ValueError(f"{path.name} is damaged: it has other fields")
        return cls(index, generation)

    def padded(self, padding: Padding, path: Path | None = None) -> LexicalIndex:
        """Return this index with documents that only change BM25's average length: see
        `lexical/padding`. `path`: the folder that it was opened from; None for one in memory.

        The folder is not changed: the documents are in files of their own beside links to its
        files. Raises as `open`.
        """
        import tantivy

        with plain_errors("tantivy cannot search a shard"):
            require_thread()
            if path is None:
                padding.add(self._index)
                return LexicalIndex(
                    self._index, self.generation, memory=True, padding=padding.documents
                )
            import tempfile

            with tempfile.TemporaryDirectory(prefix="ragkit-", ignore_cleanup_errors=True) as name:
                folder = Path(name)
                for member in members(path):
                    if member.endswith(".json"):  # tantivy writes these anew
                        (folder / member).write_bytes((path / member).read_bytes())
                    else:
                        (folder / member).symlink_to((path / member).absolute())
                index = tantivy.Index.open(name)
                index.config_reader(reload_policy="manual")
                index.register_tokenizer(_ANALYZER, _analyzer())
                padding.add(index)
                return LexicalIndex(index, self.generation, padding=padding.documents)

    @_with_plain_errors
    def tokens(self) -> dict[str, int]:
        """Return the number of terms of all passages, removed ones included, by field."""
        from ragkit.storage.lexical.statistics import FORMS, TEXT, field_tokens

        return {field: field_tokens(self._schema, self._searcher, field) for field in (TEXT, FORMS)}

    @_with_plain_errors
    def frequencies(self) -> Iterator[tuple[str, str, int]]:
        """Yield (field, term, number of passages, removed ones included) of all terms, in order."""
        from ragkit.storage.lexical.statistics import FORMS, LANGUAGE, TEXT

        for field in (FORMS, LANGUAGE, TEXT):
            for term, count in sorted(self._searcher.terms_with_prefix(field, "")):
                yield field, term, count

    @_with_plain_errors
    def occurs(self, phrase: Phrase) -> bool:
        """Whether any passage contains a phrase of a `QueryPlan`."""
        return self.statistics.occurs(phrase)

    @classmethod
    def in_memory(cls, rows: Iterable[Row], generation: int) -> LexicalIndex:
        """Build an index of `rows` in memory, for a collection on a read-only disk."""
        import tantivy

        return cls(tantivy.Index(_schema()), -1, memory=True).with_changes(generation, rows, ())

    def with_changes(
        self, generation: int, rows: Iterable[Row], removed: Iterable[int]
    ) -> LexicalIndex:
        """Return an in-memory index with these rows added and these ids removed.

        This index is not changed. Only one thread at a time may call this method.
        """
        ids = list(removed)
        with plain_errors("tantivy cannot index the passages in memory"):
            _add(self._index, rows, ids)
            self._index.reload()
            return LexicalIndex(
                self._index, generation, memory=True, removed=self.removed + len(ids)
            )

    @_with_plain_errors
    def plan(self, query: ParsedQuery | QueryPlan) -> QueryPlan:
        """Return what a parsed query looks up. A plan is returned as it is: all methods take one
        that was made for a collection of which this index is a part."""
        from ragkit.analysis.query_syntax import ParsedQuery

        return self._plan(query) if isinstance(query, ParsedQuery) else query

    def __len__(self) -> int:
        return self.statistics.total

    @_with_plain_errors
    def top_k(
        self, query: ParsedQuery | QueryPlan, k: int, *, coverage: float = 0.0
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the k best passages that contain any word of the query, best first.

        Ids (n,) int64 and scores (n,) float32, n ≤ k. Returned passages with equal scores are
        sorted by ascending id. Phrases and exclusions are not applied here, but by `matching`.

        The score is BM25, of which the share `coverage`, 0 to 1, is replaced: that part of a word's
        score has its upper bound in every passage that contains the word, however often. With
        `coverage` a stop word has half its bound wherever it is: its frequency says nothing, and
        reading it for most passages takes long.
        """
        words = [word for word in self.plan(query).words if word.is_known]
        if not words or not len(self):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        count = min(k, len(self))
        found = self._top_k_in_two_steps(words, count, coverage)
        if found is None:
            found = self._search(self._word_query(words, coverage), count)
        ids, scores = found
        order = np.lexsort((ids, -scores))
        return ids[order], scores[order]

    def _top_k_in_two_steps(
        self, words: Sequence[QueryWord], k: int, coverage: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Return what searching all words at once would, without reading the most frequent words
        (usually stop words) of most passages; None if that is not possible, or not faster.

        The other words yield candidates. A passage that is not among them has at most the score of
        the last candidate and the bound of the frequent words. If that is below the k-th best score
        of the candidates, all words counted, then no other passage is among the k best: the pruning
        of Turtle and Flood, "Query evaluation: strategies and optimizations", 1995 (MaxScore).
        """
        if len(self) < _MIN_TWO_STEPS or k > _MAX_TWO_STEPS:
            return None
        common, others, bound = _split_words(words, coverage)
        if not common or not others:
            return None
        query = self._word_query(others, coverage)
        width = k + _SPARE_CANDIDATES
        ids, scores = self._search(query, width)  # by descending score
        if len(ids) < k:
            return None
        unseen = bound + (float(scores[-1]) if len(ids) == width else 0.0)
        possible = scores >= (scores[k - 1] - bound) * (1 - _ROUNDING)
        ids, scores = ids[possible], scores[possible]
        scores = scores + self._scores_of_common(common, ids.tolist(), coverage)
        best = np.argsort(-scores, kind="stable")[:k]
        if scores[best[-1]] <= unseen * (1 + _ROUNDING):
            return None
        return ids[best], scores[best]

    def _scores_of_common(
        self, words: Sequence[QueryWord], ids: Sequence[int], coverage: float
    ) -> NDArray[np.float32]:
        """Return the sum of the scores of frequent words for each of `ids`.

        The words are nested conditions: a union of them would compute the scores of the thousands
        of passages around each id.
        """
        from tantivy import Occur, Query

        query = Query.const_score_query(self._id_query(ids), 0.0)
        for word in words:
            for clause in self._clauses_of([word], coverage):
                query = Query.boolean_query([(Occur.Must, query), (Occur.Should, clause)])
        found, scores = self._search(query, len(ids))
        by_id = dict(zip(found.tolist(), scores.tolist(), strict=True))
        return np.array([by_id[passage_id] for passage_id in ids], dtype=np.float32)

    @_with_plain_errors
    def scores(
        self, query: ParsedQuery | QueryPlan, ids: Sequence[int], *, coverage: float = 0.0
    ) -> dict[int, float]:
        """Return id → score, as in `top_k`, for those of `ids` that contain any word of the
        query."""
        return self._scores(self.plan(query).words, ids, coverage)

    @_with_plain_errors
    def term_scores(
        self, query: ParsedQuery | QueryPlan, ids: Sequence[int], *, coverage: float = 0.0
    ) -> list[tuple[QueryWord, dict[int, float]]]:
        """Return (word, {passage id: score}) for each scored word of the query.

        The scores that the words give to a passage add up to its score in `scores`.
        """
        return [(word, self._scores([word], ids, coverage)) for word in self.plan(query).words]

    def max_bm25(self, query: ParsedQuery | QueryPlan) -> float:
        """Return an upper bound of the score of any passage for this query, with any `coverage`.

        It is the limit of BM25 for a passage that repeats every word infinitely often: (k1 + 1)
        times the sum of the words' inverse document frequencies, each with its weight.
        """
        return (_K1 + 1) * self.plan(query).total_idf

    @_with_plain_errors
    def idf(self, term: str) -> float:
        """Return BM25's inverse document frequency of a term of `ragkit.analysis`."""
        return self._planner.idf([term])

    @_with_plain_errors
    def languages(self, ids: Sequence[int]) -> dict[int, str]:
        """Return id → ISO 639-1 code of the language that the passage was analysed in."""
        from tantivy import Occur, Query

        codes = self._planner.languages
        if not codes or not len(ids):
            return {}
        found = dict.fromkeys(ids, codes[0])  # the most frequent
        for code in codes[1:]:
            query = Query.boolean_query(
                [
                    (Occur.Must, Query.term_query(self._schema, "language", code, "basic")),
                    (Occur.Must, self._id_query(ids)),
                ]
            )
            others = self._search(Query.const_score_query(query, 1.0), len(ids))[0].tolist()
            found |= dict.fromkeys(others, code)
            if len(others) == len(ids):
                break
        return found

    def is_restricted(self, query: ParsedQuery | QueryPlan) -> bool:
        """Whether the query has a required phrase that occurs, or an exclusion."""
        plan = self.plan(query)
        return bool(plan.required or plan.excluded)

    @_with_plain_errors
    def matching(self, query: ParsedQuery | QueryPlan, ids: Sequence[int]) -> set[int]:
        """Return those of `ids` that contain every required phrase and no excluded word or
        phrase."""
        if not len(ids):
            return set()
        return set(self._matching(query, len(ids), ids))

    @_with_plain_errors
    def matching_up_to(self, query: ParsedQuery | QueryPlan, limit: int) -> list[int] | None:
        """Return the ids of all passages that `matching` would return, ascending; None if there are
        more than `limit`."""
        if not self.plan(query).required and len(self) > 2 * limit:
            return None  # an exclusion leaves more than that
        ids = self._matching(query, limit + 1, None)
        return sorted(ids) if len(ids) <= limit else None

    @_with_plain_errors
    def some_matching(self, query: ParsedQuery | QueryPlan, limit: int) -> list[int]:
        """Return the ids of any `limit` passages that `matching` would return; of all, if there
        are fewer."""
        return self._matching(query, limit, None)

    def _matching(
        self, query: ParsedQuery | QueryPlan, limit: int, ids: Sequence[int] | None
    ) -> list[int]:
        from tantivy import Occur, Query

        from ragkit.storage.lexical.statistics import phrase_query

        plan, schema = self.plan(query), self._schema
        clauses: list[Any] = [(Occur.Must, phrase_query(schema, each)) for each in plan.required]
        clauses += [(Occur.MustNot, phrase_query(schema, each)) for each in plan.excluded]
        if ids is not None:
            clauses.append((Occur.Must, self._id_query(ids)))
        elif not plan.required:
            clauses.append((Occur.Must, Query.exists_query("id")))
        restriction = Query.const_score_query(Query.boolean_query(clauses), 1.0)
        return self._search(restriction, limit)[0].tolist() if len(self) else []

    def _scores(
        self, words: Sequence[QueryWord], ids: Sequence[int], coverage: float = 0.0
    ) -> dict[int, float]:
        from tantivy import Occur, Query

        known = [word for word in words if word.is_known]
        if not known or not len(ids) or not len(self):
            return {}
        clauses: Sequence[Any] = [
            (Occur.Must, self._word_query(known, coverage)),
            (Occur.Must, Query.const_score_query(self._id_query(ids), 0.0)),
        ]
        matches, scores = self._search(Query.boolean_query(clauses), len(ids))
        return dict(zip(matches.tolist(), scores.tolist(), strict=True))

    def _id_query(self, ids: Sequence[int]) -> Any:  # noqa: ANN401
        from tantivy import Occur, Query

        if len(ids) > _MAX_ID_TERMS:
            return Query.term_set_query(self._schema, "id", list(ids))
        clauses: Sequence[Any] = [
            (Occur.Should, Query.term_query(self._schema, "id", id_, "basic")) for id_ in ids
        ]
        return Query.boolean_query(clauses)

    def _word_query(self, words: Sequence[QueryWord], coverage: float) -> Any:  # noqa: ANN401
        """Return the query whose score is BM25, of which `coverage` has a part."""
        from tantivy import Occur, Query

        return Query.boolean_query(
            [(Occur.Should, clause) for clause in self._clauses_of(words, coverage)]
        )

    def _clauses_of(self, words: Sequence[QueryWord], coverage: float) -> Iterator[Any]:
        """Yield the queries whose scores are added for `words`."""
        for word in words:
            by_presence = _STOP_WORD_COVERAGE if coverage and word.is_stop_word else coverage
            if not (coverage and word.is_stop_word):
                yield from self._clauses(word, partial(self._term_query, part=1 - coverage))
            if coverage:
                yield from self._clauses(word, partial(self._presence, part=by_presence))

    def _clauses(
        self, word: QueryWord, query: Callable[[QueryWord, str, str, float], Any]
    ) -> Iterator[Any]:
        """Yield the queries whose scores are added for a word. `query` returns that of one term: of
        a word, a field, a term and its weight."""
        terms = [query(word, "text", term, 1.0) for term in word.terms]
        if not word.forms:
            yield from terms
            return
        # The best way to match counts, so that a word never counts twice.
        should = self._occur.Should
        best = [self._query.boolean_query([(should, each) for each in terms])]
        best += [
            query(word, form.field, form.term, form.weight)
            for form in word.forms
            if not form.is_extra
        ]
        yield self._query.disjunction_max_query(best)
        for form in word.forms:
            if form.is_extra:
                yield query(word, form.field, form.term, form.weight)

    def _term_query(
        self, word: QueryWord, field: str, term: str, weight: float, part: float
    ) -> Any:  # noqa: ANN401
        if " " in term:
            query = self._query.phrase_query(self._schema, field, term.split(" "))
        else:
            query = self._query.term_query(self._schema, field, term, "freq")
        boost = part * weight * self._boost(word, term, field)
        return query if boost == 1 else self._query.boost_query(query, boost)

    def _boost(self, word: QueryWord, term: str, field: str) -> float:
        """Return the factor by which tantivy's score of one of the word's terms is multiplied, so
        that it counts with the word's weight and inverse document frequency."""
        counted = self._counted_idf_of((field, term))
        if counted == word.matched_idf:
            return word.weight
        return word.weight * word.matched_idf / counted

    def _counted_idf(self, place: tuple[str, str]) -> float:
        """Return the inverse document frequency of a term as tantivy computes it."""
        from ragkit.storage.lexical.query_plan import bm25_idf

        counted = self.statistics.counted + self._padding
        field, terms = place[0], place[1].split(" ")  # tantivy adds those of a phrase
        return sum(
            bm25_idf(counted, self.statistics.counted_frequency(field, term)) for term in terms
        )

    def _presence(self, word: QueryWord, field: str, term: str, weight: float, part: float) -> Any:  # noqa: ANN401
        """Return the query with the same score for every passage that contains a term."""
        if " " in term:
            query = self._query.phrase_query(self._schema, field, term.split(" "))
        else:
            query = self._query.term_query(self._schema, field, term, "basic")
        bound = (_K1 + 1) * word.weight * word.matched_idf
        return self._query.const_score_query(query, part * weight * bound)

    def _search(self, query: Any, limit: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:  # noqa: ANN401
        hits = self._searcher.search(query, limit=limit, count=False).hits
        scores = np.array([score for score, _ in hits], dtype=np.float32)
        addresses = [address for _, address in hits]
        return np.array(self._searcher.fast_field_values("id", addresses), dtype=np.int64), scores
