"""The ONNX graph: its inputs and weights, and the biases that are folded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import onnx_graph, safetensors_file
from ragkit.encoders.bert.first_layer import FirstLayer
from tests.encoders.conftest import CONFIG


@pytest.fixture
def bert(tiny: Path) -> bert_model.Bert:
    return bert_model.Bert(CONFIG, safetensors_file.map_tensors(tiny / "model.safetensors"))


def test_folded_biases_change_nothing(bert: bert_model.Bert) -> None:
    """The folded layer without the biases that were moved equals the layer with them."""
    x = np.random.default_rng(3).normal(size=(9, CONFIG["hidden_size"])).astype(np.float32)
    texts = [slice(0, 4), slice(4, 9)]
    for layer in bert.layers:
        folded = onnx_graph._fold_biases(layer)
        moved = {
            name: replace(getattr(folded, name), bias=getattr(folded, name).bias * 0)
            for name in ("key", "value", "down")
        }
        np.testing.assert_allclose(
            replace(folded, **moved)(x, texts), layer(x, texts), rtol=1e-4, atol=2e-5
        )


def test_the_inputs_and_the_output(bert: bert_model.Bert) -> None:
    names = ["positions", "lengths", "rows", "places", "alike", "shape", "words"]
    for first, more in ((None, []), (FirstLayer(bert), ["entries", *onnx_graph.TABLES])):
        serialized, weights = onnx_graph.build_graph(bert, "fp32", first)
        graph = onnx.load_from_string(serialized).graph
        assert [value.name for value in graph.input] == names + more
        assert [value.name for value in graph.output] == ["states"]
        assert {tensor.name for tensor in graph.initializer} == set(weights)
        # The runtime would copy the embeddings of all words of the vocabulary.
        assert not any(weight is bert.word_embeddings for weight in weights.values())


def test_int8_rounds_all_maps_but_those_to_the_values_of_attention(bert: bert_model.Bert) -> None:
    _, weights = onnx_graph.build_graph(bert, "int8", None)
    quantized = [weight for weight in weights.values() if weight.dtype == np.int8]
    assert len(quantized) == 5 * CONFIG["num_hidden_layers"]
    for layer in bert.layers:  # as the file has them: the runtime transposes, no copy is made
        assert any(np.shares_memory(weight, layer.value.weight) for weight in weights.values())
