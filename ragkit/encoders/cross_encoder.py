"""Cross-encoders: a query and a passage read together, one number for how well they fit.

Contract: `load` turns a name into a `Reranker`: a folder with an ONNX file, which ONNX Runtime
computes without any torch, or any cross-encoder of sentence-transformers, found as `models` finds
encoders. A score is the model's logit, float32: higher fits better, 0 is undecided for most models,
and those of two models cannot be compared. Slow beside an encoder, since nothing of it can be done
before the query is known: milliseconds a passage. Knows no ranking and no collection.

Nogueira and Cho, "Passage re-ranking with BERT", 2019, https://arxiv.org/abs/1901.04085
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.engines import cpu_threads
from ragkit.encoders.engines.batching import token_batches
from ragkit.encoders.engines.torch_engine import hide_progress_bars
from ragkit.encoders.tokenization.tokenizer import clean
from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_RERANKER = "cross-encoder/ms-marco-MiniLM-L6-v2"
_BATCH = 1_024  # tokens, padded
_WINDOW = 512  # tokens of a model that says no other
_MOST_WINDOW = 8_192
_LONGEST_TOKEN = 16  # characters, on average over a window: what is beyond is not even looked at
_ONNX = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")


@dataclass(frozen=True, slots=True)
class Reranker:
    """A loaded cross-encoder. Safe to share between threads."""

    name: str
    window: int
    """Tokens of query and passage together; what is longer is cut, the longer of both first."""
    scores: Callable[[str, Sequence[str]], NDArray[np.float32]]
    """(query, passages) → their logits, (n,) float32, in order."""


def load(name: str = DEFAULT_RERANKER) -> Reranker:
    """The cross-encoder of this name: an ONNX file or a folder with one, a folder or a hub name of
    sentence-transformers. Raises ModelError with the ways out."""
    if (file := find_onnx_file(name)) is not None:
        return _by_onnxruntime(name, file)
    found = resolve_model.resolve(name)
    return _by_torch(name, found.path)


def find_onnx_file(name: str) -> Path | None:
    """The ONNX file that a name means, where it means one on this machine."""
    place = Path(name).expanduser()
    if place.suffix == ".onnx" and place.is_file():
        return place
    return next((place / each for each in _ONNX if (place / each).is_file()), None)


class _Pairs:
    """The tokenizer beside a model, for pairs of texts."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        path = folder / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the bindings raise nothing narrower
            raise ModelError(
                f"{path} is no tokenizer that can be read ({error}). A reranker's folder has one "
                "beside its model"
            ) from error
        self.window = _window(folder)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.window, strategy="longest_first")

    def __call__(self, query: str, passages: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """(ids, token types) of the query with each passage."""
        most = self.window * _LONGEST_TOKEN
        pairs = [(clean(query[:most]), clean(passage[:most])) for passage in passages]
        found = self._tokenizer.encode_batch(pairs)
        return [(each.ids, each.type_ids) for each in found]


def _window(folder: Path) -> int:
    """Tokens a model reads at once, as its files say."""
    for file, key in (
        ("tokenizer_config.json", "model_max_length"),
        ("config.json", "max_position_embeddings"),
    ):
        try:
            said = json.loads((folder / file).read_text(encoding="utf-8"))[key]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if isinstance(said, int) and 16 <= said <= _MOST_WINDOW:
            return said
    return _WINDOW


def _by_onnxruntime(name: str, file: Path) -> Reranker:
    import onnxruntime

    folder = next(
        (each for each in (file.parent, file.parent.parent) if (each / "tokenizer.json").is_file()),
        file.parent,
    )
    pairs = _Pairs(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cpu_threads.available_cores()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            file.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the bindings have a dozen kinds without a common one
        raise ModelError(f"{file} is no ONNX model that can be run here: {error}") from error
    wanted = {each.name for each in session.get_inputs()}
    known = {"input_ids", "attention_mask", "token_type_ids"}
    if not {"input_ids", "attention_mask"} <= wanted <= known:
        raise ModelError(
            f"{file} takes {', '.join(sorted(wanted))}; expected a cross-encoder's input_ids, "
            "attention_mask and perhaps token_type_ids"
        )

    def scores(query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        encoded = pairs(query, passages)
        found = np.empty(len(encoded), dtype=np.float32)
        for batch in token_batches([len(ids) for ids, _ in encoded], _BATCH):
            inputs = _padded([encoded[each] for each in batch])
            (logits,) = session.run(None, {each: inputs[each] for each in wanted})[:1]
            found[batch] = _one_each(np.asarray(logits), len(batch), name)
        return found

    return Reranker(name, pairs.window, scores)


def _padded(encoded: Sequence[tuple[list[int], list[int]]]) -> dict[str, NDArray[np.int64]]:
    shape = len(encoded), max(len(ids) for ids, _ in encoded)
    inputs = {
        each: np.zeros(shape, dtype=np.int64)
        for each in ("input_ids", "attention_mask", "token_type_ids")
    }
    for row, (ids, types) in enumerate(encoded):
        inputs["input_ids"][row, : len(ids)] = ids
        inputs["attention_mask"][row, : len(ids)] = 1
        inputs["token_type_ids"][row, : len(ids)] = types
    return inputs


def _one_each(logits: NDArray[Any], count: int, name: str) -> NDArray[np.float32]:
    """The logits as (n,). Raises ModelError where the model is no reranker."""
    if logits.size != count:
        raise ModelError(
            f"{name} gives {logits.shape} for {count} pairs; expected one number a pair: it is no "
            "reranker"
        )
    return logits.reshape(count).astype(np.float32)


def _by_torch(name: str, folder: Path) -> Reranker:
    import torch
    from sentence_transformers import CrossEncoder

    try:
        with hide_progress_bars():
            model = CrossEncoder(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
                activation_fn=torch.nn.Identity(),
            )
    except Exception as error:  # whatever transformers raises for a model it cannot serve
        raise ModelError(f"sentence-transformers cannot load {folder}: {error}") from error

    def scores(query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        pairs: Any = [(clean(query), clean(passage)) for passage in passages]
        logits = model.predict(pairs, batch_size=16, show_progress_bar=False)
        return _one_each(np.asarray(logits), len(pairs), name)

    return Reranker(name, _window(folder), scores)
