"""Each architecture against transformers, layer by layer, in NumPy and in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.encoders import architectures
from ragkit.encoders.bert import safetensors_file
from tests.encoders import random_models
from tests.encoders.random_models import DISTILBERT, MODERNBERT, SIZES

BIASES = {"attention_bias": True, "mlp_bias": True, "norm_bias": True}
CASES = [
    ("RobertaConfig", SIZES | {"type_vocab_size": 1}, 128),
    ("XLMRobertaConfig", SIZES | {"type_vocab_size": 1, "pad_token_id": 2}, 127),
    ("CamembertConfig", SIZES | {"type_vocab_size": 1}, 128),
    ("DistilBertConfig", DISTILBERT, 130),
    ("MPNetConfig", SIZES, 128),
    ("ModernBertConfig", MODERNBERT, 300),
    ("ModernBertConfig", MODERNBERT | BIASES | {"local_attention": 128}, 200),
]


@pytest.mark.parametrize(("config", "sizes", "longest"), CASES)
def test_every_layer_equals_transformers(
    tmp_path: Path, config: str, sizes: dict[str, Any], longest: int
) -> None:
    theirs = random_models.save(tmp_path, config, sizes)
    settings = random_models.read_config(tmp_path)
    assert architectures.is_supported(settings)
    weights = safetensors_file.map_tensors(tmp_path / "model.safetensors")
    ours = architectures.read(settings, weights)
    sequences = random_models.random_ids([1, 9, 33, 33, longest])
    expected = [random_models.hidden_states(theirs, ids) for ids in sequences]
    for ids, layers in zip(sequences, expected, strict=True):
        mine = list(ours.hidden_states([ids]))
        assert len(mine) == len(layers)
        for states, its in zip(mine, layers, strict=True):
            random_models.assert_close(states, its)
    last = [layers[-1] for layers in expected]
    for threads in (1, 2):
        forward = architectures.build_forward(ours, threads=threads)
        random_models.assert_close(forward(sequences), np.concatenate(last))
        random_models.assert_close(forward(sequences[2:4]), np.concatenate(last[2:4]))
        random_models.assert_close(forward(sequences[:1]), last[0])


def test_a_padding_token_inside_a_text_has_no_position_of_its_own(tmp_path: Path) -> None:
    theirs = random_models.save(tmp_path, "RobertaConfig", SIZES | {"type_vocab_size": 1})
    weights = safetensors_file.map_tensors(tmp_path / "model.safetensors")
    ours = architectures.read(random_models.read_config(tmp_path), weights)
    ids = [0, 5, 1, 1, 7, 2]
    assert ours.positions(ids).tolist() == [2, 3, 1, 1, 4, 5]  # type: ignore[union-attr]
    expected = random_models.hidden_states(theirs, ids)[-1]
    random_models.assert_close(ours.forward([ids]), expected)
    random_models.assert_close(architectures.build_forward(ours)([ids]), expected)


def test_a_window_of_8192_tokens(tmp_path: Path) -> None:
    narrow = MODERNBERT | {"hidden_size": 16, "num_attention_heads": 1, "intermediate_size": 16}
    sizes = narrow | {"num_hidden_layers": 2, "local_attention": 128}
    theirs = random_models.save(tmp_path, "ModernBertConfig", sizes)
    weights = safetensors_file.map_tensors(tmp_path / "model.safetensors")
    ours = architectures.read(random_models.read_config(tmp_path), weights)
    (ids,) = random_models.random_ids([8_192])
    expected = random_models.hidden_states(theirs, ids)[-1]
    random_models.assert_close(ours.forward([ids]), expected)
    random_models.assert_close(architectures.build_forward(ours)([ids]), expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "t5"},
        {"hidden_activation": "silu"},
        {"rope_scaling": {"rope_type": "linear", "factor": 2.0}},
        {"rope_parameters": {"full_attention": {"rope_type": "yarn"}}},
        {"layer_types": ["chunked_attention"]},
    ],
)
def test_variants_of_modernbert_that_are_left_to_the_library(changes: dict[str, Any]) -> None:
    config = {"model_type": "modernbert", **MODERNBERT}
    assert architectures.is_supported(config)
    assert not architectures.is_supported(config | changes)
