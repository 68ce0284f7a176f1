"""The local encoder: vectors, prompts, dimensions, and the engines that it loads."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.encoders import Encoder, model_folder
from ragkit.encoders.engines import cpu_engines, cpu_threads
from ragkit.encoders.engines.cpu_engines import NumpyEngine, OnnxEngine
from ragkit.encoders.engines.torch_engine import TorchEngine
from ragkit.encoders.model_folder import variant_fingerprint
from ragkit.encoders.resolve import load
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import ModelError
from ragkit.learning.similarity import read_pairs, score_pairs
from tests.conftest import REPOSITORY, SHARED
from tests.encoders.conftest import edit_json, write_json

TEXTS = ["the key rotates", "bank", "", "the river bank . " * 20]


def test_the_encoder_implements_the_protocol(tiny: Path) -> None:
    encoder: Encoder = load(str(tiny))
    vectors = encoder.encode_passages(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((4, 32), np.float32)
    assert vectors.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors, encoder.encode_queries(TEXTS))
    assert encoder.count_tokens(TEXTS) == [len(encoder.token_spans(text)) for text in TEXTS]


def test_dimensions_by_hand(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(ModelSpec(str(tiny), dimensions=2))
    rows = np.zeros((3, 32), dtype=np.float32)
    rows[0, :3], rows[1, :2], rows[2, 5] = (3, 4, 7), (0, 2), 1
    monkeypatch.setattr(NumpyEngine, "encode", lambda *_: rows)
    for encode in (encoder.encode_queries, encoder.encode_passages):
        vectors = encode(["a", "b", "c"])
        np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 1], [0, 0]], atol=1e-7)
        assert vectors.dtype == np.float32
    assert encoder.dimension == 2


def test_dimensions_equal_sentence_transformers(tiny: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny), truncate_dim=12, device="cpu", local_files_only=True)
    model.max_seq_length = 32
    theirs = model.encode(TEXTS, normalize_embeddings=True)
    encoder = load(ModelSpec(str(tiny), dimensions=12))
    np.testing.assert_allclose(encoder.encode_passages(TEXTS), theirs, atol=1e-5)
    assert encoder.encode_queries([]).shape == (0, 12)


def test_dimensions_and_precision_change_the_fingerprint(tiny: Path) -> None:
    full = load(str(tiny))
    assert load(ModelSpec(str(tiny), dimensions=32)).fingerprint == full.fingerprint
    prints = {load(ModelSpec(str(tiny), dimensions=n)).fingerprint for n in (4, 8, 32)}
    prints.add(variant_fingerprint(full.fingerprint, "int8", None))
    assert len(prints) == 4
    with pytest.raises(ModelError, match="vectors of 32 numbers; --dimensions is 33"):
        load(ModelSpec(str(tiny), dimensions=33))


def test_int8_has_its_own_fingerprint_and_dimensions(tiny: Path) -> None:
    full = load(ModelSpec(str(tiny), "int8"))
    assert full.fingerprint != load(str(tiny)).fingerprint
    first = full.encode_passages(TEXTS)[:, :8]
    vectors = load(ModelSpec(str(tiny), "int8", 8)).encode_passages(TEXTS)
    np.testing.assert_allclose(
        vectors, first / np.linalg.norm(first, axis=1, keepdims=True), atol=1e-6
    )


@pytest.mark.parametrize(
    "text", ["", "   \n", "👍🏽", "\ud800\udfff", "\0\0", "x" * 1_000_000, "the key " * 9_000]
)
def test_odd_texts_have_unit_vectors_and_a_count(tiny: Path, text: str) -> None:
    """Tokens over the window are counted before they are cut off. A text of unknown words has a
    vector of zeros."""
    length = 0 if text in ("👍🏽", "x" * 1_000_000) else 1
    encoder = load(ModelSpec(str(tiny), dimensions=16))
    for encode in (encoder.encode_queries, encoder.encode_passages):
        lengths = np.linalg.norm(encode([text, "key"]), axis=1)
        np.testing.assert_allclose(lengths, [length, 1], atol=1e-6)
        np.testing.assert_allclose(encode([text]), encode([text, "key"])[:1], atol=1e-6)
    expected = {"": 0, "   \n": 0, "the key " * 9_000: 18_000}.get(text)
    assert expected in (None, encoder.count_tokens([text])[0])


def test_an_unsupported_architecture_is_named(tiny: Path) -> None:
    edit_json(tiny / "config.json", {"model_type": "perceptron9"})
    with pytest.raises(ModelError, match=r"perceptron9"):
        load(str(tiny)).encode_queries(["key"])


def test_no_texts_give_no_rows(tiny: Path) -> None:
    encoder = load(str(tiny))
    assert encoder.encode_passages([]).shape == encoder.encode_queries([]).shape == (0, 32)


def test_prompts_are_added_and_shorten_the_window(tiny: Path) -> None:
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


def test_a_prompt_as_long_as_the_window_is_refused(tiny: Path) -> None:
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
    config = {"model_type": "electra", "embedding_size": 32, "num_hidden_layers": 0}
    edit_json(tiny / "config.json", {**config, "architectures": ["ElectraModel"]})
    encoder = load(str(tiny))
    assert encoder.encode_queries(TEXTS).shape == (4, 32)
    assert encoder.encode_passages(TEXTS).shape == (4, 32)


def test_torch_is_loaded_only_if_a_gpu_may_pay(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(str(tiny))
    large = ["the key rotates " * 20] * 1_000
    monkeypatch.setattr(cpu_threads, "has_gpu_driver", lambda: True)
    assert isinstance(encoder._bulk_engine(TEXTS), NumpyEngine)
    encoder._bulk_engine(large)
    assert "torch" in encoder._engines
    monkeypatch.setattr(TorchEngine, "device", "cuda")
    assert isinstance(encoder._bulk_engine(TEXTS), TorchEngine)
    monkeypatch.setattr(TorchEngine, "device", "cpu")  # a driver, but no torch for it
    assert isinstance(encoder._bulk_engine(large), OnnxEngine)


def test_groups_of_queries_use_the_session_that_is_loaded(tiny: Path) -> None:
    encoder, queries = load(str(tiny)), [f"{text} {n}" for n in range(16) for text in TEXTS[:2]]
    alone = np.concatenate([encoder.encode_queries([query]) for query in queries])
    encoder._load_query_session()
    encoder._selector.count_tokens(10**4)  # enough for the bulk engine, if one were loaded
    np.testing.assert_allclose(encoder.encode_queries(queries), alone, atol=1e-5)
    assert "onnx_bulk" not in encoder._engines


def test_int8_without_a_correct_onnx_session_is_an_error(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(ModelSpec(str(tiny), "int8"))
    monkeypatch.setattr(cpu_engines, "_MIN_COSINE", {"int8": 2.0})  # which no vector reaches
    with pytest.raises(ModelError, match="cannot be encoded in int8 here"):
        encoder.encode_passages(TEXTS)
    assert encoder.encode_queries(TEXTS).shape == (4, 32)  # queries need no int8


def test_numpy_encodes_if_onnx_runtime_is_missing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    encoder = load(str(tiny))
    expected = encoder.encode_queries(["the key"])
    encoder._selector.count_tokens(4_000)  # enough for ONNX Runtime
    np.testing.assert_allclose(encoder.encode_passages(["the key"]), expected, atol=1e-6)
    assert "continuing with NumPy" in caplog.text


def test_bulk_calls_move_to_onnx_runtime(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.encoders.engines.cpu_threads.has_gpu_driver", lambda: False)
    encoder = load(str(tiny))
    assert isinstance(encoder._bulk_engine(["the key"]), NumpyEngine)
    assert isinstance(encoder._bulk_engine(["the key " * 3_000]), OnnxEngine)


def test_small_calls_use_the_session_that_is_loaded(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that encodes many queries loads no second session."""
    monkeypatch.setattr("ragkit.encoders.engines.cpu_threads.has_gpu_driver", lambda: False)
    encoder = load(str(tiny))
    expected = encoder.encode_passages(["the key"])
    encoder._load_query_session()
    for _ in range(10):
        vectors = encoder.encode_passages(["the key", "the bank " * 1_000])
    assert "onnx_bulk" not in encoder._engines
    np.testing.assert_allclose(vectors[:1], expected, atol=1e-5)
    encoder.encode_passages(["the key " * 3_000])
    assert encoder._bulk_engine(["the key"]) is encoder._engines["onnx_bulk"]


