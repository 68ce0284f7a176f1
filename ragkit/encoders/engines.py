"""Two ways to compute the same vectors: NumPy for BERT, sentence-transformers for all models.

Contract: an engine turns texts, prompt included, into (n, d) float32 unit rows in the order
given; where both serve a model they agree within 1e-5. Both work in batches of about equal
lengths, longest first, bounded by tokens rather than texts: memory is bounded, little or nothing
is padding, and a batch too large for memory fails at once, not after an hour. Engines are safe to
share between threads. Knows nothing of names or of where models come from.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import bert, cores, pooling, weights
from ragkit.encoders.recipe import Recipe
from ragkit.encoders.tokens import Tokens, clean
from ragkit.errors import ModelError

Array = NDArray[np.float32]

# Tokens in one batch. NumPy: 1,024 was best of 512–4,096 (activations stay near the cache);
# torch on a CPU: 4,096 of 1,024–4,096. On a GPU: modest, for small cards; not measured yet.
_NUMPY_BATCH = 1_024
_TORCH_BATCH = 4_096
_GPU_BATCH = 16_384
# Texts tokenised at a time, so that ids of a large job never lie in memory all at once.
_AT_ONCE = 4_096


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indexes of texts by falling length, together at most `budget` tokens when padded to the
    longest; a text over the budget comes alone."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


class NumpyEngine:
    """BERT in NumPy: no torch, ready in milliseconds. One worker a core, one batch each."""

    def __init__(self, recipe: Recipe, tokens: Tokens) -> None:
        files = weights.tensors(recipe.transformer / "model.safetensors")
        self._bert = bert.Bert(recipe.config, files)
        known = len(self._bert.words)
        if tokens.vocabulary > known:
            raise ModelError(
                f"{recipe.transformer}: tokenizer.json has {tokens.vocabulary:,} tokens, the model "
                f"vectors for {known:,}: the two do not belong together, fetch the model again."
            )
        self._pool = pooling.POOLINGS[recipe.pooling]
        self._tokens = tokens

    @staticmethod
    def serves(recipe: Recipe) -> bool:
        """Whether this engine computes the whole of the recipe."""
        return (
            recipe.is_plain
            and recipe.pooling in pooling.POOLINGS
            and bert.supported(recipe.config)
            and (recipe.transformer / "model.safetensors").is_file()
        )

    def encode(self, texts: Sequence[str], prompt: str) -> Array:
        """(n, d) float32, unit rows."""
        vectors = np.empty((len(texts), self._bert.dimension), dtype=np.float32)
        with cores.one_blas_thread():
            for start in range(0, len(texts), _AT_ONCE):
                ids = self._tokens.ids(texts[start : start + _AT_ONCE], prompt)
                self._fill(vectors[start : start + _AT_ONCE], ids)
        return vectors

    def _fill(self, vectors: Array, ids: Sequence[Sequence[int]]) -> None:
        def work(batch: list[int]) -> None:
            sequences = [ids[i] for i in batch]
            states = self._bert.forward(sequences)
            lengths = [len(sequence) for sequence in sequences]
            vectors[batch] = pooling.unit_rows(self._pool(states, lengths))

        jobs = list(batches([len(sequence) for sequence in ids], _NUMPY_BATCH))
        if len(jobs) == 1:
            work(jobs[0])
            return
        with ThreadPoolExecutor(min(cores.available(), len(jobs))) as pool:
            list(pool.map(work, jobs))  # the list hands on what a worker raised


class TorchEngine:
    """sentence-transformers, on the device it chooses. Takes seconds to import."""

    def __init__(self, recipe: Recipe, tokens: Tokens) -> None:
        self._model = sentence_transformer(recipe)
        self._model.max_seq_length = recipe.max_length
        self._model.eval()
        self._tokens = tokens
        self._dimension = recipe.dimension
        self._lock = threading.Lock()

    @property
    def device(self) -> str:
        """cpu, cuda, mps, …"""
        return str(self._model.device.type)

    def encode(self, texts: Sequence[str], prompt: str) -> Array:
        """(n, d) float32, unit rows."""
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        budget = _TORCH_BATCH if self.device == "cpu" else _GPU_BATCH
        for start in range(0, len(texts), _AT_ONCE):
            part = [clean(text) for text in texts[start : start + _AT_ONCE]]
            lengths = [len(ids) for ids in self._tokens.ids(part, prompt)]
            for batch in batches(lengths, budget):
                found = self._encode_batch([part[i] for i in batch], prompt)
                vectors[[start + i for i in batch]] = found
        return vectors

    def _encode_batch(self, texts: list[str], prompt: str) -> Array:
        with self._lock:  # its tokenizer sets truncation anew at each call
            found: Array = self._model.encode(
                texts,
                prompt=prompt,
                batch_size=len(texts),
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return found


def sentence_transformer(recipe: Recipe) -> Any:  # noqa: ANN401 - imported only here
    """The SentenceTransformer of a recipe's folder: from that folder alone, no pickle, no code."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    bars: Any = logging  # without types
    shows_bars = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()  # over in a moment, and standard error is the user's
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about keys of older model folders
            return SentenceTransformer(
                str(recipe.folder),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
    except Exception as error:  # whatever transformers raises for a model it cannot serve
        raise ModelError(
            f"sentence-transformers cannot load {recipe.folder} "
            f"({recipe.config.get('model_type')}): {error}"
        ) from error
    finally:
        if shows_bars:
            bars.enable_progress_bar()
