"""The encoder behind the seam."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders import Encoder, cores
from ragkit.encoders.engines import NumpyEngine, TorchEngine
from ragkit.encoders.models import load
from ragkit.encoders.sentence import SentenceEncoder
from ragkit.errors import ModelError
from ragkit.learning.similarity import read_pairs, score_pairs
from tests.conftest import SHARED

from .conftest import edit_json, write_json

TEXTS = ["the key rotates", "bank", "", "the river bank . " * 20]


def test_it_is_an_encoder(tiny: Path) -> None:
    encoder: Encoder = load(str(tiny))
    vectors = encoder.encode_passages(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((4, 32), np.float32)
    assert vectors.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors, encoder.encode_queries(TEXTS))
    assert encoder.count_tokens(TEXTS) == [len(encoder.token_spans(text)) for text in TEXTS]


def test_nothing_gives_no_rows(tiny: Path) -> None:
    encoder = load(str(tiny))
    assert encoder.encode_passages([]).shape == encoder.encode_queries([]).shape == (0, 32)


def test_prompts_are_put_before_and_taken_off_the_window(tiny: Path) -> None:
    plain = load(str(tiny))
    prompts = {"query": "every week ", "document": "the "}
    write_json(tiny / "config_sentence_transformers.json", {"prompts": prompts})
    encoder = load(str(tiny))
    assert (plain.window, encoder.window) == (30, 28)
    for encode, prompt in (
        (encoder.encode_queries, "every week "),
        (encoder.encode_passages, "the "),
    ):
        np.testing.assert_array_equal(encode(["key"]), plain.encode_queries([prompt + "key"]))


def test_a_prompt_that_leaves_no_room(tiny: Path) -> None:
    prompts = {"query": "the " * 30}
    write_json(tiny / "config_sentence_transformers.json", {"prompts": prompts})
    with pytest.raises(ModelError, match="leave no room"):
        _ = load(str(tiny)).window


def test_a_text_that_fills_the_window_is_read_to_its_end(tiny: Path) -> None:
    encoder = load(str(tiny))
    full = "the " * (encoder.window - 1)
    one, other = encoder.encode_passages([full + "key", full + "bank"])
    assert abs(one - other).max() > 1e-3
    over, other = encoder.encode_passages([full + "key week", full + "key bank"])
    np.testing.assert_allclose(over, other, atol=1e-6)


def test_other_architectures_go_through_sentence_transformers(tiny: Path) -> None:
    config = {"model_type": "distilbert", "dim": 32, "n_heads": 4, "n_layers": 0, "hidden_dim": 64}
    edit_json(tiny / "config.json", {**config, "architectures": ["DistilBertModel"]})
    encoder = load(str(tiny))
    assert encoder.encode_queries(TEXTS).shape == (4, 32)
    assert encoder.encode_passages(TEXTS).shape == (4, 32)


def test_torch_is_loaded_only_where_a_gpu_may_pay(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(str(tiny))
    large = ["the key rotates " * 20] * 1_000
    assert isinstance(encoder._bulk(large), NumpyEngine) or cores.may_have_gpu()
    monkeypatch.setattr(cores, "may_have_gpu", lambda: True)
    assert isinstance(encoder._bulk(TEXTS), NumpyEngine)
    encoder._bulk(large)
    assert encoder._torch_engine is not None
    monkeypatch.setattr(TorchEngine, "device", "cuda")
    assert isinstance(encoder._bulk(TEXTS), TorchEngine)
    monkeypatch.setattr(TorchEngine, "device", "cpu")  # a driver, but no torch for it
    assert isinstance(encoder._bulk(large), NumpyEngine)


def test_threads_share_an_encoder(tiny: Path) -> None:
    encoder = load(str(tiny))
    texts = [["the key " * (n % 12), "week"] for n in range(60)]
    alone = [encoder.encode_passages(pair) for pair in texts]
    fresh = load(str(tiny))
    with ThreadPoolExecutor(4) as pool:
        for mine, its in zip(alone, pool.map(fresh.encode_passages, texts), strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-6)


ENGINES = {
    "numpy": lambda encoder: NumpyEngine(encoder.recipe, encoder.tokens),
}


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize(("name", "published"), [("stsb", 0.8672), ("sick", 0.7999)])
def test_published_quality(
    minilm: SentenceEncoder, name: str, published: float, engine: str
) -> None:
    """Spearman on the dev sets, as sentence-transformers has it with this model."""
    path = SHARED / "data" / name / "dev.jsonl"
    if not path.is_file():
        pytest.skip(f"shared/data/{name} is not here")
    pairs, left_out = read_pairs(path)
    assert left_out == []
    made = ENGINES[engine](minilm)
    report = score_pairs(pairs, lambda texts: made.encode(texts, ""))
    assert report.spearman == pytest.approx(published, abs=0.001)
