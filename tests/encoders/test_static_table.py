"""Static models: tables of vectors, as model2vec and sentence-transformers save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ragkit.encoders.resolve import load
from ragkit.encoders.static_table import StaticTable
from ragkit.errors import ModelError
from tests.encoders.conftest import VOCABULARY, write_json, write_tokenizer

TABLE = np.random.default_rng(5).normal(size=(len(VOCABULARY), 8)).astype(np.float32)
THE, KEY = 5, 6  # ids


def model2vec(folder: Path, **tensors: Any) -> Path:
    """Write a folder as model2vec does."""
    folder.mkdir(exist_ok=True)
    write_json(folder / "config.json", {"model_type": "model2vec", "normalize": True})
    write_tokenizer(folder / "tokenizer.json")
    save_file({"embeddings": TABLE, **tensors}, folder / "model.safetensors")
    return folder


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


def test_model2vec_takes_the_mean_of_known_tokens(tmp_path: Path) -> None:
    """Without special tokens; unknown tokens are left out."""
    encoder = load(str(model2vec(tmp_path / "m")))
    assert (encoder.dimension, encoder.window) == (8, 512)
    vectors = encoder.encode_passages(["the key", "the zebra key", ""])
    np.testing.assert_allclose(vectors[0], unit(TABLE[THE] + TABLE[KEY]), atol=1e-6)
    np.testing.assert_allclose(vectors[1], vectors[0], atol=1e-6)
    assert not vectors[2].any()
    np.testing.assert_allclose(encoder.encode_queries(["the key"])[0], vectors[0], atol=1e-6)


def test_model2vec_with_weights_and_shared_rows(tmp_path: Path) -> None:
    weights = np.arange(len(VOCABULARY), dtype=np.float64)
    mapping = np.full(len(VOCABULARY), KEY, dtype=np.int64)
    encoder = load(str(model2vec(tmp_path / "m", weights=weights, mapping=mapping)))
    np.testing.assert_allclose(
        encoder.encode_passages(["the key"])[0], unit(TABLE[KEY] * (THE + KEY)), atol=1e-6
    )


@pytest.mark.parametrize("count", [2, 2_000])  # texts; one call is large
def test_static_embedding_equals_the_library(tmp_path: Path, count: int) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    write_tokenizer(tmp_path / "tokenizer.json")
    module = StaticEmbedding(
        Tokenizer.from_file(str(tmp_path / "tokenizer.json")), embedding_weights=TABLE
    )
    module.tokenizer.no_truncation()
    model = sentence_transformers.SentenceTransformer(modules=[module], device="cpu")
    model.save(str(tmp_path / "saved"))
    encoder = load(str(tmp_path / "saved"))
    texts = ["the key rotates", "bank zebra bank ."] * (count // 2)
    expected = model.encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_passages(texts), expected, atol=1e-6)
    assert set(encoder._engines) == {"numpy"}


def test_a_quantized_table_is_refused_with_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"embeddings": TABLE.astype(np.int8)}, path)
    with pytest.raises(ModelError, match="it has embeddings I8"):
        StaticTable(path)
