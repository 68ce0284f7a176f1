"""Two engines, one vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders import model_folder
from ragkit.encoders.engines.cpu_engines import NumpyEngine
from ragkit.encoders.engines.torch_engine import TorchEngine
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError
from tests.encoders.conftest import CONFIG, MODULES, edit_json, write_json
from tests.encoders.tokenization.test_tokenizer import ODD

TEXTS = ["the key rotates every week .", "bank", *ODD, "river " * 100, "the bank " * 9]


def engines(folder: Path) -> tuple[NumpyEngine, TorchEngine]:
    found = model_folder.read(folder, "tiny")
    tokens = ModelTokenizer(folder / "tokenizer.json", found.max_length)
    return NumpyEngine(found, tokens), TorchEngine(found, tokens)


@pytest.mark.parametrize("mode", ["cls", "mean", "max"])
def test_the_engines_agree(tiny: Path, mode: str) -> None:
    write_json(
        tiny / "1_Pooling" / "config.json", {"pooling_mode": mode, "embedding_dimension": 32}
    )
    ours, theirs = engines(tiny)
    for prompt in ("", "the key "):
        vectors = ours.encode(TEXTS, prompt)
        np.testing.assert_allclose(vectors, theirs.encode(TEXTS, prompt), atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        assert vectors.dtype == np.float32


def test_many_texts_come_back_in_order(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = engines(tiny)
    texts = ["the key " * (i % 13) + "rotates" * (i % 3) for i in range(100)]
    alone = np.concatenate([ours.encode([text], "") for text in texts])
    monkeypatch.setattr("ragkit.encoders.engines.cpu_engines.MAX_TEXTS_AT_ONCE", 30)
    monkeypatch.setattr("ragkit.encoders.engines.torch_engine.MAX_TEXTS_AT_ONCE", 30)
    monkeypatch.setattr("ragkit.encoders.engines.cpu_engines._NUMPY_BATCH_TOKENS", 64)
    np.testing.assert_allclose(ours.encode(texts, ""), alone, atol=1e-6)
    np.testing.assert_allclose(theirs.encode(texts, ""), alone, atol=1e-5)


def test_what_numpy_serves(tiny: Path) -> None:
    assert NumpyEngine.supports(model_folder.read(tiny, "tiny"))
    edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": True})
    assert not NumpyEngine.supports(model_folder.read(tiny, "tiny"))  # two poolings joined
    edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": False})
    kind = "sentence_transformers.models.LayerNorm"
    write_json(tiny / "modules.json", [*MODULES, {"path": "2_LayerNorm", "type": kind}])
    assert not NumpyEngine.supports(model_folder.read(tiny, "tiny"))


def test_a_tokenizer_of_another_model_is_told(tiny: Path) -> None:
    found = model_folder.read(tiny, "tiny")
    tokens = ModelTokenizer(tiny / "tokenizer.json", found.max_length)
    tokens.vocabulary_size = CONFIG["vocab_size"] + 1
    with pytest.raises(ModelError, match="do not belong together"):
        NumpyEngine(found, tokens)


def test_what_sentence_transformers_cannot_load_is_told(tiny: Path) -> None:
    edit_json(tiny / "config.json", {"model_type": "nobody-knows-it"})
    with pytest.raises(ModelError, match=r"cannot load .*nobody-knows-it(?s:.*)Use another model"):
        TorchEngine(model_folder.read(tiny, "tiny"), ModelTokenizer(tiny / "tokenizer.json", 32))


@pytest.mark.model
def test_the_engines_agree_on_the_real_model(minilm: SentenceEncoder) -> None:
    words = [
        "Parents",
        "may",
        "stay",
        "at",
        "home",
        "—",
        "naïve",
        "日本",
        "👍🏽",
        ";",
        "26",
        "weeks",
    ]
    texts = [" ".join((words * 25)[:n]) for n in (1, 2, 5, 12, 40, 100, 200, 300)]
    texts += [*ODD, "x" * 1_000_000]
    theirs = TorchEngine(minilm.model_folder, minilm.tokenizer).encode(texts, "")
    np.testing.assert_allclose(minilm.encode_queries(texts), theirs, atol=1e-5)
