"""Cross-encoders: a small ONNX model worked by hand, and a real one on known pairs."""

import json

import numpy as np
import pytest

from ragkit.encoders import cross_encoder
from ragkit.errors import ModelError
from tests.conftest import SHARED

REAL = SHARED / "models/ms-marco-MiniLM-L12-v2-int8"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cats", "dogs", "sleep", "bark"]


def model_file(path, inputs=("input_ids", "attention_mask", "token_type_ids"), wide=1):
    """Write an ONNX model whose logit is the sum of ids in the second text: Σ id · type · mask."""
    from onnx import TensorProto, helper

    ids, *others = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in inputs
    )
    nodes = [helper.make_node("Mul", [inputs[0], inputs[1]], ["x1"])]
    for place, name in enumerate(inputs[2:], start=2):
        nodes.append(helper.make_node("Mul", [f"x{place - 1}", name], [f"x{place}"]))
    last = f"x{len(inputs) - 1}"
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes += [
        helper.make_node("ReduceSum", [last, "axes"], ["sum"], keepdims=1),
        helper.make_node("Cast", ["sum"], ["one"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["one"] * wide, ["logits"], axis=1),
    ]
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", wide])
    graph = helper.make_graph(nodes, "sum", [ids, *others], [out], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


@pytest.fixture
def folder(tmp_path):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.enable_padding(length=64)
    tokenizer.enable_truncation(8)
    model_file(tmp_path / "onnx/model.onnx")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 16}))
    return tmp_path


def test_each_passage_is_read_with_the_query(folder):
    """Ids of the second text and its [SEP] (3): dogs bark 5 + 7 + 3, sleep 6 + 3, nothing 3."""
    reranker = cross_encoder.load(str(folder))
    passages = ["dogs bark", "sleep", "", "dogs bark sleep cats"]
    assert reranker.scores("cats", passages).tolist() == [15, 9, 3, 25]
    assert reranker.scores("cats", []).shape == (0,)


def test_the_longer_text_of_a_pair_is_truncated(folder):
    """16 tokens less [CLS], [SEP], [SEP] and one of the query: twelve dogs at 5, and [SEP]."""
    reranker = cross_encoder.load(str(folder))
    assert reranker.window == 16
    assert reranker.scores("cats", ["dogs " * 100]).tolist() == [12 * 5 + 3]
    assert reranker.scores("cats " * 5000, ["dogs"]).tolist() == [5 + 3]
    assert reranker.scores("\ud800 cats", ["\udfff"]).tolist() == [1 + 3]


@pytest.mark.parametrize(
    ("inputs", "wide", "complaint"),
    [
        (("pixels", "attention_mask"), 1, "takes attention_mask, pixels"),
        (("input_ids", "attention_mask"), 2, r"gives \(1, 2\) for 1 pairs; expected one number"),
    ],
)
def test_other_models_are_refused(folder, inputs, wide, complaint):
    model_file(folder / "onnx/model.onnx", inputs, wide)
    with pytest.raises(ModelError, match=complaint):
        cross_encoder.load(str(folder)).scores("cats", ["dogs"])


def test_damaged_and_missing_files_are_named(folder):
    (folder / "onnx/model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot run the ONNX model"):
        cross_encoder.load(str(folder / "onnx/model.onnx"))
    model_file(folder / "onnx/model.onnx")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"cannot parse .*tokenizer.json"):
        cross_encoder.load(str(folder))
    with pytest.raises(ModelError, match="Three ways"):
        cross_encoder.load("nobody/has-this")


@pytest.mark.model
@pytest.mark.skipif(not REAL.is_dir(), reason="no reranker beside us")
def test_a_real_reranker_ranks_the_answer_first():
    passages = [
        "Berlin is well known for its museums.",
        "Berlin had a population of 3,520,031 registered inhabitants in an area of 891 square km.",
        "The stock of the pharmacy was sold.",
    ]
    scores = cross_encoder.load(str(REAL)).scores("How many people live in Berlin?", passages)
    assert np.argsort(-scores).tolist() == [1, 0, 2]
    assert scores[1] > 5 > -2 > scores[2]


@pytest.mark.model
@pytest.mark.slow
def test_a_folder_of_sentence_transformers(tmp_path):
    """A two-layer BERT with random weights: the logits are those that transformers computes."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    if not REAL.is_dir():
        pytest.skip("no tokenizer beside us")
    torch.manual_seed(7)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        num_labels=1,
    )  # fmt: skip
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(str(REAL))
    tokenizer.save_pretrained(tmp_path)
    passages = ["Dogs bark.", "Cats sleep all day in the sun."]
    inputs = tokenizer(["cats"] * 2, passages, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = model(**inputs).logits[:, 0].numpy()
    scores = cross_encoder.load(str(tmp_path)).scores("cats", passages)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["no-such-reranker", "./no/such/folder"])
def test_a_missing_reranker_says_how_to_get_one(name):
    with pytest.raises(ModelError) as caught:
        cross_encoder.load(name)
    message = str(caught.value)
    assert "Three ways to get a reranker" in message
    assert "--reranker /path/to/folder" in message
    assert "--model" not in message
