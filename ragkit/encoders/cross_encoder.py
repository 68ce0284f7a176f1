"""Cross-encoders: models that read a query and a passage together and return one relevance score.

Contract: `load` turns a name into a `Reranker`, resolved as encoders are (`resolve`): a folder with
an ONNX file, or one of an architecture that ragkit computes itself (`architectures`), both without
torch; any other cross-encoder is left to sentence-transformers. A score is the model's logit,
float32: higher is more relevant, 0 is undecided for most models, and the scores of two models
cannot be compared. Slow beside an encoder, since nothing can be computed before the query is known:
milliseconds per passage. Knows no ranking, no collection.

Nogueira & Cho 2019, Passage Re-ranking with BERT, https://arxiv.org/abs/1901.04085
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragkit.encoders import architectures, classification_heads, model_folder, pooling
from ragkit.encoders import modules as vector_modules
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.engines import cpu_threads
from ragkit.encoders.engines.torch_engine import hide_progress_bars, require_torch
from ragkit.encoders.tokenization.tokenizer import clean, token_batches
from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.encoders.architectures import Model
    from ragkit.encoders.classification_heads import Head
    from ragkit.encoders.runtime.session import Forward

logger = logging.getLogger("ragkit")
DEFAULT_RERANKER = "cross-encoder/ms-marco-MiniLM-L6-v2"
_HOW_TO_GET = """Three ways to get a reranker:
  the hub:            hf download {name}   (or unset HF_HUB_OFFLINE)
  a folder you have:  --reranker /path/to/folder, or reranker = "…" in your settings
  an ONNX file:       --reranker /path/to/model.onnx, with its tokenizer.json beside it"""
_BATCH_TOKENS = 1_024  # padding included
_OWN_BATCH_TOKENS = 512  # of one core
_CLASSIFIERS = ("classifier.weight", "classifier.out_proj.weight")
_PROBE = ("how do we rotate keys?", "Keys are rotated every week; 鍵は毎週交換されます。")
_TOLERANCE = 1e-3  # of a logit
_Pairs: TypeAlias = "Sequence[tuple[list[int], list[int]]]"
_DEFAULT_WINDOW = 512  # tokens
_MIN_WINDOW, _MAX_WINDOW = 16, 8_192  # tokens; other values in a model's files are ignored
_MAX_TOKEN_CHARACTERS = 16  # on average over a window: longer texts are cut before tokenization
_ONNX_FILES = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")


@dataclass(frozen=True, slots=True)
class Reranker:
    """A loaded cross-encoder. Safe to share between threads."""

    name: str
    window: int
    """Tokens of query and passage together; the longer of both is truncated first."""
    scores: Callable[[str, Sequence[str]], NDArray[np.float32]]
    """(query, passages) → the passages' logits, (n,) float32, in order."""


def load(name: str = DEFAULT_RERANKER) -> Reranker:
    """Load the cross-encoder of this name: an ONNX file or a folder with one, or a folder or hub
    name of sentence-transformers. Raises ModelError if it is not found, damaged or not a reranker.
    """
    if (file := find_onnx_file(name)) is not None:
        return _load_onnx(name, file)
    try:
        folder = resolve_model.resolve(name).path
    except ModelError as error:
        found = str(error).partition("\n")[0]
        raise ModelError(f"{found}\n{_HOW_TO_GET.format(name=name)}") from error
    if (model := _read_own(folder)) is not None:
        return _load_own(name, folder, *model)
    return _load_torch(name, folder)


def find_onnx_file(name: str) -> Path | None:
    """Return the ONNX file on this machine that `name` refers to; None if there is none."""
    path = Path(name).expanduser()
    if path.suffix == ".onnx" and path.is_file():
        return path
    return next((path / file for file in _ONNX_FILES if (path / file).is_file()), None)


