"""The NumPy and ONNX Runtime engines compute the same vectors as sentence-transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ragkit.encoders import model_folder
from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import onnx_session
from ragkit.encoders.engines.cpu_engines import NumpyEngine, OnnxEngine
from ragkit.encoders.engines.torch_engine import TorchEngine
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError
from tests.encoders.conftest import CONFIG, MODULES, edit_json, write_json
from tests.encoders.tokenization.test_tokenizer import ODD

TEXTS = ["the key rotates every week .", "bank", *ODD, "river " * 100, "the bank " * 9]


def numpy_engine(folder: Path) -> NumpyEngine:
    model = model_folder.read(folder, "tiny")
    return NumpyEngine(model, ModelTokenizer(folder / "tokenizer.json", model.max_length))


def engines(folder: Path) -> tuple[NumpyEngine, TorchEngine]:
    files = model_folder.read(folder, "tiny")
    tokens = ModelTokenizer(folder / "tokenizer.json", files.max_length)
    return NumpyEngine(files, tokens), TorchEngine(files, tokens)


@pytest.mark.parametrize("mode", ["cls", "mean", "max"])
def test_numpy_computes_the_vectors_of_torch(tiny: Path, mode: str) -> None:
    write_json(
        tiny / "1_Pooling" / "config.json", {"pooling_mode": mode, "embedding_dimension": 32}
    )
    ours, theirs = engines(tiny)
    for prompt in ("", "the key "):
        vectors = ours.encode(TEXTS, prompt)
        np.testing.assert_allclose(vectors, theirs.encode(TEXTS, prompt), atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        assert vectors.dtype == np.float32


def test_vectors_stay_in_order(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = engines(tiny)
    texts = ["the key " * (i % 13) + "rotates" * (i % 3) for i in range(100)]
    alone = np.concatenate([ours.encode([text], "") for text in texts])
    monkeypatch.setattr("ragkit.encoders.engines.cpu_engines.MAX_TEXTS_AT_ONCE", 30)
    monkeypatch.setattr("ragkit.encoders.engines.torch_engine.MAX_TEXTS_AT_ONCE", 30)
    monkeypatch.setattr("ragkit.encoders.engines.cpu_engines._NUMPY_BATCH_TOKENS", 64)
    np.testing.assert_allclose(ours.encode(texts, ""), alone, atol=1e-6)
    np.testing.assert_allclose(theirs.encode(texts, ""), alone, atol=1e-5)


def test_models_with_joined_poolings_or_further_modules_are_unsupported(tiny: Path) -> None:
    assert NumpyEngine.supports(model_folder.read(tiny, "tiny"))
    edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": True})
    assert not NumpyEngine.supports(model_folder.read(tiny, "tiny"))  # two poolings joined
    edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": False})
    kind = "sentence_transformers.models.LayerNorm"
    write_json(tiny / "modules.json", [*MODULES, {"path": "2_LayerNorm", "type": kind}])
    assert not NumpyEngine.supports(model_folder.read(tiny, "tiny"))


def test_a_tokenizer_of_another_model_is_refused(tiny: Path) -> None:
    files = model_folder.read(tiny, "tiny")
    tokens = ModelTokenizer(tiny / "tokenizer.json", files.max_length)
    tokens.vocabulary_size = CONFIG["vocab_size"] + 1
    with pytest.raises(ModelError, match="do not belong together"):
        NumpyEngine(files, tokens)


def test_a_model_that_nothing_loads_is_an_error(tiny: Path) -> None:
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
    engine = TorchEngine(minilm.model_folder, minilm.tokenizer)
    theirs = engine.encode(texts, "", [0] * len(texts))
    assert not theirs[-1].any()  # one unknown word
    np.testing.assert_allclose(minilm.encode_queries(texts), theirs, atol=1e-5)


def test_onnx_runtime_computes_the_vectors_of_numpy(tiny: Path) -> None:
    reference = numpy_engine(tiny)
    texts = ["the key rotates every week .", "", "river " * 100, "日 bank", *["the bank"] * 300]
    vectors = OnnxEngine(reference, "fp32").encode(texts, "the ")
    np.testing.assert_allclose(vectors, reference.encode(texts, "the "), atol=1e-5)
    assert vectors.dtype == np.float32


@pytest.mark.parametrize("damage", ["other", "nan"])
def test_an_engine_with_wrong_vectors_is_refused(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    def wrong(model: bert_model.Bert, precision: str, threads: int, *, pairs: bool) -> object:
        changed = np.float32("nan") if damage == "nan" else np.float32(0.3)
        return lambda ids: model.forward(ids)[:, ::-1] + changed

    monkeypatch.setattr(onnx_session, "build_forward", wrong)
    with pytest.raises(ModelError, match="other vectors than the reference"):
        OnnxEngine(numpy_engine(tiny), "fp32")


@pytest.mark.model
def test_onnx_runtime_and_numpy_agree_on_the_real_model(minilm: SentenceEncoder) -> None:
    """Texts have from one token to the complete window."""
    sentence = "Parents may stay at home — naïve 日本 👍🏽 ; 26 weeks , and no key is ever rotated"
    texts = [" ".join((sentence.split() * 25)[:n]) for n in (*range(1, 40), 80, 150, 230, 300)]
    reference = NumpyEngine(minilm.model_folder, minilm.tokenizer)
    ours = OnnxEngine(reference, "fp32").encode(texts, "")
    np.testing.assert_allclose(ours, reference.encode(texts, ""), atol=1e-5)


def test_dense_modules_are_computed_as_torch_does(tiny: Path) -> None:
    """Two Dense modules behind pooling: 32 to 8 with tanh, 8 to 5 without an activation."""
    chance = np.random.default_rng(9)
    modules = list(MODULES)
    for number, (inputs, outputs, name) in enumerate(
        [(32, 8, "activation.Tanh"), (8, 5, "linear.Identity")], start=2
    ):
        place = tiny / f"{number}_Dense"
        activation = f"torch.nn.modules.{name}"
        settings = {"in_features": inputs, "out_features": outputs, "bias": True}
        write_json(place / "config.json", settings | {"activation_function": activation})
        weights = {"linear.weight": (outputs, inputs), "linear.bias": (outputs,)}
        save_file(
            {name: chance.normal(size=shape).astype("float32") for name, shape in weights.items()},
            place / "model.safetensors",
        )
        kind = "sentence_transformers.models.Dense"
        modules.append({"idx": number, "name": str(number), "path": place.name, "type": kind})
    write_json(tiny / "modules.json", modules)
    ours, theirs = engines(tiny)
    vectors = ours.encode(TEXTS, "")
    assert vectors.shape == (len(TEXTS), 5)
    np.testing.assert_allclose(vectors, theirs.encode(TEXTS, ""), atol=1e-5)
    np.testing.assert_allclose(OnnxEngine(ours, "fp32").encode(TEXTS, ""), vectors, atol=1e-5)
