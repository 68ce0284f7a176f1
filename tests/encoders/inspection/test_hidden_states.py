"""Hidden states and word vectors, against transformers and by hand from the layers themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders.resolve import load
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.errors import ModelError, UsageError
from tests.encoders.conftest import edit_json, write_json

TEXT = "the key rotates the bank"
ODD = ["", " ", "\0", "a\ud800b", "👍🏽 日", "x" * 100_000, "[MASK]", "key." * 10_000]


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_hidden_states_have_tokens_spans_and_attention(tiny: Path) -> None:
    result = load(str(tiny)).hidden_states(TEXT)
    assert result.tokens == ("[CLS]", "the", "key", "rot", "##ates", "the", "bank", "[SEP]")
    assert [TEXT[a:b] for a, b in result.spans] == [
        "", "the", "key", "rot", "ates", "the", "bank", "",
    ]  # fmt: skip
    assert (result.states.shape, result.states.dtype) == ((4, 8, 32), np.float32)
    assert (result.attention.shape, result.truncated_tokens) == ((3, 4, 8, 8), 0)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_have_states_and_vectors(tiny: Path, text: str) -> None:
    encoder = load(str(tiny))
    result = encoder.hidden_states(text)
    assert len(result.tokens) == len(result.spans) == result.states.shape[1] <= 32
    assert (
        result.truncated_tokens
        == encoder.count_truncated_tokens([text])[0]
        == max(0, encoder.count_tokens([text])[0] - 30)
    )
    for rows in (encoder.embed([text]), encoder.embed([text], "cls", "mean(1:)")):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_embeddings_are_poolings_over_the_selected_layers(tiny: Path) -> None:
    encoder = load(str(tiny))
    states = encoder.hidden_states(TEXT).states
    for how, layers, expected in (
        ("cls", "last", states[3, 0]),
        ("cls", "-2", states[2, 0]),
        ("mean", "mean(-2:)", states[2:].mean(axis=(0, 1))),
        ("max", "0", states[0].max(axis=0)),
    ):
        vectors = encoder.embed(["key", TEXT], how, layers)
        np.testing.assert_allclose(vectors[1], unit(expected), atol=1e-5)


def test_embed_is_the_models_own_vector_without_a_prompt(tiny: Path) -> None:
    plain = load(str(tiny))
    prompts = {"query": "every week ", "document": "the "}
    write_json(tiny / "config_sentence_transformers.json", {"prompts": prompts})
    prompted = load(str(tiny))
    expected = plain.encode_passages([TEXT])
    np.testing.assert_allclose(prompted.embed([TEXT]), expected, atol=1e-6)
    np.testing.assert_allclose(prompted.embed([TEXT], layers="last"), expected, atol=1e-6)
    assert abs(prompted.encode_passages([TEXT]) - expected).max() > 1e-3
    assert prompted.embed([]).shape == prompted.embed([], "cls").shape == (0, 32)


def test_batched_texts_stay_in_order(tiny: Path) -> None:
    encoder = load(str(tiny))
    texts = ["the key " * (n % 14) + "week" for n in range(200)]
    together = encoder.embed(texts, "max", "-2")
    alone = np.concatenate([encoder.embed([text], "max", "-2") for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_word_vector_is_the_mean_of_its_tokens(tiny: Path) -> None:
    encoder = load(str(tiny))
    text = "the key rotates, the KEY rotates"
    states = encoder.hidden_states(text).states
    first, second = encoder.embed_words(text, "rotates", layers="-2")
    assert (first.start, first.end, second.start) == (8, 15, 25)
    assert first.tokens == second.tokens == ("rot", "##ates")
    np.testing.assert_allclose(first.vector, unit(states[2, 3:5].mean(axis=0)), atol=1e-5)
    assert abs(first.vector - second.vector).max() > 1e-3
    largest = encoder.embed_words(text, "rotates", "max", "-2")[0].vector
    np.testing.assert_allclose(largest, unit(states[2, 3:5].max(axis=0)), atol=1e-5)


def test_a_word_beyond_the_window(tiny: Path) -> None:
    encoder = load(str(tiny))
    text = "the key " + "the " * 40 + "key bank"
    assert [occurrence.start for occurrence in encoder.embed_words(text, "key")] == [4]
    with pytest.raises(UsageError, match=r"“bank” occurs at character 172, and .* 30 tokens"):
        encoder.embed_words(text, "bank")
    cut_within = "the " * 29 + "rotates"  # its first piece is read, its second is not
    with pytest.raises(UsageError, match="occurs at character 116"):
        encoder.embed_words(cut_within, "rotates")


def test_words_without_a_vector_are_refused(tiny: Path) -> None:
    encoder = load(str(tiny))
    with pytest.raises(UsageError, match="the nearest word is “bank”"):
        encoder.embed_words(TEXT, "bnak")
    with pytest.raises(UsageError, match="has no token"):
        encoder.embed_words("the \0 key", "\0")
    with pytest.raises(UsageError, match="pooling is 'cls'; expected mean or max"):
        encoder.embed_words(TEXT, "key", "cls")
    with pytest.raises(UsageError, match="the model has 3 layers"):
        encoder.embed_words(TEXT, "key", layers="4")
    with pytest.raises(UsageError, match="pooling is 'sum'; expected one of cls, mean, max"):
        encoder.embed([TEXT], "sum")


def test_occurrences_in_one_token_have_one_vector(tiny: Path) -> None:
    (occurrence,) = load(str(tiny)).embed_words("x" * 100_000, "xx")
    assert (occurrence.start, occurrence.end, occurrence.tokens) == (0, 2, ("[UNK]",))
    assert len(occurrence.within) == 100_000


def test_other_architectures_are_refused(tiny: Path) -> None:
    config = {"model_type": "electra", "embedding_size": 32, "num_hidden_layers": 0}
    edit_json(tiny / "config.json", {**config, "architectures": ["ElectraModel"]})
    encoder = load(str(tiny))
    for ask in (
        lambda: encoder.hidden_states(TEXT),
        lambda: encoder.embed_words(TEXT, "key"),
        lambda: encoder.embed([TEXT], layers="-2"),
    ):
        with pytest.raises(
            ModelError, match=r"'electra' model.*leave pooling, layers and word out"
        ):
            ask()
    assert encoder.embed([TEXT]).shape == (1, 32)


def test_another_activation_is_refused(tiny: Path) -> None:
    edit_json(tiny / "config.json", {"hidden_act": "silu"})
    with pytest.raises(ModelError, match=r"'bert' model with 'silu'.*one of gelu"):
        load(str(tiny)).hidden_states(TEXT)


def test_a_string_instead_of_a_list_is_refused(tiny: Path) -> None:
    with pytest.raises(UsageError, match=r"embed\(\[text\]\)"):
        load(str(tiny)).embed(TEXT)


@pytest.mark.model
def test_a_word_has_different_vectors_in_different_contexts(minilm: SentenceEncoder) -> None:
    """The vectors of a word in similar contexts are closer than in different ones."""
    river, shore, account = (
        minilm.embed_words(text, "bank")[0].vector
        for text in (
            "We sat on the bank of the river.",
            "They fished from the river bank.",
            "She opened a bank account.",
        )
    )
    assert river @ shore > river @ account
    assert river @ account < 0.95
