"""Any model through sentence-transformers: architectures other than BERT, and any model on a GPU.

Contract: as the engines of `cpu_engines`: texts, prompt included, to (n, d) float32 unit rows in
the order given, in batches bounded by tokens, safe to share between threads. On a CUDA device
matrix products are computed in half precision, so vectors differ by some 1e-4 from those of a CPU;
a model that exceeds the range of half precision is computed in single precision. Takes seconds to
import. Knows neither names nor where models come from.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import pooling
from ragkit.encoders.engines import processor
from ragkit.encoders.engines.cpu_engines import MAX_TEXTS_AT_ONCE, input_ids
from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer, clean, token_batches
from ragkit.errors import ModelError

Array = NDArray[np.float32]
PendingVectors: TypeAlias = Callable[[], Array]
"""Waits for the vectors of a batch on the device: (n, d) float32, unit rows."""
Launch: TypeAlias = Callable[[Sequence[Any]], PendingVectors]
"""Starts to compute a batch of inputs."""

# Tokens in one batch. On a CPU 4,096 was best of 1,024 to 4,096. On a GPU, not measured: enough to
# keep one busy; it is halved on a GPU with too little memory.
_CPU_BATCH_TOKENS = 4_096
_GPU_BATCH_TOKENS = 65_536
logger = logging.getLogger("ragkit")


class TorchEngine:
    """The model in `model_folder`, on the device that sentence-transformers chooses.

    A model that is a transformer with pooling gets ragkit's token ids, so that no text is tokenized
    twice; any other goes through the library's own `encode`. Raises ModelError if
    sentence-transformers cannot load the model.
    """

    def __init__(self, model_folder: ModelFolder, tokenizer: ModelTokenizer) -> None:
        self._model = load_sentence_transformer(model_folder)
        import torch  # only now: a missing package has been reported

        if model_folder.query_folder is None:  # else each of its transformers has its own
            self._model.max_seq_length = model_folder.max_length
        self._model.truncate_dim = None  # `SentenceEncoder` truncates
        self._model.eval()
        if self.device == "cpu":
            self._model.float()  # half precision takes 2.5 times as long there
        self._tokenizer = tokenizer
        self._encode_side: Callable[..., Any] = _encode_function(self._model, "document")
        self._dimension = model_folder.dimension
        self._takes_ids = model_folder.is_plain
        self._pad_id = getattr(self._model.tokenizer, "pad_token_id", None) or 0
        self._max_tokens = _CPU_BATCH_TOKENS if self.device == "cpu" else _GPU_BATCH_TOKENS
        self._half = torch.float16 if self.device == "cuda" else None
        self._lock = threading.Lock()

    @property
    def device(self) -> str:
        """The type of the device: cpu, cuda, mps, …"""
        return str(self._model.device.type)

    def encode(
        self, texts: Sequence[str], prompt: str, starts: Sequence[int] | None = None
    ) -> Array:
        """Return the vectors of texts: (n, d) float32, unit rows. With `starts`, where each text
        begins behind its header, texts that the vocabulary mostly does not know get zeros. Raises
        ModelError if the device has too little memory for a single text."""
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        for start in range(0, len(texts), MAX_TEXTS_AT_ONCE):
            part = [clean(text) for text in texts[start : start + MAX_TEXTS_AT_ONCE]]
            ids, unread = input_ids(self._tokenizer, part, prompt, starts, start)
            inputs: Sequence[Any] = ids if self._takes_ids else part
            launch: Launch = (
                self._launch_ids if self._takes_ids else partial(self._launch_texts, prompt)
            )
            self._fill(
                vectors[start : start + MAX_TEXTS_AT_ONCE], inputs, [len(i) for i in ids], launch
            )
            vectors[start : start + MAX_TEXTS_AT_ONCE][unread] = 0
        return vectors

    def for_queries(self, tokenizer: ModelTokenizer) -> TorchEngine:
        """Return this engine for queries, for which a model may have modules of its own.
        `tokenizer` is that of the model for queries. Both engines share the model."""
        engine = copy(self)
        engine._tokenizer = tokenizer
        engine._encode_side = _encode_function(self._model, "query")
        return engine

    def _fill(
        self, vectors: Array, inputs: Sequence[Any], lengths: Sequence[int], launch: Launch
    ) -> None:
        """Compute one batch ahead: the previous one is copied back meanwhile."""
        pending: tuple[list[int], PendingVectors] | None = None
        for batch in token_batches(lengths, self._max_tokens):
            tokens = len(batch) * lengths[batch[0]]
            started = self._start([inputs[i] for i in batch], tokens, launch)
            if pending is not None:
                vectors[pending[0]] = pending[1]()
            pending = batch, started
        if pending is not None:
            vectors[pending[0]] = pending[1]()

    def _start(self, inputs: Sequence[Any], tokens: int, launch: Launch) -> PendingVectors:
        """Start to compute a batch of `tokens` tokens, padding included."""
        import torch

        half = self._half
        try:
            pending = launch(inputs)
        except torch.cuda.OutOfMemoryError:
            pending = None  # the exception would keep the failed attempt in memory
        if pending is None:
            return self._start_halves(inputs, tokens, launch)
        return pending if half is None else partial(self._check_range, pending, inputs, launch)

    def _start_halves(self, inputs: Sequence[Any], tokens: int, launch: Launch) -> PendingVectors:
        import torch

        if len(inputs) == 1:
            raise ModelError(
                f"{self.device} has too little memory for a text of {tokens:,} tokens with this "
                f"model. Free some of it, or compute on the CPU: CUDA_VISIBLE_DEVICES=-1"
            )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._max_tokens = min(self._max_tokens, tokens // 2)  # for the next call too
        middle = len(inputs) // 2
        halves = inputs[:middle], inputs[middle:]
        vectors = np.concatenate([self._start(half, tokens // 2, launch)() for half in halves])
        return lambda: vectors

    def _check_range(self, pending: PendingVectors, inputs: Sequence[Any], launch: Launch) -> Array:
        """The vectors in half precision, or in single precision if half overflows."""
        vectors = pending()
        if np.isfinite(vectors).all():
            return vectors
        logger.warning(
            "half precision overflows with this model; continuing in single precision, which is "
            "slower"
        )
        self._half = None
        return launch(inputs)()

    def _precision(self) -> AbstractContextManager[object]:
        import torch

        half = self._half
        return nullcontext() if half is None else torch.autocast(self.device, half)

    def _launch_ids(self, sequences: Sequence[list[int]]) -> PendingVectors:
        import torch

        cuda = self.device == "cuda"
        lengths = np.array([len(sequence) for sequence in sequences])
        inside = np.arange(lengths.max()) < lengths[:, None]
        # Pinned memory is copied while the device works, and torch keeps it until then. Other
        # memory is copied before the call returns.
        both = torch.full((2, *inside.shape), self._pad_id, dtype=torch.long, pin_memory=cuda)
        ids, mask = both.numpy()
        ids[inside], mask[:] = np.concatenate(sequences), inside
        with torch.inference_mode(), self._precision():
            inputs = both.to(self._model.device, non_blocking=cuda)
            features = {"input_ids": inputs[0], "attention_mask": inputs[1]}
            embeddings = self._model(features)["sentence_embedding"].float()
            embeddings = torch.nn.functional.normalize(embeddings, dim=1)
            result = torch.empty(embeddings.shape, dtype=torch.float32, pin_memory=cuda)
            result.copy_(embeddings, non_blocking=cuda)
        copy_event: Any = None
        if cuda:
            # The model's device: the current device of a thread may be another.
            stream: Any = torch.cuda.current_stream(self._model.device)
            copy_event = stream.record_event()

        def wait() -> Array:
            if copy_event is not None:
                copy_event.synchronize()
            vectors: Array = result.numpy()
            return vectors

        return wait

    def _launch_texts(self, prompt: str, texts: Sequence[str]) -> PendingVectors:
        with self._lock, self._precision():  # its tokenizer sets truncation at each call
            embeddings = self._encode_side(
                list(texts),
                prompt=prompt,
                batch_size=len(texts),
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        vectors = pooling.normalize_rows(np.asarray(embeddings, dtype=np.float32))
        return lambda: vectors


def _encode_function(model: Any, side: str) -> Callable[..., Any]:  # noqa: ANN401
    """The library's function for one side, `query` or `document`; one for both before release 5,
    which has no router."""
    function: Callable[..., Any] = getattr(model, f"encode_{side}", model.encode)
    return function


def is_installed() -> bool:
    """Whether torch and sentence-transformers are installed, found without importing them."""
    return all(map(importlib.util.find_spec, ("torch", "sentence_transformers")))


def require_torch(feature: str) -> None:
    """Import torch, transformers and sentence-transformers, which a light installation leaves out.

    Raises ModelError, with `feature` as the subject of its message, where one is not installed.
    Warns before torch may end the process on a processor without AVX2.
    """
    if lacking := processor.missing():
        logger.warning(
            "this processor has no %s, so torch may end the process with an illegal instruction "
            "(SIGILL); if it does, use a model that needs no torch (ragkit models) or a server",
            lacking,
        )
    try:
        import sentence_transformers  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{feature} needs {error.name}, which is not installed; the light installation leaves "
            "it out. Install it with: pip install sentence-transformers"
        ) from error


def load_sentence_transformer(model_folder: ModelFolder) -> Any:  # noqa: ANN401 - imported only here
    """Return the SentenceTransformer of a model folder. Loads only safetensors weights and no code
    from the folder. Raises ModelError if the library is not installed or cannot load it."""
    require_torch(
        f"{model_folder.path} (architecture {model_folder.config.get('model_type')}, "
        f"{model_folder.pooling} pooling)"
    )
    from sentence_transformers import SentenceTransformer

    try:
        with hide_progress_bars():
            return SentenceTransformer(
                str(model_folder.path),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
    except Exception as error:  # whatever transformers raises for a model it cannot serve
        raise ModelError(
            f"sentence-transformers cannot load {model_folder.path} (architecture "
            f"{model_folder.config.get('model_type')}): {' '.join(str(error).split())}. Use "
            f"another model, or a server that has this one, named as base_url in your settings"
        ) from error


@contextmanager
def hide_progress_bars() -> Iterator[None]:
    """Hide the progress bars and key warnings of transformers while a model is loaded."""
    from transformers.utils import logging

    bars: Any = logging  # without types
    shows_bars = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about keys of older model folders
            yield
    finally:
        if shows_bars:
            bars.enable_progress_bar()
