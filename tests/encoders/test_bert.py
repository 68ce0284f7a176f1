"""The forward pass against transformers' BertModel, layer by layer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders import bert, weights
from ragkit.encoders.models import resolve
from ragkit.encoders.sentence import SentenceEncoder
from ragkit.errors import ModelError

from .conftest import CONFIG, VOCABULARY, edit_json, tiny_weights


def reference(folder: Path, ids: Sequence[int]) -> list[np.ndarray]:
    """Every layer's states as transformers computes them."""
    import torch
    from transformers import BertModel

    model = BertModel.from_pretrained(folder, local_files_only=True).eval()
    with torch.no_grad():
        output = model(torch.tensor([list(ids)]), output_hidden_states=True)
    return [states[0].numpy() for states in output.hidden_states]


def read(folder: Path) -> bert.Bert:
    config = json.loads((folder / "config.json").read_text())
    return bert.Bert(config, weights.tensors(folder / "model.safetensors"))


def random_ids(length: int) -> list[int]:
    return np.random.default_rng(length).integers(0, len(VOCABULARY), length).tolist()


@pytest.mark.parametrize("activation", list(bert.ACTIVATIONS))
def test_every_layer_equals_transformers(tiny: Path, activation: str) -> None:
    edit_json(tiny / "config.json", {"hidden_act": activation})
    ids = random_ids(20)
    ours, theirs = list(read(tiny).hidden_states([ids])), reference(tiny, ids)
    assert len(ours) == len(theirs) == 4
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5)


def test_packing_changes_nothing(tiny: Path) -> None:
    model = read(tiny)
    sequences = [random_ids(n) for n in (5, 1, 48, 5)]
    together = model.forward(sequences)
    alone = np.concatenate([model.forward([ids]) for ids in sequences])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_weights_saved_below_a_head_are_found(tiny: Path) -> None:
    plain = tiny_weights()
    below = {f"bert.{name}": values for name, values in plain.items()}
    ids = [random_ids(7)]
    np.testing.assert_array_equal(
        bert.Bert(CONFIG, below).forward(ids), bert.Bert(CONFIG, plain).forward(ids)
    )


def test_gelu_is_exact() -> None:
    x = np.linspace(-8, 8, 10_001, dtype=np.float32)[:, None]
    expected = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x[:, 0].tolist()]
    np.testing.assert_allclose(bert.gelu(x.copy())[:, 0], expected, atol=1e-6)


def test_large_scores_do_not_overflow() -> None:
    scores = np.array([[1e4, 1e4], [0, -1e4]], dtype=np.float32)
    assert bert.softmax(scores).tolist() == [[0.5, 0.5], [1, 0]]


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "roberta"},
        {"position_embedding_type": "relative_key"},
        {"hidden_act": "silu"},
        {"is_decoder": True},
    ],
)
def test_other_architectures_are_named(changes: dict[str, object]) -> None:
    config = {**CONFIG, **changes}
    assert not bert.supported(config)
    with pytest.raises(ModelError, match="sentence-transformers serves it"):
        bert.Bert(config, tiny_weights())


def test_missing_and_misshapen_tensors_are_named() -> None:
    found = tiny_weights()
    bias = found.pop("encoder.layer.2.output.dense.bias")
    with pytest.raises(ModelError, match=r"encoder\.layer\.2\.output\.dense\.bias is missing"):
        bert.Bert(CONFIG, found)
    found["encoder.layer.2.output.dense.bias"] = bias[1:]
    with pytest.raises(ModelError, match=r"has the shape \(31,\).*asks for \(32,\)"):
        bert.Bert(CONFIG, found)


@pytest.mark.parametrize("heads", [None, 0, 5, "4"])
def test_a_config_that_makes_no_sense_is_told(heads: object) -> None:
    with pytest.raises(ModelError, match="num_attention_heads"):
        bert.Bert({**CONFIG, "num_attention_heads": heads}, tiny_weights())


@pytest.mark.model
def test_the_real_model_equals_transformers(minilm: SentenceEncoder) -> None:
    folder = resolve(minilm.name).path
    real_text = minilm.tokens.ids([re.__doc__ or ""])[0] * 3
    for length in (1, 12, 130, 512):
        ids = real_text[:length]
        ours, theirs = read(folder).hidden_states([ids]), reference(folder, ids)
        for mine, its in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-5)
