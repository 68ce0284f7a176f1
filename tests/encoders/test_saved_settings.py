"""Everything in a saved model folder that changes vectors is honoured or refused.

The expected vectors are those of sentence-transformers' own `encode_query` and `encode_document`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from ragkit.encoders import model_folder
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.errors import ModelError
from tests.encoders.conftest import edit_json, write_json

TEXTS = ["the key rotates every week .", "river bank", "the bank"]
Build = Callable[[], Path]


def shifted(folder: Path, target: Path, seed: int) -> Path:
    """Copy a model folder with other weights."""
    shutil.copytree(folder, target)
    weights = load_file(target / "model.safetensors")
    rng = np.random.default_rng(seed)
    for name, values in weights.items():
        weights[name] = values + rng.normal(0, 0.2, values.shape).astype(np.float32)
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    return target


def load(folder: Path, dimensions: int | None = None) -> SentenceEncoder:
    files = model_folder.read(folder, str(folder))
    return SentenceEncoder(str(folder), files, dimensions=dimensions)


def reference(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def assert_same_vectors(folder: Path, texts: Sequence[str] = TEXTS) -> None:
    encoder, expected = load(folder), reference(folder)
    queries, passages = expected.encode_query(list(texts)), expected.encode_document(list(texts))
    assert encoder.dimension == queries.shape[1]
    np.testing.assert_allclose(encoder.encode_queries(texts), unit(queries), atol=1e-5)
    np.testing.assert_allclose(encoder.encode_passages(texts), unit(passages), atol=1e-5)


def router(query: list[Any], document: list[Any], before: Sequence[Any] = ()) -> Any:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Router

    sides = Router.for_query_document(query, document)
    return SentenceTransformer(modules=[*before, sides], device="cpu")


@pytest.fixture
def two_transformers(tiny: Path, tmp_path: Path) -> Path:
    """One transformer for queries and another for passages."""
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    other = shifted(tiny, tmp_path / "other", 1)
    model = router(
        [Transformer(str(other)), Pooling(32, "max")], [Transformer(str(tiny)), Pooling(32)]
    )
    model.save(str(tmp_path / "two"))
    return tmp_path / "two"


@pytest.fixture
def static_queries(tiny: Path, tmp_path: Path) -> Path:
    """A table of token vectors for queries and a transformer for passages."""
    from sentence_transformers.sentence_transformer.modules import (
        Pooling,
        StaticEmbedding,
        Transformer,
    )
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rng = np.random.default_rng(3)
    table = rng.normal(size=(tokenizer.get_vocab_size(), 32)).astype(np.float32)
    model = router(
        [StaticEmbedding(tokenizer, embedding_weights=table)],
        [Transformer(str(tiny)), Pooling(32)],
    )
    model.save(str(tmp_path / "static"))
    return tmp_path / "static"


@pytest.fixture
def two_heads(tiny: Path, tmp_path: Path) -> Path:
    """One transformer, and a layer of its own for each side."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    torch.manual_seed(5)
    before = [Transformer(str(tiny)), Pooling(32)]
    router([Dense(32, 16)], [Dense(32, 16)], before).save(str(tmp_path / "heads"))
    return tmp_path / "heads"


@pytest.mark.parametrize("fixture", ["two_transformers", "static_queries", "two_heads"])
def test_both_sides_of_a_router_are_used(fixture: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(fixture)
    assert_same_vectors(folder)
    encoder = load(folder)
    cosines = np.einsum("ij,ij->i", encoder.encode_queries(TEXTS), encoder.encode_passages(TEXTS))
    assert cosines.max() < 0.999  # the sides differ


@pytest.mark.parametrize(
    ("fixture", "weights"),
    [
        ("two_transformers", "query_0_Transformer"),
        ("two_transformers", "document_0_Transformer"),
        ("static_queries", "query_0_StaticEmbedding"),
        ("two_heads", "2_Router/query_0_Dense"),
        ("two_heads", "2_Router/document_0_Dense"),
    ],
)
def test_the_fingerprint_covers_the_weights_of_both_sides(
    fixture: str, weights: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(fixture)
    before = load(folder).fingerprint
    assert load(folder).fingerprint == before
    path = folder / weights / "model.safetensors"
    values = load_file(path)
    first = sorted(values)[0]
    values[first] = values[first] + np.float32(1)
    save_file(values, path, metadata={"format": "pt"})
    assert load(folder).fingerprint != before


def test_the_fingerprint_covers_the_routes_and_settings_of_a_router(two_heads: Path) -> None:
    before = load(two_heads).fingerprint
    config = two_heads / "2_Router" / "query_0_Dense" / "config.json"
    edit_json(config, {"activation_function": "torch.nn.modules.linear.Identity"})
    changed = load(two_heads).fingerprint
    assert changed != before
    edit_json(
        two_heads / "2_Router" / "router_config.json",
        {"structure": {"query": ["document_0_Dense"], "document": ["query_0_Dense"]}},
    )
    assert load(two_heads).fingerprint not in (before, changed)
    assert_same_vectors(two_heads)


def test_queries_are_read_by_the_tokenizer_of_their_side(two_transformers: Path) -> None:
    """A word that only the tokenizer for queries knows."""
    word = "ลาหยุด"
    path = two_transformers / "query_0_Transformer"
    for name in ("tokenizer.json", "vocab.txt"):
        if (path / name).exists():
            text = (path / name).read_text(encoding="utf-8")
            (path / name).write_text(text.replace("river", word), encoding="utf-8")
    encoder = load(two_transformers)
    assert encoder.encode_queries([word]).any()
    assert not encoder.encode_passages([word]).any()


def test_a_router_without_a_route_for_queries_is_refused(two_heads: Path) -> None:
    path = two_heads / "2_Router" / "router_config.json"
    edit_json(path, {"structure": {"image": ["query_0_Dense"], "document": ["document_0_Dense"]}})
    with pytest.raises(ModelError, match=r"no route for a query \(it has image, document\)"):
        load(two_heads)


def test_a_router_may_name_its_routes(two_heads: Path) -> None:
    path = two_heads / "2_Router" / "router_config.json"
    structure = {"short": ["query_0_Dense"], "long": ["document_0_Dense"]}
    mappings = {"('query', None)": "short", "(None, 'text')": "long"}
    parameters = {"default_route": "long", "allow_empty_key": True, "route_mappings": mappings}
    edit_json(path, {"structure": structure, "parameters": parameters})
    assert_same_vectors(two_heads)


def test_sides_of_different_sizes_are_refused(tiny: Path, tmp_path: Path) -> None:
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    before = [Transformer(str(tiny)), Pooling(32)]
    router([Dense(32, 16)], [Dense(32, 24)], before).save(str(tmp_path / "sizes"))
    with pytest.raises(ModelError, match="vectors of 16 numbers for queries and of 24"):
        load(tmp_path / "sizes")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"types": {"query_0_Dense": "os.path.Dense"}}, "code of its own"),
        ({"types": {"../../out": "sentence_transformers.models.Dense"}}, "outside its folder"),
        ({"types": ["query_0_Dense"]}, "value of the wrong type"),
        ({"structure": {"query": ["lost"], "document": []}}, "value of the wrong type"),
    ],
)
def test_a_router_that_is_not_safe_or_damaged_is_refused(
    two_heads: Path, change: dict[str, Any], message: str
) -> None:
    edit_json(two_heads / "2_Router" / "router_config.json", change)
    with pytest.raises(ModelError, match=message):
        load(two_heads)


