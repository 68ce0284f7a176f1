"""The graph computes what the forward pass in NumPy does, and is not trusted where it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders import model_folder
from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import onnx_graph, onnx_session, safetensors_file
from ragkit.encoders.engines.cpu_engines import NumpyEngine, OnnxEngine
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError
from tests.encoders.conftest import CONFIG, edit_json

IDS = [[2, 5, 6, 7, 3], [2, 3], [2, *[5, 11, 12, 15] * 11, 3], [2, 9, 3]]


def model(folder: Path) -> bert_model.Bert:
    found = model_folder.read(folder, "tiny")
    return bert_model.Bert(found.config, safetensors_file.map_tensors(folder / "model.safetensors"))


def engine(folder: Path) -> NumpyEngine:
    found = model_folder.read(folder, "tiny")
    return NumpyEngine(found, ModelTokenizer(folder / "tokenizer.json", found.max_length))


@pytest.mark.parametrize("threads", [1, 2])  # in bulk, and for one text at a time
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
def test_equal_to_the_forward_pass(tiny: Path, activation: str, threads: int) -> None:
    edit_json(tiny / "config.json", {"hidden_act": activation})
    ours = model(tiny)
    states = onnx_session.build_forward(ours, threads=threads)(IDS)
    assert states.shape == (sum(map(len, IDS)), CONFIG["hidden_size"])
    np.testing.assert_allclose(states, ours.forward(IDS), atol=2e-5)


@pytest.mark.parametrize("ids", [[IDS[0]], [IDS[0], IDS[0][::-1], [2, 11, 12, 15, 3]]])
def test_texts_of_one_length_need_no_mask(tiny: Path, ids: list[list[int]]) -> None:
    ours = model(tiny)
    np.testing.assert_allclose(onnx_session.build_forward(ours)(ids), ours.forward(ids), atol=2e-5)


def test_int8_is_near_and_not_equal(tiny: Path) -> None:
    ours = model(tiny)
    exact, coarse = ours.forward(IDS), onnx_session.build_forward(ours, "int8")(IDS)
    cosine = (
        np.sum(exact * coarse, 1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(coarse, axis=1)
    )
    assert 0.97 < cosine.min() < 0.99999


def test_an_activation_without_a_node_is_refused(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "_ACTIVATIONS", {})
    with pytest.raises(ModelError, match=r"ONNX Runtime cannot serve .*gelu"):
        onnx_session.build_forward(model(tiny))


def test_the_engine_gives_the_reference_vectors(tiny: Path) -> None:
    reference = engine(tiny)
    texts = ["the key rotates every week .", "", "river " * 100, "日 bank", *["the bank"] * 300]
    vectors = OnnxEngine(reference, "fp32").encode(texts, "the ")
    np.testing.assert_allclose(vectors, reference.encode(texts, "the "), atol=1e-5)
    assert vectors.dtype == np.float32


@pytest.mark.parametrize("damage", ["other", "nan"])
def test_wrong_vectors_are_not_trusted(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    def wrong(model: bert_model.Bert, precision: str, threads: int) -> object:
        changed = np.float32("nan") if damage == "nan" else np.float32(0.3)
        return lambda ids: model.forward(ids)[:, ::-1] + changed

    monkeypatch.setattr(onnx_session, "forward", wrong)
    with pytest.raises(ModelError, match="other vectors than the reference"):
        OnnxEngine(engine(tiny), "fp32")


@pytest.mark.model
def test_the_real_model(minilm: SentenceEncoder) -> None:
    """Every text's vector is the reference's, from one token to the whole window."""
    sentence = "Parents may stay at home — naïve 日本 👍🏽 ; 26 weeks , and no key is ever rotated"
    texts = [" ".join((sentence.split() * 25)[:n]) for n in (*range(1, 40), 80, 150, 230, 300)]
    reference = NumpyEngine(minilm.model_folder, minilm.tokenizer)
    ours = OnnxEngine(reference, "fp32").encode(texts, "")
    np.testing.assert_allclose(ours, reference.encode(texts, ""), atol=1e-5)
