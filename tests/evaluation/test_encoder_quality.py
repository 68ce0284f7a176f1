"""Exact rankings with the stored vectors of any model."""

import numpy as np
import pytest

from ragkit.evaluation import encoder_quality
from ragkit.evaluation.encoder_quality import measure_encoder, rank_exactly
from ragkit.evaluation.self_run import JudgedQuery
from ragkit.storage.sqlite import passages


@pytest.fixture
def filled(collection, tmp_path):
    (tmp_path / "notes").mkdir()
    for number in range(23):
        (tmp_path / "notes" / f"{number}.txt").write_text(f"Text {number} about subject{number}.")
    collection.index(tmp_path / "notes")
    return collection


@pytest.mark.parametrize("block", [4, 23, 100])
def test_the_ranking_is_that_of_an_exact_search(filled, encoder, monkeypatch, block):
    monkeypatch.setattr(encoder_quality, "_BLOCK", block)
    queries = ["subject7 text", "subject19", "about"]
    vectors = np.vstack([encoder.encode_queries(queries), np.zeros((1, 64), np.float32)])
    with filled._store.reading() as connection:
        model_id = passages.model(connection)["id"]
        ranked = rank_exactly(connection, model_id, vectors, 6)
    expected = [
        [(hit.passage_id, pytest.approx(hit.score, abs=1e-6)) for hit in filled.search(query, k=6)]
        for query in queries
    ]
    assert ranked == [*expected, []]


def test_judged_queries_are_measured_without_a_search(filled, encoder):
    pytest.importorskip("ir_measures")
    judged = [JudgedQuery("subject7", (("7.txt", 0, 20),), (("8.txt", 0, 20),))]
    with filled._store.reading() as connection:
        model_id = passages.model(connection)["id"]
        result = measure_encoder(connection, model_id, encoder, [], judged)
    assert result.measures == {}
    assert result.judged["MRR@10"] == 1.0
