"""Reranking: the order, the time budget, and passages that are not reranked."""

from itertools import count

import numpy as np
import pytest

from ragkit import Collection
from ragkit.encoders.cross_encoder import Reranker
from ragkit.errors import UsageError
from ragkit.retrieval.diversity import mmr
from ragkit.retrieval.rankers import ScoredPassage
from ragkit.retrieval.rerank import MAX_CANDIDATES, rerank


def by_length(read=None):
    """Return a reranker that prefers short passages; `read` is called with what it is given."""

    def scores(query, passages):
        if read is not None:
            read.append(list(passages))
        return np.array([-len(text) for text in passages], dtype=np.float32)

    return Reranker("by length", 512, scores)


def ranking(lengths):
    scored = [ScoredPassage(number, 1 - number / 100) for number in range(len(lengths))]
    return scored, lambda ids: {number: "x" * lengths[number] for number in ids}


def test_the_order_is_by_the_score_plus_a_quarter_deviation_for_each_unit_of_the_logit():
    """Logits −3, −1, −2, −1; with a deviation of .04 each unit counts .01."""
    scored, texts = ranking([3, 1, 2, 1])
    reranked = rerank(scored, "q", texts, by_length(), deviation=0.04)
    assert [p.passage_id for p in reranked] == [1, 0, 2, 3]
    assert [p.rerank for p in reranked] == pytest.approx([0.2689, 0.0474, 0.1192, 0.2689], 1e-3)
    assert [p.final for p in reranked] == pytest.approx([0.98, 0.97, 0.96, 0.96])
    assert [p.dense for p in reranked] == [0.99, 1, 0.98, 0.97]


def test_without_a_known_deviation_it_is_that_of_the_candidates():
    scored, texts = ranking([2, 1])  # scores 1 and .99: the deviation is .005
    assert [p.final for p in rerank(scored, "q", texts, by_length())] == pytest.approx(
        [0.9975, 0.98875], abs=1e-9
    )
    alike = [p._replace(dense=0.5) for p in scored]
    assert [p.passage_id for p in rerank(alike, "q", texts, by_length())] == [1, 0]


def test_an_undecided_reranker_changes_nothing_and_extreme_logits_are_no_error():
    scored, texts = ranking([4, 4, 4])
    reranked = rerank(scored, "q", texts, by_length())
    assert [p.passage_id for p in reranked] == [0, 1, 2]
    wild = Reranker("wild", 9, lambda q, p: np.array([-1e30, 1e30, 0], dtype=np.float32))
    assert [p.rerank for p in rerank(scored, "q", texts, wild)] == pytest.approx([1, 0.5, 0])
    below = [p._replace(dense=-p.passage_id / 10 - 0.1) for p in scored]
    assert [p.passage_id for p in rerank(below, "q", texts, by_length())] == [0, 1, 2]


def test_passages_beyond_the_candidates_or_missing_stay_below():
    lengths = [1] * MAX_CANDIDATES + [0]
    scored, texts = ranking(lengths)
    reranked = rerank(
        scored, "q", lambda ids: {k: v for k, v in texts(ids).items() if k != 0}, by_length()
    )
    assert [p.passage_id for p in reranked] == [*range(1, MAX_CANDIDATES), 0, MAX_CANDIDATES]
    assert [p.rerank for p in reranked[-2:]] == [None, None]


@pytest.mark.parametrize(
    ("budget", "steps"),
    [(0.001, [2]), (7.9, [2]), (8, [2, 6]), (13.9, [2, 6]), (14, [2, 6, 6]), (99, [2, 6, 6, 6])],
)
def test_reranking_stops_within_its_budget(budget, steps):
    """The clock advances by a second for each passage that is read."""
    read = []
    now = count()
    scored, texts = ranking([1] * 20)

    def clock():
        return sum(map(len, read)) + 0 * next(now)

    rerank(scored, "q", texts, by_length(read), budget, clock)
    assert [len(batch) for batch in read] == steps


def test_an_empty_ranking_is_not_reranked():
    assert rerank([], "q", lambda ids: {}, by_length()) == []
    assert rerank([], "q", lambda ids: {}, by_length(), 1.0) == []


def test_mmr_after_reranking_uses_the_combined_score():
    """λ = 1 is relevance alone."""
    finals = {1: 0.9, 2: 0.2, 3: 0.6}
    pool = [ScoredPassage(number, 0.5, rerank=0.5, final=finals[number]) for number in finals]
    vectors = {number: np.eye(3, dtype=np.float32)[number - 1] for number in finals}
    selected = mmr(pool, 3, 1.0, lambda ids: vectors)
    assert [p.passage_id for p in selected] == [1, 3, 2]


def test_a_collection_uses_its_reranker_and_shows_its_scores(tmp_path, encoder, folder):
    """The shortest of the three documents is first; the cosines do not change."""
    with Collection(tmp_path / "kit", encoder=encoder, reranker=by_length()) as reranked:
        reranked.index(folder)
        plain = {hit.passage_id: hit for hit in reranked.search("rotate the keys")}
        hits = reranked.search("rotate the keys", rerank=True, budget=60)
        assert {hit.passage_id: hit.score for hit in hits} == {
            passage_id: hit.score for passage_id, hit in plain.items()
        }
        assert all(0 < hit.scores["rerank"] < 0.1 for hit in hits)
        assert [hit.scores["rerank"] for hit in plain.values()] == [None] * len(plain)
        (same,) = reranked.search_many(["rotate the keys"], rerank=True)
        assert same == hits
        assert len(reranked.search("rotate the keys", 1, rerank=True, diverse=True)) == 1


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf")])
def test_a_budget_is_a_positive_number_of_seconds(collection, budget):
    with pytest.raises(UsageError, match=r"budget is .* s; expected more than 0 seconds"):
        collection.search("x", rerank=True, budget=budget)


def test_a_budget_without_reranking_is_an_error(collection):
    with pytest.raises(UsageError, match="budget is the time for rerank"):
        collection.search("x", budget=0.3)
