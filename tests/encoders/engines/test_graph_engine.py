"""Models that exist as an ONNX graph only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders.resolve import load
from ragkit.errors import ModelError
from tests.conftest import SHARED
from tests.encoders.conftest import edit_json, write_json

BGE = SHARED / "models" / "bge-small-en-int8"
TABLE = np.random.default_rng(3).normal(size=(17, 32)).astype(np.float32)


def write_graph(
    folder: Path, *, inputs: tuple[str, ...] = ("input_ids", "attention_mask"),
    output: str = "last_hidden_state", pooled: bool = False, place: str = "onnx/model.onnx",
) -> Path:  # fmt: skip
    """Replace the weights by a graph that looks each token up in TABLE."""
    from onnx import TensorProto, helper, numpy_helper

    described = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in inputs
    ]
    nodes = [helper.make_node("Gather", ["table", inputs[0]], ["states"])]
    shape: list[str | int] = ["n", 32] if pooled else ["n", "t", 32]
    kind = "ReduceMean" if pooled else "Identity"
    attributes = {"axes": [1], "keepdims": 0} if pooled else {}
    nodes.append(helper.make_node(kind, ["states"], [output], **attributes))
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
    table = numpy_helper.from_array(TABLE, "table")
    graph = helper.make_graph(nodes, "lookup", described, [result], [table])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(model.SerializeToString())
    (folder / "model.safetensors").unlink(missing_ok=True)
    return folder


def expected(ids: list[int]) -> np.ndarray:
    mean = TABLE[ids].mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


@pytest.mark.parametrize("place", ["model.onnx", "onnx/model_quantized.onnx", "mine.onnx"])
@pytest.mark.parametrize("pooled", [False, True])
def test_vectors_by_hand(tiny: Path, place: str, pooled: bool) -> None:
    """[CLS] the key [SEP]: ids 2 5 6 3."""
    output = "sentence_embedding" if pooled else "last_hidden_state"
    encoder = load(str(write_graph(tiny, output=output, pooled=pooled, place=place)))
    vectors = encoder.encode_passages(["the key", "river"])
    np.testing.assert_allclose(vectors[0], expected([2, 5, 6, 3]), atol=1e-6)
    np.testing.assert_allclose(encoder.encode_queries(["river"])[0], vectors[1], atol=1e-6)
    np.testing.assert_allclose(vectors[1], expected([2, 12, 3]), atol=1e-6)


def test_the_fingerprint_is_that_of_the_graph(tiny: Path) -> None:
    with_weights = load(str(tiny)).fingerprint
    assert load(str(write_graph(tiny))).fingerprint != with_weights


def test_a_folder_with_weights_uses_them(tiny: Path) -> None:
    before = load(str(tiny)).fingerprint
    weights = (tiny / "model.safetensors").read_bytes()
    write_graph(tiny)
    (tiny / "model.safetensors").write_bytes(weights)
    assert load(str(tiny)).fingerprint == before


@pytest.mark.parametrize(
    ("inputs", "output", "reason"),
    [
        (("input_ids", "pixel_values"), "last_hidden_state", "takes input_ids, pixel_values"),
        (("decoder_input_ids",), "last_hidden_state", "takes decoder_input_ids"),
    ],
)
def test_other_inputs_are_refused(
    tiny: Path, inputs: tuple[str, ...], output: str, reason: str
) -> None:
    encoder = load(str(write_graph(tiny, inputs=inputs, output=output)))
    with pytest.raises(ModelError, match=reason):
        encoder.encode_queries(["the key"])


def test_other_outputs_and_damaged_graphs_are_refused(tiny: Path) -> None:
    encoder = load(str(write_graph(tiny, output="logits", pooled=True)))
    with pytest.raises(ModelError, match=r"gives logits of 2 dimensions.*no encoder"):
        encoder.encode_queries(["the key"])
    edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": True})
    encoder = load(str(write_graph(tiny)))
    with pytest.raises(ModelError, match=r"does not pool by mean\+max"):
        encoder.encode_queries(["the key"])
    (tiny / "onnx" / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot run the ONNX model"):
        load(str(tiny)).encode_queries(["the key"])


def test_dimensions_that_do_not_fit_are_refused(tiny: Path) -> None:
    write_json(tiny / "1_Pooling" / "config.json", {"word_embedding_dimension": 16})
    with pytest.raises(ModelError, match="vectors of 32 numbers; the folder's files say 16"):
        load(str(write_graph(tiny))).encode_queries(["the key"])


@pytest.mark.skipif(not BGE.is_dir(), reason=f"no folder {BGE}")
def test_a_real_graph_finds_the_answer() -> None:
    encoder = load(str(BGE))
    assert (encoder.model_folder.pooling, encoder.dimension) == ("cls", 384)
    assert encoder.model_folder.query_prompt.startswith("Represent this sentence")
    passages = encoder.encode_passages(["Cats sleep sixteen hours a day.", "Steel rusts in rain."])
    scores = passages @ encoder.encode_queries(["how long do cats sleep?"])[0]
    assert scores[0] > scores[1] + 0.05
