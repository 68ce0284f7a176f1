"""Filtered search, compared with a filter applied to the full ranking."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Collection, Settings
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.vectors.index import VectorIndex
from tests.conftest import WordEncoder

COUNT = 500


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Return a collection of 500 records: `n` from 0, `even` yes or no, texts with few words."""
    folder = tmp_path_factory.mktemp("rows")
    chance = np.random.default_rng(5)
    lines = []
    for n in range(COUNT):
        text = " ".join(f"word{number}" for number in chance.integers(0, 60, size=8))
        lines.append(json.dumps({"n": n, "even": "no" if n % 2 else "yes", "text": text}))
    (folder / "rows.jsonl").write_text("\n".join(lines))
    with Collection(
        folder / "kit", settings=Settings(records=True), encoder=WordEncoder()
    ) as collection:
        assert collection.index(folder / "rows.jsonl").passages == COUNT
        yield collection


@pytest.mark.parametrize("few", [0, 100, 5000])
@settings(max_examples=25)
@given(
    share=st.sampled_from([0.001, 0.01, 0.1, 0.5, 0.9, 1.0]),
    start=st.integers(0, COUNT - 1),
    words=st.lists(st.integers(0, 65), min_size=1, max_size=4),
    k=st.sampled_from([1, 10, 150]),
    mode=st.sampled_from(["dense", "lexical", "hybrid"]),
)
def test_a_filtered_search_returns_the_k_best_matches(rows, few, share, start, words, k, mode):
    end = start + round(share * COUNT)
    query = " ".join(f"word{number}" for number in words)
    ranking = rows.search(query, k=COUNT, mode=mode)
    expected = [hit for hit in ranking if start <= int(hit.metadata["n"]) < end]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SET", few)
        hits = rows.search(query, k=k, mode=mode, where=f"n >= {start} and n < {end}")
    assert [hit.passage_id for hit in hits] == [hit.passage_id for hit in expected[:k]]
    assert [hit.scores for hit in hits] == [hit.scores for hit in expected[:k]]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize("few", [0, 5000])
def test_min_score_applies_within_a_filter(rows, monkeypatch, mode, few):
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SET", few)
    query, where = "word1 word2 word3", "even = yes"
    every = rows.search(query, k=COUNT, mode=mode, where=where)
    bound = sorted(hit.score for hit in every)[len(every) // 2]
    hits = rows.search(query, k=20, mode=mode, where=where, min_score=bound)
    expected = [hit.passage_id for hit in every if hit.score >= bound][:20]
    assert [hit.passage_id for hit in hits] == expected


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_filter_without_matches_has_no_hits(rows, mode):
    assert rows.search("word1", mode=mode, where="n > 5000") == []
    assert rows.search("word1", mode=mode, where={"nobody": "has this"}) == []


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_each_query_of_a_batch_gets_its_own_hits(rows, mode):
    queries = [f"word{n} word{n + 5}" for n in range(30)]
    for where in (None, "even = no", "n < 12"):
        together = rows.search_many(queries, k=7, mode=mode, where=where)
        alone = [rows.search(query, k=7, mode=mode, where=where) for query in queries]
        assert together == alone


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
@pytest.mark.parametrize("widest", [0, 1, 10, 5000])
def test_distant_matches_are_searched_directly(rows, monkeypatch, mode, widest):
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SET", 0)
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SHARE", 0.0)
    monkeypatch.setattr("ragkit.retrieval.rankers.MAX_WIDENING", widest)
    query = "word1 word2 word3"
    ranking = rows.search(query, k=COUNT, mode=mode)
    far = int(ranking[-1].metadata["n"])
    expected = [hit for hit in ranking if abs(int(hit.metadata["n"]) - far) < 3]
    hits = rows.search(query, k=9, mode=mode, where=f"n > {far - 3} and n < {far + 3}")
    assert [hit.passage_id for hit in hits] == [hit.passage_id for hit in expected]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_exact_changes_nothing_in_a_small_collection(rows, mode):
    for where in (None, "even = yes"):
        plain = rows.search("word1 word7", mode=mode, where=where)
        assert rows.search("word1 word7", mode=mode, where=where, exact=True) == plain


ASKED = [
    *(f"word{n} word{n + 5} word{(7 * n) % 60}" for n in range(0, 20, 10)),
    *(f'"word{n} word{n + 1}" word5' for n in range(0, 20, 10)),
    *(f"word{n} word{n + 1} -word{n + 2}" for n in range(0, 20, 10)),
]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize("few", [0, 5000])
@pytest.mark.parametrize("where", [None, "n < 12", "even = no"])
def test_phrases_and_options_in_a_batch_give_the_hits_of_single_queries(
    rows, monkeypatch, mode, few, where
):
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SET", few)
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SHARE", 0.0)
    for options in (
        {"k": 70},
        {"per_document": 1},
        {"diverse": True},
        {"min_score": 0.3, "fusion": "rrf"},
    ):
        together = rows.search_many(ASKED, mode=mode, where=where, **options)
        alone = [rows.search(query, mode=mode, where=where, **options) for query in ASKED]
        assert together == alone


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("dense", {"k": 10}),
        ("hybrid", {"k": 10}),
        ("hybrid", {"k": 200}),
        ("dense", {"k": 60, "per_document": 1}),
        ("hybrid", {"k": 30, "diverse": True}),
    ],
)
def test_a_batch_reads_the_vectors_once(rows, monkeypatch, mode, options):
    alone = []
    nearest = VectorIndex.top_k
    monkeypatch.setattr(
        VectorIndex, "top_k", lambda self, *arguments, **named: alone.append(1) or nearest(
            self, *arguments, **named
        )
    )  # fmt: skip
    rows.search_many(
        [f"word{n} word{n + 5} word{(7 * n) % 60}" for n in range(20)], mode=mode, **options
    )
    assert not alone


def test_all_queries_of_a_batch_use_one_snapshot(rows, monkeypatch):
    opened, words, vectors = [], IndexReader.lexical, IndexReader.vectors
    monkeypatch.setattr(
        IndexReader, "lexical", lambda self, at: opened.append("words") or words(self, at)
    )
    monkeypatch.setattr(
        IndexReader, "vectors", lambda self, at: opened.append("vectors") or vectors(self, at)
    )
    rows.search_many([f"word{n} -word{n + 1}" for n in range(9)], mode="hybrid", explain=True)
    assert sorted(opened) == ["vectors", "words"]
