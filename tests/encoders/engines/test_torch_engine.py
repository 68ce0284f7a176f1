"""The torch engine as on a GPU, simulated on a CPU: little memory, half precision.

Expected are the vectors of the NumPy engine, which equal those of transformers (`test_model`).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ragkit.encoders import model_folder
from ragkit.encoders.engines.cpu_engines import NumpyEngine
from ragkit.encoders.engines.torch_engine import TorchEngine
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError
from tests.lazy_modules import import_when_used

torch = import_when_used("torch")
TEXTS = ["the key rotates every week ." * (n % 4) + "bank" * (n % 3) for n in range(40)]


def engine(folder: Path, *, takes_ids: bool) -> tuple[TorchEngine, np.ndarray]:
    """Return the engine, with ids or with texts as input, and the expected vectors."""
    files = model_folder.read(folder, "tiny")
    tokens = ModelTokenizer(folder / "tokenizer.json", files.max_length)
    engine_under_test = TorchEngine(files, tokens)
    engine_under_test._takes_ids = takes_ids
    return engine_under_test, NumpyEngine(files, tokens).encode(TEXTS, "")


def limit_memory(engine_under_test: TorchEngine, max_tokens: int) -> list[int]:
    """Make the model fail beyond `max_tokens`, padding included. Return the list of sizes."""
    sizes: list[int] = []

    def hook(module: Any, arguments: tuple[dict[str, Any], ...]) -> None:
        sizes.append(arguments[0]["input_ids"].numel())
        if sizes[-1] > max_tokens:
            raise torch.cuda.OutOfMemoryError("no room")

    engine_under_test._model.register_forward_pre_hook(hook)
    return sizes


@pytest.mark.parametrize("takes_ids", [True, False])
def test_a_batch_too_large_for_memory_is_halved(tiny: Path, takes_ids: bool) -> None:
    engine_under_test, expected = engine(tiny, takes_ids=takes_ids)
    sizes = limit_memory(engine_under_test, max_tokens=200)
    np.testing.assert_allclose(engine_under_test.encode(TEXTS, ""), expected, atol=1e-5)
    assert max(sizes) > 200
    sizes.clear()
    np.testing.assert_allclose(engine_under_test.encode(TEXTS, ""), expected, atol=1e-5)
    assert max(sizes) <= 200


def test_a_text_too_large_for_memory_is_an_error(tiny: Path) -> None:
    engine_under_test, _ = engine(tiny, takes_ids=True)
    limit_memory(engine_under_test, max_tokens=7)
    with pytest.raises(ModelError, match=r"too little memory for a text of 32 tokens(?s:.*)CUDA_"):
        engine_under_test.encode(["the key " * 30], "")


@pytest.mark.parametrize("takes_ids", [True, False])
def test_half_precision_is_close_and_of_unit_length(tiny: Path, takes_ids: bool) -> None:
    engine_under_test, expected = engine(tiny, takes_ids=takes_ids)
    engine_under_test._half = torch.float16
    vectors = engine_under_test.encode(TEXTS, "")
    assert 1e-6 < np.abs(vectors - expected).max() < 1e-2  # it was used
    assert np.einsum("ij,ij->i", vectors, expected).min() > 0.9999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("takes_ids", [True, False])
def test_a_model_beyond_half_precision_is_computed_in_single(
    tiny: Path, takes_ids: bool, caplog: pytest.LogCaptureFixture
) -> None:
    weights = load_file(tiny / "model.safetensors")
    for name in ("attention.self.value.bias", "output.dense.bias"):
        weights[f"encoder.layer.1.{name}"] = weights[f"encoder.layer.1.{name}"] * np.float32(1e6)
    save_file(weights, tiny / "model.safetensors", metadata={"format": "pt"})
    engine_under_test, expected = engine(tiny, takes_ids=takes_ids)
    engine_under_test._half = torch.float16  # whose largest number is 65,504
    with caplog.at_level(logging.WARNING, logger="ragkit"):
        np.testing.assert_allclose(engine_under_test.encode(TEXTS, ""), expected, atol=1e-5)
    assert [record.message[:14] for record in caplog.records] == ["half precision"]
