"""The table of the first layer contains what the first layer computes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders import model_folder
from ragkit.encoders.bert import first_layer, safetensors_file
from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert.first_layer import FirstLayer
from ragkit.encoders.bert.onnx_session import build_forward
from tests.encoders.conftest import CONFIG, VOCABULARY

D = CONFIG["hidden_size"]


@pytest.fixture
def model(tiny: Path) -> bert_model.Bert:
    files = model_folder.read(tiny, "tiny")
    return bert_model.Bert(files.config, safetensors_file.map_tensors(tiny / "model.safetensors"))


def rows_of_a_table(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(first_layer, "_TABLE_BYTES", rows * 3 * D * 4)


def queries_keys_values(
    model: bert_model.Bert, ids: np.ndarray, places: np.ndarray
) -> list[np.ndarray]:
    """Return queries, keys and values as the forward pass computes them."""
    x = model.norm(
        model.word_embeddings[ids] + model.position_embeddings[places] + model.token_type_embedding
    )
    layer = model.layers[0]
    return [layer.query(x), layer.key(x), layer.value(x)]


def looked_up(
    model: bert_model.Bert, first: FirstLayer, ids: np.ndarray, places: np.ndarray
) -> list:
    """Return them from the table, by the formula in the module's docstring, σ in float64."""
    table, rows = first.lookup(ids)
    embedded = (
        model.word_embeddings[ids] + model.position_embeddings[places] + model.token_type_embedding
    )
    deviation = np.sqrt(embedded.var(axis=1, dtype=np.float64) + CONFIG["layer_norm_eps"])
    maps = (first.layer.query, first.layer.key, first.layer.value)
    return [
        (table[i, rows] + first.positions[i, places]) / deviation[:, None] + maps[i].bias
        for i in range(3)
    ]


@pytest.mark.parametrize("rows", [10_000, 8, 1])
def test_the_table_equals_the_first_layer(
    model: bert_model.Bert, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """The table has room for all words, for some of them, or for fewer than one call needs."""
    rows_of_a_table(monkeypatch, rows)
    first, random = FirstLayer(model), np.random.default_rng(1)
    for count in (1, 5, 3, 40, 2, 7):
        ids = random.integers(0, len(VOCABULARY), count).astype(np.int32)
        places = random.integers(0, CONFIG["max_position_embeddings"], count)
        cached = looked_up(model, first, ids, places)
        for ours, theirs in zip(cached, queries_keys_values(model, ids, places), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_a_word_is_computed_once(model: bert_model.Bert) -> None:
    first = FirstLayer(model)
    table, rows = first.lookup(np.array([7, 5, 7], dtype=np.int32))
    assert rows[0] == rows[2] != rows[1]
    table[:, rows] = 3  # whoever asks again is given what lies there
    again, same = first.lookup(np.array([5, 9, 7], dtype=np.int32))
    assert again is table
    assert (table[:, same[[0, 2]]] == 3).all()
    assert not (table[:, same[1]] == 3).any()


def test_a_full_table_stays_valid_for_its_readers(
    model: bert_model.Bert, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_of_a_table(monkeypatch, 4)
    first = FirstLayer(model)
    before, rows = first.lookup(np.array([5, 6, 7], dtype=np.int32))
    expected = before[:, rows].copy()
    after, _ = first.lookup(np.array([8, 9], dtype=np.int32))
    assert after is not before
    np.testing.assert_array_equal(before[:, rows], expected)
    large, _ = first.lookup(np.arange(12, dtype=np.int32))
    assert large.shape[1] == 12
    small, _ = first.lookup(np.array([14], dtype=np.int32))
    assert small.shape[1] == 4  # no larger than it has to be for longer than it has to


def test_threads_share_a_table(model: bert_model.Bert, monkeypatch: pytest.MonkeyPatch) -> None:
    rows_of_a_table(monkeypatch, 9)
    run, random = build_forward(model), np.random.default_rng(2)
    texts = [random.integers(0, len(VOCABULARY), length).tolist() for length in range(1, 41)]
    expected = [model.forward([text]) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for ours, theirs in zip(pool.map(lambda t: run([t]), texts), expected, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=2e-5)
