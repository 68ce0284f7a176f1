"""The graph computes what the forward pass in NumPy does, and is not trusted where it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders import model_folder
from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import onnx_graph, onnx_session, safetensors_file
from ragkit.encoders.engines.cpu_engines import NumpyEngine, OnnxEngine
from ragkit.encoders.resolve import load
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.tokenization.tokenizer import Tokens
from ragkit.errors import ModelError
from tests.encoders.conftest import CONFIG, edit_json

IDS = [[2, 5, 6, 7, 3], [2, 3], [2, *[5, 11, 12, 15] * 11, 3], [2, 9, 3]]


def model(folder: Path) -> bert_model.Bert:
    found = model_folder.read(folder, "tiny")
    return bert_model.Bert(found.config, safetensors_file.tensors(folder / "model.safetensors"))


def engine(folder: Path) -> NumpyEngine:
    found = model_folder.read(folder, "tiny")
    return NumpyEngine(found, Tokens(folder / "tokenizer.json", found.max_length))


@pytest.mark.parametrize("threads", [1, 2])  # in bulk, and for one text at a time
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
def test_equal_to_the_forward_pass(tiny: Path, activation: str, threads: int) -> None:
    edit_json(tiny / "config.json", {"hidden_act": activation})
    ours = model(tiny)
    states = onnx_session.forward(ours, threads=threads)(IDS)
    assert states.shape == (sum(map(len, IDS)), CONFIG["hidden_size"])
    np.testing.assert_allclose(states, ours.forward(IDS), atol=2e-5)


@pytest.mark.parametrize("ids", [[IDS[0]], [IDS[0], IDS[0][::-1], [2, 11, 12, 15, 3]]])
def test_texts_of_one_length_need_no_mask(tiny: Path, ids: list[list[int]]) -> None:
    ours = model(tiny)
    np.testing.assert_allclose(onnx_session.forward(ours)(ids), ours.forward(ids), atol=2e-5)


def test_int8_is_near_and_not_equal(tiny: Path) -> None:
    ours = model(tiny)
    exact, coarse = ours.forward(IDS), onnx_session.forward(ours, "int8")(IDS)
    cosine = (
        np.sum(exact * coarse, 1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(coarse, axis=1)
    )
    assert 0.97 < cosine.min() < 0.99999


def test_an_activation_without_a_node_is_refused(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "_ACTIVATIONS", {})
    with pytest.raises(ModelError, match=r"ONNX Runtime cannot serve .*gelu"):
        onnx_session.forward(model(tiny))


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


def test_without_the_runtime_numpy_goes_on(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ragkit.encoders.sentence_encoder._WORTH_ONNX", 0)
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    encoder = load(str(tiny))
    expected = encoder.encode_queries(["the key"])
    np.testing.assert_allclose(encoder.encode_passages(["the key"]), expected, atol=1e-6)
    assert "going on with NumPy" in caplog.text


def test_bulk_moves_to_the_runtime(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.encoders.engines.cpu_threads.may_have_gpu", lambda: False)
    encoder = load(str(tiny))
    assert isinstance(encoder._bulk(["the key"]), NumpyEngine)
    assert isinstance(encoder._bulk(["the key " * 3_000]), OnnxEngine)


def test_few_passages_take_the_session_that_is_there(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that answers questions, however many, loads no second session."""
    monkeypatch.setattr("ragkit.encoders.engines.cpu_threads.may_have_gpu", lambda: False)
    encoder = load(str(tiny))
    expected = encoder.encode_passages(["the key"])
    encoder._make_ready()
    for _ in range(10):
        found = encoder.encode_passages(["the key", "the bank " * 1_000])
    assert "_onnx" not in vars(encoder)
    np.testing.assert_allclose(found[:1], expected, atol=1e-5)
    encoder.encode_passages(["the key " * 3_000])
    assert encoder._bulk(["the key"]) is encoder._onnx


def test_who_asks_twice_is_answered_by_the_runtime(tiny: Path) -> None:
    encoder = load(str(tiny))
    first = encoder.encode_queries(["the key"])
    assert isinstance(encoder._for_queries(), NumpyEngine)  # the second: it is made ready now
    encoder._make_ready()  # waits for that
    assert isinstance(encoder._for_queries(), OnnxEngine)
    np.testing.assert_allclose(encoder.encode_queries(["the key"]), first, atol=1e-5)


def test_int8_passages_and_fp32_queries(tiny: Path) -> None:
    found = model_folder.read(tiny, "tiny")
    coarse, exact = SentenceEncoder("tiny", found, "int8"), SentenceEncoder("tiny", found)
    text = ["the bank rotates the key every week ."]
    np.testing.assert_array_equal(coarse.encode_queries(text), exact.encode_queries(text))
    cosine = float((coarse.encode_passages(text) @ exact.encode_passages(text).T)[0, 0])
    assert 0.95 < cosine < 0.999999


def test_int8_needs_a_bert(tiny: Path) -> None:
    edit_json(tiny / "config.json", {"model_type": "nobody-knows-it"})
    with pytest.raises(ModelError, match=r"nobody-knows-it.*--precision fp32"):
        SentenceEncoder("tiny", model_folder.read(tiny, "tiny"), "int8")


def test_int8_refuses_a_bert_that_is_not_all_of_a_model(tiny: Path) -> None:
    edit_json(tiny / "sentence_bert_config.json", {"do_lower_case": True})
    with pytest.raises(ModelError, match=r"'bert' with mean pooling and steps of its own"):
        SentenceEncoder("tiny", model_folder.read(tiny, "tiny"), "int8")


@pytest.mark.model
def test_the_real_model(minilm: SentenceEncoder) -> None:
    """Every text's vector is the reference's, from one token to the whole window."""
    sentence = "Parents may stay at home — naïve 日本 👍🏽 ; 26 weeks , and no key is ever rotated"
    texts = [" ".join((sentence.split() * 25)[:n]) for n in (*range(1, 40), 80, 150, 230, 300)]
    reference = minilm._numpy
    assert reference is not None
    ours = OnnxEngine(reference, "fp32").encode(texts, "")
    np.testing.assert_allclose(ours, reference.encode(texts, ""), atol=1e-5)
