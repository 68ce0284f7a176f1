"""MMR and the limit per document, by hand and on collections with the deterministic encoder."""

from collections import Counter

import numpy as np
import pytest

from ragkit.retrieval.diversity import mmr, newer_first, without_superseded
from ragkit.retrieval.rankers import ScoredPassage


def vectors_of(table):
    return lambda ids: {key: np.array(table[key], dtype=np.float32) for key in ids}


def test_maximal_marginal_relevance_by_hand():
    pool = [ScoredPassage(1, 0.9), ScoredPassage(2, 0.88), ScoredPassage(3, 0.5)]
    table = {1: [1, 0], 2: [0.96, 0.28], 3: [0, 1]}
    # After 1: 2 has .5 · .88 − .5 · .96 = −.04, 3 has .5 · .5 − 0 = .25.
    assert [passage.passage_id for passage in mmr(pool, 3, 0.5, vectors_of(table))] == [1, 3, 2]
    # .9 · .88 − .1 · .96 = .696 against .9 · .5 = .45
    assert [passage.passage_id for passage in mmr(pool, 2, 0.9, vectors_of(table))] == [1, 2]


def test_bm25_relevance_is_a_share_of_the_best_score():
    pool = [
        ScoredPassage(1, 0.1, lexical=20.0),
        ScoredPassage(2, 0.1, lexical=19.0),
        ScoredPassage(3, 0.9, lexical=5.0),
    ]
    table = {1: [1, 0], 2: [1, 0], 3: [0, 1]}
    # 2: .5 · .95 − .5 = −.025; 3: .5 · .25 = .125
    assert [passage.passage_id for passage in mmr(pool, 3, 0.5, vectors_of(table))] == [1, 3, 2]


def test_a_near_duplicate_comes_last_unless_only_relevance_counts():
    pool = [ScoredPassage(1, 0.9), ScoredPassage(2, 0.9), ScoredPassage(3, 0.1)]
    table = {1: [1, 0], 2: [1, 0], 3: [0, 1]}
    # by the formula 2 has .9 · .9 − .1 = .71, 3 has .9 · .1 = .09
    assert [passage.passage_id for passage in mmr(pool, 3, 0.9, vectors_of(table))] == [1, 3, 2]
    assert [passage.passage_id for passage in mmr(pool, 3, 1.0, vectors_of(table))] == [1, 2, 3]


def test_a_passage_that_a_newer_version_has_too_is_left_out_by_hand():
    ranking = [ScoredPassage(id_, 0.9 - id_ / 10) for id_ in (1, 2, 3, 4)]
    table = {1: [1, 0], 2: [0.6, 0.8], 3: [0.96, 0.28], 4: [0.6, 0.8]}
    # 1 and 2 are of document 10, 3 of its newer version 11 (cosines .96 and .8), 4 of another one.
    kept = without_superseded(ranking, {1: 10, 2: 10, 3: 11, 4: 12}, {10: [11]}, vectors_of(table))
    assert [passage.passage_id for passage in kept] == [2, 3, 4]
    assert without_superseded(ranking, dict.fromkeys((1, 2, 3, 4), 10), {10: [11]},
                              vectors_of(table)) == ranking  # fmt: skip


def test_time_is_worth_at_most_a_cosine_of_a_twentieth_by_hand():
    ages = {1: 1.0, 2: 0.0, 3: 1e9}  # in half-lives
    # 1 loses .05 · (1 − ½) = .025, 3 loses .05
    ranking = [ScoredPassage(1, 0.72), ScoredPassage(2, 0.7), ScoredPassage(3, 0.5)]
    assert [p.passage_id for p in newer_first(ranking, ages)] == [2, 1, 3]
    assert [p.passage_id for p in newer_first(ranking, {1: 1e9})] == [2, 1, 3]
    assert [p.passage_id for p in newer_first([ScoredPassage(3, 0.76), *ranking[1:2]], ages)] == [
        3,
        2,
    ]
    # BM25 counts as a share of the best score: .96 − .0 against 1 − .05
    by_words = [ScoredPassage(3, 0.1, lexical=25.0), ScoredPassage(2, 0.1, lexical=24.0)]
    assert [p.passage_id for p in newer_first(by_words, ages)] == [2, 3]