def test_code_of_either_side_is_refused(two_transformers: Path) -> None:
    path = two_transformers / "query_0_Transformer" / "config.json"
    edit_json(path, {"auto_map": {"AutoModel": "code.Model"}})
    with pytest.raises(ModelError, match="Python code of its own"):
        load(two_transformers)


def test_a_pickle_on_either_side_is_refused(two_heads: Path) -> None:
    path = two_heads / "2_Router" / "query_0_Dense"
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only as a pickle"):
        load(two_heads)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_saved_number_of_dimensions_is_honoured(tiny: Path, engine: str) -> None:
    write_json(tiny / "config_sentence_transformers.json", {"truncate_dim": 12})
    if engine == "torch":  # a pooling that NumPy does not compute
        edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": True})
    assert_same_vectors(tiny)
    vectors = load(tiny).encode_passages(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_saved_number_of_dimensions_is_in_the_fingerprint_and_can_be_overridden(
    tiny: Path,
) -> None:
    full = load(tiny)
    assert load(tiny, 12).fingerprint != full.fingerprint
    path = tiny / "config_sentence_transformers.json"
    write_json(path, {"truncate_dim": 12})
    assert load(tiny).fingerprint == load(tiny, 12).fingerprint != full.fingerprint
    assert (load(tiny).dimension, load(tiny, 20).dimension, load(tiny, 32).dimension) == (
        12,
        20,
        32,
    )
    assert load(tiny, 32).fingerprint == full.fingerprint
    for size in (None, 32, 100):
        write_json(path, {"truncate_dim": size})
        assert (load(tiny).dimension, load(tiny).fingerprint) == (32, full.fingerprint)


@pytest.mark.parametrize("size", [0, -3, "12", True, 1.5])
def test_a_number_of_dimensions_that_makes_no_sense_is_refused(tiny: Path, size: Any) -> None:
    write_json(tiny / "config_sentence_transformers.json", {"truncate_dim": size})
    with pytest.raises(ModelError, match="truncate_dim is"):
        load(tiny)


@pytest.mark.parametrize("include_prompt", [True, False])
@pytest.mark.parametrize(
    ("prompts", "default"),
    [
        ({"query": "every week ", "document": ""}, "query"),
        ({"query": "every week ", "document": "the "}, None),
        ({"query": "", "document": "the ", "other": "river "}, "other"),
        ({"query": "every week ", "document": "", "passage": "the "}, None),
        ({"query": "", "document": ""}, None),
    ],
)
def test_saved_prompts_are_those_of_the_library(
    tiny: Path, prompts: dict[str, str], default: str | None, include_prompt: bool
) -> None:
    write_json(
        tiny / "config_sentence_transformers.json",
        {"prompts": prompts, "default_prompt_name": default},
    )
    edit_json(tiny / "1_Pooling" / "config.json", {"include_prompt": include_prompt})
    assert_same_vectors(tiny)


@pytest.mark.parametrize("kind", ["SparseEncoder", "CrossEncoder"])
def test_a_model_of_another_kind_is_refused(tiny: Path, kind: str) -> None:
    write_json(tiny / "config_sentence_transformers.json", {"model_type": kind})
    with pytest.raises(ModelError, match=f"is a {kind}"):
        load(tiny)