def test_later_queries_are_encoded_by_onnx_runtime(tiny: Path) -> None:
    encoder = load(str(tiny))
    first = encoder.encode_queries(["the key"])
    assert isinstance(encoder._query_engine(), NumpyEngine)  # the second starts loading it
    encoder._load_query_session()  # waits for that
    assert isinstance(encoder._query_engine(), OnnxEngine)
    np.testing.assert_allclose(encoder.encode_queries(["the key"]), first, atol=1e-5)


def test_int8_passages_and_fp32_queries(tiny: Path) -> None:
    files = model_folder.read(tiny, "tiny")
    coarse, exact = SentenceEncoder("tiny", files, "int8"), SentenceEncoder("tiny", files)
    text = ["the bank rotates the key every week ."]
    np.testing.assert_array_equal(coarse.encode_queries(text), exact.encode_queries(text))
    cosine = float((coarse.encode_passages(text) @ exact.encode_passages(text).T)[0, 0])
    assert 0.95 < cosine < 0.999999


WORDS = ["the", "bank", "rotates", "key", "every", "week", ".", "staging", "servers", "river", "of"]


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=12), min_size=1, max_size=12), st.data())
@settings(max_examples=15)
def test_int8_vectors_do_not_depend_on_the_other_texts(
    tiny_int8: SentenceEncoder, words: list[list[str]], data: st.DataObject
) -> None:
    texts = [" ".join(text) for text in words]
    order = data.draw(st.permutations(range(len(texts))))
    together = tiny_int8.encode_passages(texts)
    shuffled = tiny_int8.encode_passages([texts[index] for index in order])
    np.testing.assert_array_equal(shuffled, together[list(order)])
    np.testing.assert_array_equal(tiny_int8.encode_passages(texts[:1]), together[:1])


