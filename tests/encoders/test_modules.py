"""The modules after pooling against sentence-transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ragkit.encoders import modules
from tests.encoders.conftest import write_json

X = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
TORCH = "torch.nn.modules"


def save_dense(folder: Path, activation: str | None, *, bias: bool = True) -> None:
    chance = np.random.default_rng(2)
    config = {"in_features": 6, "out_features": 4, "bias": bias}
    write_json(
        folder / "config.json", config | ({"activation_function": activation} if activation else {})
    )
    weights = {"linear.weight": chance.normal(size=(4, 6)).astype(np.float32)}
    if bias:
        weights["linear.bias"] = chance.normal(size=4).astype(np.float32)
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    "activation",
    [None, f"{TORCH}.linear.Identity"]
    + [f"{TORCH}.activation.{name}" for name in ("Tanh", "GELU", "ReLU", "SiLU", "Sigmoid")],
)
@pytest.mark.parametrize("bias", [True, False])
def test_dense_equals_the_library(tmp_path: Path, activation: str | None, bias: bool) -> None:
    torch = pytest.importorskip("torch")
    from sentence_transformers.sentence_transformer.modules import Dense

    save_dense(tmp_path, activation, bias=bias)
    assert modules.is_supported("Dense", tmp_path)
    with torch.no_grad():
        expected = Dense.load(str(tmp_path))({"sentence_embedding": torch.tensor(X)})
    ours = modules.read([("Dense", tmp_path)])(X.copy())
    np.testing.assert_allclose(ours, expected["sentence_embedding"].numpy(), atol=1e-5)


def test_layer_norm_and_normalize_by_hand(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"dimension": 2})
    weights = {"norm.weight": np.array([1, 2]), "norm.bias": np.array([0, 1])}
    save_file(
        {name: values.astype(np.float32) for name, values in weights.items()},
        tmp_path / "model.safetensors",
    )
    chain = [("LayerNorm", tmp_path), ("Normalize", tmp_path)]
    assert all(modules.is_supported(*module) for module in chain)
    vectors = modules.read(chain)(np.array([[1, 3]], dtype=np.float32))  # -1 and 1, then -1 and 3
    np.testing.assert_allclose(vectors, [[-1 / 10**0.5, 3 / 10**0.5]], atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"activation_function": "mine.Activation"},
        {"use_residual": True},
        {"module_input_name": "token_embeddings"},
    ],
)
def test_what_the_library_has_to_compute(tmp_path: Path, changes: dict[str, object]) -> None:
    save_dense(tmp_path, None)
    write_json(tmp_path / "config.json", {"in_features": 6, "out_features": 4, **changes})
    assert not modules.is_supported("Dense", tmp_path)
    assert not modules.is_supported("LSTM", tmp_path)
