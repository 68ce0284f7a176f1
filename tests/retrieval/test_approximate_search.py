"""Search by compressed vectors, compared with an exact search of the same collection."""

import json

import numpy as np
import pytest

from ragkit import Collection, Settings
from ragkit.errors import ModelError
from ragkit.storage.vectors.quantized import QuantizedVectors
from tests.conftest import WordEncoder

COUNT = 600


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Return a collection of 600 passages that is searched by compressed vectors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ragkit.storage.vectors.quantized.EXACT_BELOW", 500)
        patch.setattr("ragkit.storage.vectors.index.MAX_CANDIDATE_SHARE", 1.0)
        folder = tmp_path_factory.mktemp("large")
        chance = np.random.default_rng(7)
        lines = [
            json.dumps({"n": n, "text": " ".join(f"word{w}" for w in chance.integers(0, 80, 9))})
            for n in range(COUNT)
        ]
        (folder / "rows.jsonl").write_text("\n".join(lines))
        chosen = Settings(records=True)
        with Collection(folder / "kit", settings=chosen, encoder=WordEncoder()) as collection:
            collection.index(folder / "rows.jsonl")
            yield collection


@pytest.fixture
def proposing(monkeypatch):
    """Return a list that grows by one item with each search of compressed vectors."""
    counts, plain = [], QuantizedVectors.propose
    monkeypatch.setattr(
        QuantizedVectors, "propose", lambda self, *args: counts.append(1) or plain(self, *args)
    )
    return counts


@pytest.mark.parametrize("where", [None, "n > 100", "n > 590"])
def test_the_ten_neighbors_equal_those_of_an_exact_search(large, where):
    same = []
    for number in range(40):
        query = f"word{number} word{number + 9} word{number + 23}"
        hits = large.search(query, where=where)
        exact = large.search(query, where=where, exact=True)
        assert len(hits) == len(exact)
        ids = {hit.passage_id: hit.score for hit in exact}
        same += [ids.get(hit.passage_id) == hit.score for hit in hits]
    assert np.mean(same) >= 0.99


def test_distant_matches_of_a_large_filter_are_proposed_among_the_matches(large, monkeypatch):
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SET", 0)
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SHARE", 0.0)
    monkeypatch.setattr("ragkit.retrieval.rankers.MAX_WIDENING", 0)
    monkeypatch.setattr("ragkit.storage.vectors.index.FULL_SCAN_SHARE", -1.0)
    among, plain = [], QuantizedVectors.propose

    def watched(self, query, count, only=None):
        among.append(None if only is None else len(only))
        return plain(self, query, count, only)

    monkeypatch.setattr(QuantizedVectors, "propose", watched)
    exact = large.search("word3 word4", where="n > 100", exact=True)
    assert among == []
    assert large.search("word3 word4", where="n > 100") == exact
    assert among == [COUNT - 101]


def test_exact_search_uses_no_compressed_vectors(large, proposing):
    large.search("word3 word4")
    assert proposing
    proposing.clear()
    large.search("word3 word4", exact=True)
    assert proposing == []


def test_a_large_batch_is_exact_and_a_small_one_is_searched_singly(large, proposing):
    queries = [f"word{n} word{n + 1}" for n in range(40)]
    together = large.search_many(queries)
    assert proposing == []
    assert together == [large.search(query, exact=True) for query in queries]
    large.search_many(queries[:3])
    assert len(proposing) >= 3


def test_the_setting_candidates_bounds_the_proposals(large, proposing, monkeypatch):
    counts = []
    monkeypatch.setattr(
        "ragkit.storage.vectors.quantized.QuantizedVectors.propose",
        lambda self, query, count, among=None: counts.append(count) or np.arange(count),
    )
    chosen = Settings(candidates=3)
    with Collection(large.folder, settings=chosen, encoder=WordEncoder()) as collection:
        collection.search("word1", k=10)
    assert counts[0] == 3 * 26  # sixteen more than ten, for ties


def test_an_encoder_that_returns_nan_is_reported_and_the_text_is_kept(tmp_path, folder):
    class Broken(WordEncoder):
        def encode_passages(self, texts):
            return super().encode_passages(texts) * np.float32("nan")

    with Collection(tmp_path / "kit", encoder=Broken(), notify=lambda _: None) as collection:
        with pytest.raises(ModelError, match="vectors that cannot be compared"):
            collection.index(folder)
        assert collection.status().passages == 4
        with collection._store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM vectors").fetchone()[0] == 0
