"""All models through sentence-transformers: other architectures than BERT's, and any on a GPU.

Contract: as the engines of `engines`: texts, prompt included, to (n, d) float32 unit rows in the
order given, in batches bounded by tokens, safe to share between threads. On a CUDA device products
of matrices are computed in half precision, so vectors differ by some 1e-4 from those of a
processor; a model that needs more range than half precision has is computed in single. Takes
seconds to import. Knows nothing of names or of where models come from.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import pooling
from ragkit.encoders.engines.batching import token_batches
from ragkit.encoders.engines.cpu_engines import MAX_TEXTS_AT_ONCE
from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer, clean
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Arrival: TypeAlias = Callable[[], Array]
"""Waits for the vectors of a batch that was given to the device: (n, d) float32, unit rows."""
Launch: TypeAlias = Callable[[Sequence[Any]], Arrival]

# Tokens in one batch. On a CPU: 4,096 of 1,024–4,096. On a GPU: large enough to keep one busy; one
# that has too little memory for it halves it. Not measured.
_CPU_BATCH = 4_096
_GPU_BATCH = 65_536
logger = logging.getLogger("ragkit")


class TorchEngine:
    """The model of `model_folder`, on the device that sentence-transformers chooses.

    A model that is a transformer with pooling gets our token ids, so that no text is tokenised
    twice; any other goes through the library's own `encode`.
    """

    def __init__(self, model_folder: ModelFolder, tokens: ModelTokenizer) -> None:
        import torch

        self._model = load_sentence_transformer(model_folder)
        self._model.max_seq_length = model_folder.max_length
        self._model.eval()
        self._tokens = tokens
        self._dimension = model_folder.dimension
        self._takes_ids = model_folder.is_plain
        self._filler = getattr(self._model.tokenizer, "pad_token_id", None) or 0
        self._budget = _CPU_BATCH if self.device == "cpu" else _GPU_BATCH
        self._half = torch.float16 if self.device == "cuda" else None
        self._lock = threading.Lock()

    @property
    def device(self) -> str:
        """cpu, cuda, mps, …"""
        return str(self._model.device.type)

    def encode(self, texts: Sequence[str], prompt: str) -> Array:
        """(n, d) float32, unit rows. Raises ModelError where the device has too little memory for
        a single text."""
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        for start in range(0, len(texts), MAX_TEXTS_AT_ONCE):
            part = [clean(text) for text in texts[start : start + MAX_TEXTS_AT_ONCE]]
            ids = self._tokens.ids(part, prompt)
            inputs: Sequence[Any] = ids if self._takes_ids else part
            launch: Launch = self._of_ids if self._takes_ids else partial(self._of_texts, prompt)
            self._fill(
                vectors[start : start + MAX_TEXTS_AT_ONCE], inputs, [len(i) for i in ids], launch
            )
        return vectors

    def _fill(
        self, vectors: Array, inputs: Sequence[Any], lengths: Sequence[int], launch: Launch
    ) -> None:
        """One batch ahead: while the device works on it, the one before is copied back."""
        waiting: tuple[list[int], Arrival] | None = None
        for batch in token_batches(lengths, self._budget):
            tokens = len(batch) * lengths[batch[0]]
            started = self._start([inputs[i] for i in batch], tokens, launch)
            if waiting is not None:
                vectors[waiting[0]] = waiting[1]()
            waiting = batch, started
        if waiting is not None:
            vectors[waiting[0]] = waiting[1]()

    def _start(self, inputs: Sequence[Any], tokens: int, launch: Launch) -> Arrival:
        """Give a batch of so many tokens, filling included, to the device."""
        import torch

        half = self._half
        try:
            arrival = launch(inputs)
        except torch.cuda.OutOfMemoryError:
            arrival = None  # the error would keep what the try had in memory
        if arrival is None:
            return self._in_halves(inputs, tokens, launch)
        return arrival if half is None else partial(self._checked, arrival, inputs, launch)

    def _in_halves(self, inputs: Sequence[Any], tokens: int, launch: Launch) -> Arrival:
        import torch

        if len(inputs) == 1:
            raise ModelError(
                f"{self.device} has too little memory for a text of {tokens:,} tokens with this "
                f"model. Free some of it, or compute on the processor: CUDA_VISIBLE_DEVICES=-1"
            )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._budget = min(self._budget, tokens // 2)  # of the next call
        middle = len(inputs) // 2
        halves = inputs[:middle], inputs[middle:]
        found = np.concatenate([self._start(each, tokens // 2, launch)() for each in halves])
        return lambda: found

    def _checked(self, arrival: Arrival, inputs: Sequence[Any], launch: Launch) -> Array:
        """Those made in half precision; made again in single where half has not the range."""
        found = arrival()
        if np.isfinite(found).all():
            return found
        logger.warning(
            "half precision has not the range that this model needs; going on in single, which is "
            "slower"
        )
        self._half = None
        return launch(inputs)()

    def _precision(self) -> AbstractContextManager[object]:
        import torch

        half = self._half
        return nullcontext() if half is None else torch.autocast(self.device, half)

    def _of_ids(self, sequences: Sequence[list[int]]) -> Arrival:
        import torch

        cuda = self.device == "cuda"
        lengths = np.array([len(each) for each in sequences])
        inside = np.arange(lengths.max()) < lengths[:, None]
        # Pinned memory is copied while the device works, and torch keeps it until that is done;
        # other memory is not, so that there nothing may go on before.
        both = torch.full((2, *inside.shape), self._filler, dtype=torch.long, pin_memory=cuda)
        ids, mask = both.numpy()
        ids[inside], mask[:] = np.concatenate(sequences), inside
        with torch.inference_mode(), self._precision():
            there = both.to(self._model.device, non_blocking=cuda)
            features = {"input_ids": there[0], "attention_mask": there[1]}
            found = self._model(features)["sentence_embedding"].float()
            found = torch.nn.functional.normalize(found, dim=1)
            here = torch.empty(found.shape, dtype=torch.float32, pin_memory=cuda)
            here.copy_(found, non_blocking=cuda)
        done: Any = None
        if cuda:
            # Of the model's device: a thread may have another for its current one.
            stream: Any = torch.cuda.current_stream(self._model.device)
            done = stream.record_event()

        def arrived() -> Array:
            if done is not None:
                done.synchronize()
            vectors: Array = here.numpy()
            return vectors

        return arrived

    def _of_texts(self, prompt: str, texts: Sequence[str]) -> Arrival:
        with self._lock, self._precision():  # its tokenizer sets truncation anew at each call
            found = self._model.encode(
                list(texts),
                prompt=prompt,
                batch_size=len(texts),
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        vectors = pooling.normalize_rows(np.asarray(found, dtype=np.float32))
        return lambda: vectors


def load_sentence_transformer(model_folder: ModelFolder) -> Any:  # noqa: ANN401 - imported only here
    """The SentenceTransformer of a recipe's folder: from that folder alone, no pickle, no code."""
    from sentence_transformers import SentenceTransformer

    try:
        with hide_progress_bars():
            return SentenceTransformer(
                str(model_folder.folder),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
    except Exception as error:  # whatever transformers raises for a model it cannot serve
        raise ModelError(
            f"sentence-transformers cannot load {model_folder.folder} (architecture "
            f"{model_folder.config.get('model_type')}): {' '.join(str(error).split())}. What serves "
            f"instead: another model, or a server that has this one, named as base_url in your "
            f"settings"
        ) from error


@contextmanager
def hide_progress_bars() -> Iterator[None]:
    """No bars of transformers, over in a moment anyway: standard error is the user's."""
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