def test_int8_is_near_fp32_with_the_default_model(minilm: SentenceEncoder) -> None:
    """On short, long and foreign texts."""
    texts = ["keys", "Wie oft werden die Schlüssel getauscht?", "rm -rf build/ && make"]
    for path in sorted((REPOSITORY / "data" / "guide").glob("*.html"))[:3]:
        texts += [part[:500] for part in path.read_text(encoding="utf-8").split("\n\n")[2:5]]
    exact = minilm.encode_passages(texts)
    coarse = SentenceEncoder(minilm.name, minilm.model_folder, "int8").encode_passages(texts)
    assert np.einsum("ij,ij->i", exact, coarse).min() > 0.997
    assert np.abs(exact @ exact.T - coarse @ coarse.T).max() < 0.02


def test_int8_needs_a_bert(tiny: Path) -> None:
    edit_json(tiny / "config.json", {"model_type": "nobody-knows-it"})
    with pytest.raises(ModelError, match=r"nobody-knows-it.*--precision fp32"):
        SentenceEncoder("tiny", model_folder.read(tiny, "tiny"), "int8")


def test_int8_refuses_a_bert_with_further_modules(tiny: Path) -> None:
    edit_json(tiny / "sentence_bert_config.json", {"do_lower_case": True})
    with pytest.raises(ModelError, match=r"'bert' with mean pooling and modules of its own"):
        SentenceEncoder("tiny", model_folder.read(tiny, "tiny"), "int8")


def test_threads_share_an_encoder(tiny: Path) -> None:
    encoder = load(str(tiny))
    texts = [["the key " * (n % 12), "week"] for n in range(60)]
    alone = [encoder.encode_passages(pair) for pair in texts]
    fresh = load(str(tiny))
    with ThreadPoolExecutor(4) as pool:
        for mine, its in zip(alone, pool.map(fresh.encode_passages, texts), strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-6)


ENGINES = {
    "numpy": lambda encoder: NumpyEngine(encoder.model_folder, encoder.tokenizer),
    "onnx": lambda encoder: OnnxEngine(
        NumpyEngine(encoder.model_folder, encoder.tokenizer), "fp32"
    ),
}


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize(
    ("name", "published", "engine"),
    [("stsb", 0.8672, "onnx"), ("sick", 0.7999, "onnx"), ("sick", 0.7999, "numpy")],
)
def test_the_default_model_reaches_its_published_quality(
    minilm: SentenceEncoder, name: str, published: float, engine: str
) -> None:
    """Spearman correlation on the dev sets, as by sentence-transformers with this model."""
    path = SHARED / "data" / name / "dev.jsonl"
    if not path.is_file():
        pytest.skip(f"shared/data/{name} is not here")
    pairs, left_out = read_pairs(path)
    assert left_out == []
    engine_encoder = ENGINES[engine](minilm)
    report = score_pairs(pairs, lambda texts: engine_encoder.encode(texts, ""))
    assert report.spearman == pytest.approx(published, abs=0.001)
