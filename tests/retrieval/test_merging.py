"""Rankings of several collections, merged by hand-made scores."""

import pytest

from ragkit.records.hits import Hit
from ragkit.retrieval.merging import merge_hits
from ragkit.retrieval.options import SearchOptions

SAME = {"a": "f" * 64, "b": "f" * 64}


def hit(path, score, **scores):
    stages = {"dense": score, "lexical": None, "fused": None, "rerank": None, **scores}
    return Hit(
        rank=1, score=score, passage_id=1, text="", path=path, title=path, heading=(), page=None,
        locator=None, start_line=1, end_line=1, start=0, end=0, citation=f"{path}#L1",
        scores=stages, metadata={}, stale=False, root="/r",
    )  # fmt: skip


def merged(results, options=None, fingerprints=None, k=10):
    options = options or SearchOptions()
    found = merge_hits(results, k, options, fingerprints or SAME)
    return [hit.citation for hit in found.hits], found.merged_by


def test_cosines_of_one_encoder_are_compared():
    results = {"a": [hit("x", 0.9), hit("y", 0.2)], "b": [hit("x", 0.8), hit("z", 0.7)]}
    assert merged(results, k=3) == (["a:x#L1", "b:x#L1", "b:z#L1"], "score")


def test_each_hit_names_its_collection_and_has_its_rank():
    found = merge_hits({"a": [], "b": [hit("x", 0.8)]}, 10, SearchOptions(), SAME)
    assert [(hit.rank, hit.collection, hit.path) for hit in found.hits] == [(1, "b", "x")]
    assert found.collections == ("a", "b")


def test_scores_of_different_encoders_are_not_compared():
    results = {"a": [hit("x", 0.3), hit("y", 0.2)], "b": [hit("z", 0.9)]}
    other = {"a": "f" * 64, "b": "0" * 64}
    assert merged(results, fingerprints=other) == (["a:x#L1", "b:z#L1", "a:y#L1"], "rank")


def test_a_collection_that_is_empty_does_not_change_how_the_others_are_merged():
    results = {"a": [hit("x", 0.3)], "b": []}
    assert merged(results, fingerprints={"a": "f" * 64, "b": None})[1] == "score"


def test_bm25_depends_on_the_collection_and_is_not_compared():
    results = {"a": [hit("x", 0.3, lexical=9.0)], "b": [hit("z", 0.9, lexical=3.0)]}
    options = SearchOptions(mode="lexical")
    assert merged(results, options) == (["a:x#L1", "b:z#L1"], "rank")


@pytest.mark.parametrize(("fusion", "by"), [("convex", "score"), ("rrf", "rank")])
def test_fused_scores_are_compared_where_they_are_normalised(fusion, by):
    results = {"a": [hit("x", 0.9, fused=0.3)], "b": [hit("z", 0.1, fused=0.8)]}
    options = SearchOptions(mode="hybrid", fusion=fusion)
    order = {"score": ["b:z#L1", "a:x#L1"], "rank": ["a:x#L1", "b:z#L1"]}
    assert merged(results, options) == (order[by], by)


def test_a_cross_encoder_makes_rankings_of_different_encoders_comparable():
    results = {
        "a": [hit("x", 0.9, rerank=0.2), hit("y", 0.8)],
        "b": [hit("z", 0.1, rerank=0.7)],
    }
    options = SearchOptions(rerank=True)
    found = merged(results, options, {"a": "f" * 64, "b": "0" * 64})
    assert found == (["b:z#L1", "a:x#L1", "a:y#L1"], "score")


def test_each_list_keeps_its_own_order():
    """As that of a diverse search, which is not sorted by score."""
    results = {"a": [hit("x", 0.5), hit("y", 0.9)], "b": [hit("z", 0.6)]}
    assert merged(results) == (["b:z#L1", "a:x#L1", "a:y#L1"], "score")


def test_a_query_that_the_encoder_cannot_read_is_ranked_by_words_and_interleaved():
    results = {"a": [hit("x", None, lexical=9.0)], "b": [hit("z", None, lexical=3.0)]}
    assert merged(results)[1] == "rank"