def test_time_is_worth_a_share_of_the_best_score_of_fused_ranks():
    # Ranks are fused as 1 / (60 + rank). No word of the query occurs in the best passage.
    ranking = [ScoredPassage(1, 0.9, fused=1 / 61), ScoredPassage(2, 0.5, 3.0, fused=1 / 80)]
    # 1 has 1 − .05, 2 has 61 / 80 = .76
    assert [p.passage_id for p in newer_first(ranking, {1: 1e9})] == [1, 2]


def test_relevance_after_time_counts_as_before_it_in_mmr():
    pool = [ScoredPassage(1, 0.02), ScoredPassage(2, 0.02), ScoredPassage(3, 0.01)]
    table = {1: [1, 0], 2: [1, 0], 3: [0, 1]}
    # Each loses .05, so that all are negative; 2 says what 1 says.
    aged = newer_first(pool, dict.fromkeys((1, 2, 3), 1e9))
    assert [p.passage_id for p in mmr(aged, 3, 0.5, vectors_of(table))] == [1, 3, 2]
    pool = [ScoredPassage(1, 0.4), ScoredPassage(2, 0.36), ScoredPassage(3, 0.1)]
    table = {1: [1, 0], 2: [0.6, 0.8], 3: [-0.28, 0.96]}
    # .7 · .36 − .3 · .6 = .072 against .7 · .1 + .3 · .28 = .154; divided by .4: .45 against .259
    assert [p.passage_id for p in mmr(newer_first(pool, {}), 3, 0.7, vectors_of(table))] == [
        1,
        3,
        2,
    ]


def test_a_near_duplicate_comes_last_where_all_reranked_scores_are_negative():
    pool = [
        ScoredPassage(id_, 0.1, rerank=0.01, final=final)
        for id_, final in ((1, -0.1), (2, -0.1), (3, -0.2))
    ]
    table = {1: [1, 0], 2: [1, 0], 3: [0, 1]}
    assert [p.passage_id for p in mmr(pool, 3, 0.5, vectors_of(table))] == [1, 3, 2]


def test_passages_without_a_vector_are_similar_to_nothing():
    pool = [ScoredPassage(1, 0.9), ScoredPassage(2, 0.8)]
    selected = mmr(pool, 2, 0.5, lambda ids: {1: np.array([1, 0], dtype=np.float32)})
    assert [passage.passage_id for passage in selected] == [1, 2]
    assert mmr([], 3, 0.5, lambda ids: {}) == []


@pytest.fixture
def filled(collection, tmp_path):
    """Return a collection of 40 documents; number n has n % 5 + 1 passages with the query word."""
    folder = tmp_path / "filled"
    folder.mkdir()
    for number in range(40):
        parts = [
            f"# Part {part}\n\nword{part} and common words of n{number}p{part}."
            for part in range(number % 5 + 1)
        ]
        (folder / f"{number:02}.md").write_text("\n\n".join(parts))
    collection.index(folder)
    return collection


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize("per_document", [1, 2, 9])
def test_at_most_n_passages_of_each_document(filled, mode, per_document):
    everything = filled.search("common words", k=500, mode=mode)
    counts, expected = Counter(), []
    for hit in everything:
        counts[hit.path] += 1
        expected += [hit.passage_id] * (counts[hit.path] <= per_document)
    for k in (3, 40, 300):
        hits = filled.search("common words", k=k, mode=mode, per_document=per_document)
        assert [hit.passage_id for hit in hits] == expected[:k]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_lambda_one_keeps_the_ranking(filled, mode):
    plain = filled.search("common words", k=10, mode=mode)
    assert filled.search("common words", k=10, mode=mode, diverse=1.0) == plain


def test_copies_are_not_among_the_first_hits_twice(collection, tmp_path):
    folder = tmp_path / "copies"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.txt").write_text("keys are rotated often")
    (folder / "other.txt").write_text("keys open doors")
    collection.index(folder)
    for diverse in (False, True):
        hits = collection.search("keys rotated often", k=5, diverse=diverse)
        assert [(hit.text, hit.copies) for hit in hits] == [
            ("keys are rotated often", 19),
            ("keys open doors", 0),
        ]
    one = collection.search("keys rotated often", k=5, diverse=True, where="path = other.txt")
    assert [hit.path for hit in one] == ["other.txt"]
