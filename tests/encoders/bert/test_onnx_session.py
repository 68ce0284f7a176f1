"""The ONNX Runtime session computes what the forward pass in NumPy computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders import model_folder
from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import onnx_session, safetensors_file
from ragkit.encoders.runtime import graph_builder
from ragkit.errors import ModelError
from tests.encoders.conftest import CONFIG, edit_json

IDS = [[2, 5, 6, 7, 3], [2, 3], [2, *[5, 11, 12, 15] * 11, 3], [2, 9, 3]]


def model(folder: Path) -> bert_model.Bert:
    config = model_folder.read(folder, "tiny").config
    return bert_model.Bert(config, safetensors_file.map_tensors(folder / "model.safetensors"))


@pytest.mark.parametrize("threads", [1, 2])  # in bulk, and for one text at a time
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
def test_the_session_equals_the_forward_pass(tiny: Path, activation: str, threads: int) -> None:
    edit_json(tiny / "config.json", {"hidden_act": activation})
    ours = model(tiny)
    states = onnx_session.build_forward(ours, threads=threads)(IDS)
    assert states.shape == (sum(map(len, IDS)), CONFIG["hidden_size"])
    np.testing.assert_allclose(states, ours.forward(IDS), atol=2e-5)


@pytest.mark.parametrize("ids", [[IDS[0]], [IDS[0], IDS[0][::-1], [2, 11, 12, 15, 3]]])
def test_texts_of_one_length_need_no_mask(tiny: Path, ids: list[list[int]]) -> None:
    ours = model(tiny)
    np.testing.assert_allclose(onnx_session.build_forward(ours)(ids), ours.forward(ids), atol=2e-5)


def test_int8_is_close_and_not_equal(tiny: Path) -> None:
    ours = model(tiny)
    exact, coarse = ours.forward(IDS), onnx_session.build_forward(ours, "int8")(IDS)
    cosine = (
        np.sum(exact * coarse, 1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(coarse, axis=1)
    )
    assert 0.97 < cosine.min() < 0.99999


def test_an_activation_without_an_onnx_node_is_an_error(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_builder, "_ACTIVATIONS", {})
    with pytest.raises(ModelError, match=r"ONNX Runtime cannot serve .*gelu"):
        onnx_session.build_forward(model(tiny))


def test_inputs_of_texts_of_different_lengths(tiny: Path) -> None:
    """Two texts of 2 and 3 tokens: rows pad the first text, positions leave the padding out."""
    inputs = onnx_session._inputs(model(tiny), [[7, 8], [4, 5, 6]])
    assert inputs["positions"].tolist() == [0, 1, 0, 1, 2]
    assert inputs["lengths"].tolist() == [2, 3]
    assert inputs["rows"].tolist() == [[0, 1, 0], [2, 3, 4]]
    assert inputs["places"].tolist() == [0, 1, 3, 4, 5]
    assert not inputs["alike"]
    assert inputs["shape"].tolist() == [2, 3, 32]
