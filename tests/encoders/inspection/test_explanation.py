"""Attention rollout against transformers' maps, poolings by hand, words by the model itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders.inspection.explanation import attention_rollout
from ragkit.encoders.resolve import load
from ragkit.errors import UsageError
from tests.encoders.conftest import edit_json

TEXT = "the key rotates the bank"


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_rollout_of_two_layers_by_hand() -> None:
    attention = np.array([[[[1, 0], [1, 0]], [[1, 0], [0, 1]]], [[[0, 1], [0, 1]]] * 2], np.float32)
    # Means over the heads [[1, 0], [.5, .5]] and [[0, 1], [0, 1]]; with the residual as half:
    # [[1, 0], [.25, .75]] and [[.5, .5], [0, 1]]; their product, the later layer first:
    first, second = attention_rollout(attention)
    np.testing.assert_allclose(first, [[1, 0], [0.25, 0.75]])
    np.testing.assert_allclose(second, [[0.625, 0.375], [0.25, 0.75]])


def test_rollout_equals_that_of_the_attention_maps_of_transformers(tiny: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    encoder = load(str(tiny))
    model = transformers.BertModel.from_pretrained(tiny, attn_implementation="eager").eval()
    ids = torch.tensor(encoder.tokenizer.token_ids([TEXT]))
    with torch.no_grad():
        maps = model(ids, output_attentions=True).attentions
    expected = torch.eye(ids.shape[1])
    found = encoder.explain(TEXT)
    for layer, weights in enumerate(maps):
        expected = (0.5 * weights[0].mean(0) + 0.5 * torch.eye(ids.shape[1])) @ expected
        np.testing.assert_allclose(found.rollout[layer], expected, atol=1e-5)
        np.testing.assert_allclose(found.from_others[layer], 1 - expected.diagonal(), atol=1e-5)
    np.testing.assert_allclose(found.weights, expected.mean(0), atol=1e-5)  # mean pooling


def test_the_share_in_the_vector_follows_the_models_pooling(tiny: Path) -> None:
    edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": False})
    edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    found = load(str(tiny)).explain(TEXT)
    assert found.pooling == "cls"
    np.testing.assert_allclose(found.weights, found.rollout[-1, 0])


def test_poolings_are_compared_in_each_layer(tiny: Path) -> None:
    encoder = load(str(tiny))
    states = encoder.hidden_states(TEXT).states
    found = encoder.explain(TEXT)
    assert found.poolings.shape == (4, 3)
    for layer, rows in enumerate(states):
        cls, mean, largest = rows[0], rows.mean(axis=0), rows.max(axis=0)
        expected = cosine(cls, mean), cosine(cls, largest), cosine(mean, largest)
        np.testing.assert_allclose(found.poolings[layer], expected, atol=1e-5)


def test_sources_are_the_largest_shares_of_other_words(tiny: Path) -> None:
    found = load(str(tiny)).explain(TEXT)
    row = found.rollout[1, 2]  # after the second layer, of `key`
    places = [position for position, _ in found.sources(2, 2)]
    assert places == sorted({1, 3, 4, 5, 6}, key=lambda i: -row[i])[:3]


def test_neighbors_are_words_read_as_texts_of_their_own(tiny: Path) -> None:
    encoder = load(str(tiny))
    found = encoder.explain(TEXT, "key", neighbors=3)
    (word,) = found.words
    assert (word.word, word.start, word.end) == ("key", 4, 7)
    vector = encoder.embed_words(TEXT, "key")[0].vector
    others = ["the", "rot", "every", "week", "bank", "river"]  # of the tiny vocabulary
    cosines = {o: float(vector @ encoder.embed_words(o, o)[0].vector) for o in others}
    expected = sorted(cosines.items(), key=lambda pair: -pair[1])[:3]
    assert [name for name, _ in word.neighbors] == [name for name, _ in expected]
    np.testing.assert_allclose([c for _, c in word.neighbors], [c for _, c in expected], atol=1e-5)


def test_each_word_of_the_text_has_neighbors_in_order(tiny: Path) -> None:
    found = load(str(tiny)).explain(TEXT)
    assert [word.word for word in found.words] == ["the", "key", "rotates", "the", "bank"]
    assert all(len(word.neighbors) == 5 for word in found.words)


def test_a_word_that_is_missing_or_beyond_the_window_is_refused(tiny: Path) -> None:
    encoder = load(str(tiny))
    with pytest.raises(UsageError, match="the nearest word is “bank”"):
        encoder.explain(TEXT, "bnak")
    with pytest.raises(UsageError, match="occurs at character 160"):
        encoder.explain("the " * 40 + "key", "key")


@pytest.mark.parametrize("text", ["", "日", "x" * 100_000, "👍 the", "key." * 10_000])
def test_odd_texts_are_explained(tiny: Path, text: str) -> None:
    found = load(str(tiny)).explain(text)
    np.testing.assert_allclose(found.rollout.sum(axis=-1), 1, atol=1e-5)
    assert found.weights.sum() == pytest.approx(1, abs=1e-5)