class _PairTokenizer:
    """The tokenizer in a model's folder, for pairs of texts."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        path = folder / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the bindings raise nothing narrower
            raise ModelError(
                f"cannot parse {path} ({error}). A reranker's folder has a tokenizer.json beside "
                "its model"
            ) from error
        self.window = _window(folder)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.window, strategy="longest_first")

    def __call__(self, query: str, passages: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """(token ids, token types) of the query with each passage."""
        max_characters = self.window * _MAX_TOKEN_CHARACTERS
        pairs = [
            (clean(query[:max_characters]), clean(passage[:max_characters])) for passage in passages
        ]
        encodings = self._tokenizer.encode_batch(pairs)
        return [(encoding.ids, encoding.type_ids) for encoding in encodings]


def _window(folder: Path) -> int:
    """Tokens that the model reads at once, as its files say, else 512."""
    config = _json(folder / "config.json")
    positions = model_folder.count_positions(config)
    for window in (
        _json(folder / "sentence_bert_config.json").get("max_seq_length"),
        _json(folder / "tokenizer_config.json").get("model_max_length"),
        positions,
    ):
        if isinstance(window, int) and _MIN_WINDOW <= window <= _MAX_WINDOW:
            return min(window, positions or window)
    return _DEFAULT_WINDOW


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _read_own(folder: Path) -> tuple[Model, Head] | None:
    """The model and its head if ragkit computes them, else None. Raises ModelError if the weights
    do not fit the config."""
    config, path = _json(folder / "config.json"), folder / "model.safetensors"
    if not (
        path.is_file()
        and (folder / "tokenizer.json").is_file()
        and architectures.is_supported(config)
        and not config.get("auto_map")
    ):
        return None
    modules = [("Transformer", "")]
    if (folder / "modules.json").is_file():
        try:
            modules = model_folder.list_modules(folder)
        except ModelError:  # sentence-transformers says what it is
            return None
    names = [str(name) for name in config.get("architectures") or []]
    if len(modules) > 1:
        head = _read_modules(folder, modules)
    elif any(name.endswith("ForSequenceClassification") for name in names):
        head = _read_classifier(config, safetensors_file.map_tensors(path))
    else:
        return None
    if head is None:
        return None
    return architectures.read(config, safetensors_file.map_tensors(path)), head


def _read_classifier(config: dict[str, Any], weights: safetensors_file.Tensors) -> Head | None:
    labels = [values.shape[0] for name, values in weights.items() if name.endswith(_CLASSIFIERS)]
    return classification_heads.read(config, weights) if labels == [1] else None


def _read_modules(folder: Path, modules: Sequence[tuple[str, str]]) -> Head | None:
    """The head of a cross-encoder that is a chain of modules: pooling, then dense layers."""
    (kind, place), behind = modules[1], [(kind, folder / place) for kind, place in modules[2:]]
    mode = model_folder.pooling_mode(_json(folder / place / "config.json"))
    if (
        (modules[0], kind) != (("Transformer", ""), "Pooling")
        or mode not in pooling.POOLINGS
        or not all(vector_modules.is_supported(*module) for module in behind)
    ):
        return None
    pool, after = pooling.POOLINGS[mode], vector_modules.read(behind)
    return lambda states, lengths: after(pool(states, lengths)).reshape(len(lengths))


def _load_own(name: str, folder: Path, model: Model, head: Head) -> Reranker:
    """A cross-encoder in ONNX Runtime, one batch per core; in NumPy where that is not possible."""
    tokenize = _PairTokenizer(folder)

    def compute(forward: Forward, encoded: _Pairs) -> NDArray[np.float32]:
        ids, types = [ids for ids, _ in encoded], [types for _, types in encoded]
        return head(forward(ids, types), [len(sequence) for sequence in ids])

    forward: Forward = model.forward
    try:
        candidate = architectures.build_forward(model, pairs=True)
        probe = tokenize(_PROBE[0], [_PROBE[1]])
        ours, reference = compute(candidate, probe), compute(forward, probe)
        if not np.allclose(ours, reference, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise ModelError(
                f"ONNX Runtime gives the logit {ours[0]:.4f} for a pair whose logit is "
                f"{reference[0]:.4f}"
            )
        forward = candidate
    except ModelError as error:
        logger.warning("%s: %s; continuing with NumPy, which is slower", name, error)

    def scores(query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        encoded = tokenize(query, passages)
        logits = np.empty(len(encoded), dtype=np.float32)

        def fill(batch: list[int]) -> None:
            logits[batch] = compute(forward, [encoded[index] for index in batch])

        batches = list(token_batches([len(ids) for ids, _ in encoded], _OWN_BATCH_TOKENS))
        with cpu_threads.one_blas_thread():
            list(cpu_threads.worker_pool().map(fill, batches))
        return logits

    return Reranker(name, tokenize.window, scores)


def _load_onnx(name: str, file: Path) -> Reranker:
    import onnxruntime

    folder = next(
        (path for path in (file.parent, file.parent.parent) if (path / "tokenizer.json").is_file()),
        file.parent,
    )
    tokenize = _PairTokenizer(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cpu_threads.available_cores()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            file.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the bindings have a dozen types without a common base
        raise ModelError(f"cannot run the ONNX model {file}: {error}") from error
    inputs = {value.name for value in session.get_inputs()}
    supported_inputs = {"input_ids", "attention_mask", "token_type_ids"}
    if not {"input_ids", "attention_mask"} <= inputs <= supported_inputs:
        raise ModelError(
            f"{file} takes {', '.join(sorted(inputs))}; expected a cross-encoder's input_ids, "
            "attention_mask and perhaps token_type_ids"
        )

    def scores(query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        encoded = tokenize(query, passages)
        logits = np.empty(len(encoded), dtype=np.float32)
        for batch in token_batches([len(ids) for ids, _ in encoded], _BATCH_TOKENS):
            arrays = _pad([encoded[index] for index in batch])
            (output,) = session.run(None, {key: arrays[key] for key in inputs})[:1]
            logits[batch] = _check_logits(np.asarray(output), len(batch), name)
        return logits

    return Reranker(name, tokenize.window, scores)


def _pad(encoded: Sequence[tuple[list[int], list[int]]]) -> dict[str, NDArray[np.int64]]:
    shape = len(encoded), max(len(ids) for ids, _ in encoded)
    inputs = {
        name: np.zeros(shape, dtype=np.int64)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    for row, (ids, types) in enumerate(encoded):
        inputs["input_ids"][row, : len(ids)] = ids
        inputs["attention_mask"][row, : len(ids)] = 1
        inputs["token_type_ids"][row, : len(ids)] = types
    return inputs


def _check_logits(logits: NDArray[Any], count: int, name: str) -> NDArray[np.float32]:
    """The logits as (n,) float32. Raises ModelError if the model is not a reranker."""
    if logits.size != count:
        raise ModelError(
            f"{name} gives {logits.shape} for {count} pairs; expected one number per pair: it "
            "is not a reranker"
        )
    return logits.reshape(count).astype(np.float32)


def _load_torch(name: str, folder: Path) -> Reranker:
    require_torch(f"the reranker {name}, which has no ONNX file,")
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
        return _check_logits(np.asarray(logits), len(pairs), name)

    return Reranker(name, _window(folder), scores)
