"""Passages by their words: a tantivy index ranked by BM25.

Knows ids and terms, never vectors and never SQL; `ragkit.analysis` makes the terms, by a passage's
language. A cache like the FAISS file, under the same rules.
tantivy's files never change once written, so a new generation is a folder of links to the old
one's files plus what was added: cheap, and readers of the old generation are not disturbed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.storage.atomic_files import link_files, new_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.storage.lexical.query_plan import Sought

_ANALYZER = "ragkit"  # registered on every open: tantivy stores only the name
_HEAP = 15_000_000  # bytes tantivy gathers before it writes a segment
_K1 = 1.2  # of BM25, as tantivy has it
_FEW = 1000  # ids from which on a set of them is quicker than each as a term
_PLANS = 32  # queries whose plan is kept: one search asks for it several times

Row = tuple[int, str, str | None]  # passage id, text, the language its document declares


def _schema() -> Any:  # noqa: ANN401 (tantivy has no types that mypy can follow)
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name=_ANALYZER, index_option="position")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    return builder.build()


def _analyzer() -> Any:  # noqa: ANN401
    """Terms come with spaces between them: `ragkit.analysis` has done the rest."""
    from tantivy import TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.whitespace()).build()


def _add(index: Any, rows: Iterable[Row], removed: Iterable[int]) -> None:  # noqa: ANN401
    import tantivy

    from ragkit.analysis.analyzer import analyzer_for  # compiling its patterns takes ms
    from ragkit.analysis.language import detect_language

    index.register_tokenizer(_ANALYZER, _analyzer())
    writer = index.writer(heap_size=_HEAP, num_threads=1)
    if gone := list(removed):  # by query: by term, tantivy-py quietly misses unsigned fields
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, "id", gone))
    for passage_id, text, declared in rows:
        written_in = detect_language(text, declared)
        document = tantivy.Document()
        document.add_unsigned("id", passage_id)
        document.add_text("language", written_in)
        for terms in analyzer_for(written_in).index_terms(
            text
        ):  # tantivy leaves a gap between them
            document.add_text("text", terms)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()  # what is renamed into place is finished


def write(path: Path, older: Path | None, rows: Iterable[Row], removed: Iterable[int]) -> None:
    """Make the index folder `path`: the older one, if any, less `removed`, plus `rows`.

    `rows` are (passage id, text, language). Ids in `rows` must not be in `older`.
    """
    import tantivy

    def fill(folder: Path) -> None:
        if older is not None:
            link_files(older, folder)
        _add(tantivy.Index(_schema(), path=str(folder)), rows, removed)
        for lock in folder.glob(".*.lock"):  # belongs to a process, not to the content
            lock.unlink()

    new_folder(path, fill)


class WordIndex:
    """An opened index. Safe to share between threads: searching changes nothing."""

    def __init__(self, index: Any, generation: int, *, memory: bool = False) -> None:  # noqa: ANN401
        from ragkit.storage.lexical.query_plan import Planner

        self._index = index
        self.memory = memory  # written nowhere
        index.register_tokenizer(_ANALYZER, _analyzer())
        self.generation = generation
        self._schema = index.schema
        self._searcher = index.searcher()
        languages = self._searcher.terms_with_prefix("language", "")
        self._planner = Planner(
            self._schema, self._searcher, "text", [code for code, _ in languages]
        )
        self.plan = lru_cache(_PLANS)(self._planner.plan)  # what a query asks for

    @classmethod
    def read(cls, path: Path, generation: int) -> WordIndex:
        """Open the folder `path`. Raises ValueError where tantivy cannot make sense of it."""
        import tantivy

        try:
            if os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
                return cls(tantivy.Index.open(str(path)), generation)
            # tantivy opens nothing that it cannot lock, so it gets a folder of links to lock.
            # It may be locking still when that goes; at the worst an empty folder is left behind.
            with tempfile.TemporaryDirectory(prefix="ragkit-", ignore_cleanup_errors=True) as links:
                for entry in path.iterdir():
                    if entry.suffix != ".lock":  # left by somebody who may write here
                        Path(links, entry.name).symlink_to(entry.absolute())
                return cls(tantivy.Index.open(links), generation)
        except (ValueError, OSError) as error:
            raise ValueError(f"{path.name} is damaged ({error})") from error

    @classmethod
    def in_memory(cls, rows: Iterable[Row], generation: int) -> WordIndex:
        """An index of these rows that is written nowhere: for a collection on a read-only disk."""
        import tantivy

        return cls(tantivy.Index(_schema()), -1, memory=True).advanced(generation, rows, ())

    def advanced(self, generation: int, rows: Iterable[Row], removed: Iterable[int]) -> WordIndex:
        """An index in memory with these rows added and these ids removed.

        Who holds the one before goes on with what it was. Of several threads, one may do this.
        """
        _add(self._index, rows, removed)
        self._index.reload()
        return WordIndex(self._index, generation, memory=True)

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def best(self, query: str, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k best passages for any of the query's words, best first.

        Returns ids (n,) int64 and BM25 scores (n,) float32, n ≤ k; equal scores come by ascending
        id among those returned. What the query requires or excludes is asked by `meeting`.
        """
        terms = self.plan(query).terms
        if not terms or not len(self):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        ids, scores = self._found(self._any_of(terms), min(k, len(self)))
        order = np.lexsort((ids, -scores))
        return ids[order], scores[order]

    def scores(self, query: str, ids: Sequence[int]) -> dict[int, float]:
        """Id → its BM25 score for the query, the same that `best` gives; those of `ids` alone that
        hold any of its words."""
        return self._scores(self.plan(query).terms, ids)

    def gains(self, query: str, ids: Sequence[int]) -> list[tuple[Sought, dict[int, float]]]:
        """Each word of the query that counts, and what it adds to the score of those that have
        it: together their `scores`."""
        return [
            (each, self._scores([(term, each.weight) for term in each.terms], ids))
            for each in self.plan(query).sought
        ]

    def most(self, query: str) -> float:
        """What BM25 stays below for a passage with each word of the query in it, very often.

        That is (k1 + 1) times the sum of the words' inverse document frequencies; of the forms a
        word has in several languages the rarest counts.
        """
        return (_K1 + 1) * sum(each.inverse for each in self.plan(query).sought)

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a term, as `words.analysis` has it."""
        return self._planner.inverse([term])

    def is_limited(self, query: str) -> bool:
        """Whether the query requires phrases or excludes words."""
        plan = self.plan(query)
        return bool(plan.required or plan.excluded)

    def meeting(self, query: str, ids: Sequence[int]) -> set[int]:
        """Those of `ids` that hold what the query requires and nothing that it excludes."""
        if not len(ids):
            return set()
        return set(self._meeting(query, len(ids), ids))

    def few_meeting(self, query: str, most: int) -> list[int] | None:
        """All passages that do, by id; None where they are more than `most`."""
        if not self.plan(query).required and len(self) > 2 * most:
            return None  # excluding leaves more than that
        found = self._meeting(query, most + 1, None)
        return sorted(found) if len(found) <= most else None

    def _meeting(self, query: str, limit: int, ids: Sequence[int] | None) -> list[int]:
        from tantivy import Occur, Query

        plan = self.plan(query)
        clauses: list[Any] = [(Occur.Must, each) for each in plan.required]
        clauses += [(Occur.MustNot, each) for each in plan.excluded]
        if ids is not None:
            clauses.append((Occur.Must, self._these(ids)))
        elif not plan.required:
            clauses.append((Occur.Must, Query.all_query()))
        wanted = Query.const_score_query(Query.boolean_query(clauses), 1.0)
        return self._found(wanted, limit)[0].tolist() if len(self) else []

    def _scores(self, terms: Sequence[tuple[str, float]], ids: Sequence[int]) -> dict[int, float]:
        from tantivy import Occur, Query

        if not terms or not len(ids) or not len(self):
            return {}
        clauses: Sequence[Any] = [
            (Occur.Must, self._any_of(terms)),
            (Occur.Must, Query.const_score_query(self._these(ids), 0.0)),
        ]
        found, scores = self._found(Query.boolean_query(clauses), len(ids))
        return dict(zip(found.tolist(), scores.tolist(), strict=True))

    def _these(self, ids: Sequence[int]) -> Any:  # noqa: ANN401
        from tantivy import Occur, Query

        if len(ids) > _FEW:
            return Query.term_set_query(self._schema, "id", list(ids))
        clauses: Sequence[Any] = [
            (Occur.Should, Query.term_query(self._schema, "id", each, "basic")) for each in ids
        ]
        return Query.boolean_query(clauses)

    def _any_of(self, terms: Sequence[tuple[str, float]]) -> Any:  # noqa: ANN401
        from tantivy import Occur, Query

        clauses: list[Any] = []
        for term, weight in terms:
            query = Query.term_query(self._schema, "text", term, "freq")
            clauses.append(
                (Occur.Should, query if weight == 1 else Query.boost_query(query, weight))
            )
        return Query.boolean_query(clauses)

    def _found(self, query: Any, limit: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:  # noqa: ANN401
        hits = self._searcher.search(query, limit=limit, count=False).hits
        scores = np.array([score for score, _ in hits], dtype=np.float32)
        addresses = [address for _, address in hits]
        return np.array(self._searcher.fast_field_values("id", addresses), dtype=np.int64), scores
