import pytest

from ragkit.analysis.query_syntax import parse_query
from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.shards.database import ShardedIndexReader, open_sharded
from ragkit.storage.shards.placement import first_id
from tests.storage.shards.conftest import TEXTS

ROWS = [
    (first_id(shard) + 1 + place, text, None)
    for shard, texts in TEXTS.items()
    for place, text in enumerate(texts)
]


@pytest.fixture
def index(published):
    store = open_sharded(published[0].folder)
    with store.reading() as connection:
        yield ShardedIndexReader(store).lexical(connection)
    store.close()


@pytest.mark.parametrize("coverage", [0.0, 0.35])
@pytest.mark.parametrize("text", ["fox", "quick dog", "the house", '"quick fox" dog', "fux -dog"])
def test_scores_are_those_of_one_index_of_all_passages(index, text, coverage):
    whole = LexicalIndex.in_memory(ROWS, 1)
    query = parse_query(text)
    ids, scores = whole.top_k(query, 4, coverage=coverage)
    found, found_scores = index.top_k(query, 4, coverage=coverage)
    assert dict(zip(found.tolist(), found_scores.tolist(), strict=True)) == pytest.approx(
        dict(zip(ids.tolist(), scores.tolist(), strict=True)), abs=1e-6
    )
    every = [row[0] for row in ROWS]
    assert index.scores(query, every) == pytest.approx(whole.scores(query, every), abs=1e-6)
    assert index.matching(query, every) == whole.matching(query, every)
    assert index.matching_up_to(query, 4) == whole.matching_up_to(query, 4)
    assert index.max_bm25(query) == pytest.approx(whole.max_bm25(query))
    assert index.is_restricted(query) == whole.is_restricted(query)
    assert index.languages(every) == whole.languages(every)
    words = [(word.surface, values) for word, values in index.term_scores(query, every)]
    for (surface, values), (word, expected) in zip(
        words, whole.term_scores(query, every), strict=True
    ):
        assert (surface, values) == (word.surface, pytest.approx(expected, abs=1e-6))
    assert len(index) == len(whole) == 4
