"""The forward pass against transformers' BertModel, layer by layer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.bert.model import gelu
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError
from tests.conftest import REPOSITORY
from tests.encoders.conftest import CONFIG, VOCABULARY, edit_json, tiny_weights

States = tuple[list[np.ndarray], list[np.ndarray]]
"""Every layer's hidden states, (n, d), and attention maps, (h, n, n), of one text."""


def reference(folder: Path, sequences: Sequence[Sequence[int]]) -> Iterator[States]:
    """Return the hidden states and attentions of transformers, text by text."""
    import torch
    from transformers import BertModel

    model = BertModel.from_pretrained(
        folder, local_files_only=True, attn_implementation="eager"
    ).eval()
    for ids in sequences:
        with torch.no_grad():
            output = model(
                torch.tensor([list(ids)]), output_hidden_states=True, output_attentions=True
            )
        yield (
            [states[0].numpy() for states in output.hidden_states],
            [maps[0].numpy() for maps in output.attentions],
        )


def assert_equal_to_transformers(folder: Path, sequences: Sequence[Sequence[int]]) -> None:
    """Compare all layers and heads, each text alone and twice: the second call may use a cache."""
    model = read(folder)
    for ids, (states, maps) in zip(sequences, reference(folder, sequences), strict=True):
        for _ in range(2):
            attention: list[bert_model.Maps] = []
            ours = list(model.hidden_states([ids], attention))
            assert (len(ours), len(attention)) == (len(states), len(maps))
            for mine, its in zip(ours, states, strict=True):
                np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-5)
            for (mine,), its in zip(attention, maps, strict=True):
                np.testing.assert_allclose(mine, its, rtol=0, atol=1e-5)


def read(folder: Path) -> bert_model.Bert:
    config = json.loads((folder / "config.json").read_text())
    return bert_model.Bert(config, safetensors_file.map_tensors(folder / "model.safetensors"))


def random_ids(length: int) -> list[int]:
    return np.random.default_rng(length).integers(0, len(VOCABULARY), length).tolist()


@pytest.mark.parametrize("activation", list(bert_model.ACTIVATIONS))
def test_every_layer_equals_transformers(tiny: Path, activation: str) -> None:
    edit_json(tiny / "config.json", {"hidden_act": activation})
    assert_equal_to_transformers(tiny, [random_ids(n) for n in (1, 20, 33, 48)])


@pytest.mark.parametrize(
    ("heads", "size", "wide", "layers", "activation"),
    [(1, 64, 100, 2, "relu"), (12, 192, 768, 4, "gelu"), (16, 256, 70, 3, "gelu_new")],
)
def test_every_shape_equals_transformers(
    tmp_path: Path, heads: int, size: int, wide: int, layers: int, activation: str
) -> None:
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertModel

    torch.manual_seed(heads)
    config = BertConfig(
        vocab_size=500, hidden_size=size, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=wide, hidden_act=activation, initializer_range=0.1,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path)
    chance = np.random.default_rng(heads)
    lengths = (1, 2, 12, 32, 33, 100, 512)
    assert_equal_to_transformers(tmp_path, [chance.integers(0, 500, n).tolist() for n in lengths])


def test_attention_maps_of_each_text_have_rows_that_sum_to_one(tiny: Path) -> None:
    model = read(tiny)
    sequences = [random_ids(5), random_ids(9)]
    together: list[bert_model.Maps] = []
    list(model.hidden_states(sequences, together))
    assert [[matrix.shape for matrix in maps] for maps in together] == [[(4, 5, 5), (4, 9, 9)]] * 3
    alone: list[bert_model.Maps] = []
    list(model.hidden_states(sequences[1:], alone))
    for (_, mine), (its,) in zip(together, alone, strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5)
        np.testing.assert_allclose(mine.sum(axis=-1), 1, atol=1e-6)


def test_packing_changes_nothing(tiny: Path) -> None:
    model = read(tiny)
    sequences = [random_ids(n) for n in (5, 1, 48, 5)]
    together = model.forward(sequences)
    alone = np.concatenate([model.forward([ids]) for ids in sequences])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_weights_of_a_model_with_a_head_are_found(tiny: Path) -> None:
    plain = tiny_weights()
    below = {f"bert.{name}": values for name, values in plain.items()}
    ids = [random_ids(7)]
    np.testing.assert_array_equal(
        bert_model.Bert(CONFIG, below).forward(ids), bert_model.Bert(CONFIG, plain).forward(ids)
    )


def test_gelu_equals_its_definition() -> None:
    x = np.linspace(-8, 8, 10_001, dtype=np.float32)[:, None]
    expected = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x[:, 0].tolist()]
    np.testing.assert_allclose(gelu(x.copy())[:, 0], expected, rtol=2e-7, atol=3e-7)


def test_large_scores_do_not_overflow() -> None:
    scores = np.array([[1e4, 1e4], [0, -1e4]], dtype=np.float32)
    assert bert_model.softmax(scores).tolist() == [[0.5, 0.5], [1, 0]]


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "electra"},
        {"position_embedding_type": "relative_key"},
        {"hidden_act": "silu"},
        {"is_decoder": True},
    ],
)
def test_unsupported_architectures_are_named(changes: dict[str, object]) -> None:
    config = {**CONFIG, **changes}
    assert not bert_model.is_supported(config)
    with pytest.raises(ModelError, match="use sentence-transformers for it"):
        bert_model.Bert(config, tiny_weights())


def test_missing_and_misshapen_tensors_are_named() -> None:
    weights = tiny_weights()
    bias = weights.pop("encoder.layer.2.output.dense.bias")
    with pytest.raises(ModelError, match=r"encoder\.layer\.2\.output\.dense\.bias is missing"):
        bert_model.Bert(CONFIG, weights)
    weights["encoder.layer.2.output.dense.bias"] = bias[1:]
    with pytest.raises(ModelError, match=r"has the shape \(31,\).*says \(32,\)"):
        bert_model.Bert(CONFIG, weights)


@pytest.mark.parametrize("heads", [None, 0, 5, "4"])
def test_an_invalid_config_is_refused(heads: object) -> None:
    with pytest.raises(ModelError, match="num_attention_heads"):
        bert_model.Bert({**CONFIG, "num_attention_heads": heads}, tiny_weights())


@pytest.mark.model
def test_the_real_model_on_real_text_equals_transformers(minilm: SentenceEncoder) -> None:
    text = (REPOSITORY / "data" / "guide" / "faq.html").read_text(encoding="utf-8")
    tokenizer = ModelTokenizer(minilm.model_folder.transformer / "tokenizer.json", 512)
    (ids,) = tokenizer.token_ids([text])
    lengths = (1, 2, 8, 12, 16, 32, 33, 130, 256, 511, 512)
    assert_equal_to_transformers(
        minilm.model_folder.transformer, [ids[:length] for length in lengths]
    )
