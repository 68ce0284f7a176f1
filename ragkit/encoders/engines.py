"""Three ways to compute the same vectors: NumPy and ONNX Runtime for BERT, sentence-transformers
for all models.

Contract: an engine turns texts, prompt included, into (n, d) float32 unit rows in the order
given; where several serve a model they agree within 1e-5 (but for int8, which says so, and for
half precision on a GPU). All work in batches of about equal lengths, longest first, bounded by
tokens rather than texts: memory is bounded, little or nothing is padding, and a batch too large for
memory fails at once, not after an hour. Engines are safe to share between threads. Knows nothing of
names or of where models come from.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import bert, cores, pooling, weights
from ragkit.encoders.recipe import Recipe
from ragkit.encoders.tokens import Tokens, clean
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Forward = Callable[[Sequence[Sequence[int]]], Array]
"""Token ids of some texts → (T, d) float32, the vector of every token, texts one after another."""

# Tokens in one batch. NumPy: 1,024 was best of 512–4,096, ONNX Runtime with a worker a core: 256 of
# 256–1,024 (activations stay in a core's cache; a group of queries goes as one); torch on a CPU:
# 4,096 of 1,024–4,096. On a GPU: large enough to keep one busy, small enough for its memory; not
# measured.
_NUMPY_BATCH = 1_024
_ONNX_BATCH = 256
_ONNX_GROUP = 512
_TORCH_BATCH = 4_096
_GPU_BATCH = 65_536
# Texts tokenised at a time, so that ids of a large job never lie in memory all at once.
_AT_ONCE = 4_096
# What an engine is compared on, and how near it has to come. Short, long, and not English; the last
# is cut by the window of many models.
_PROBES = (
    "keys",
    "How do we rotate the keys of the staging servers?",
    "Die Schlüssel werden jede Woche getauscht; 鍵は毎週交換されます。",
    "A key that was never rotated is a key that somebody else may hold by now. " * 30,
)
_LEAST_COSINE = {"fp32": 0.999999, "int8": 0.95}


def precisions(recipe: Recipe) -> tuple[str, ...]:
    """What this model can be computed in here."""
    return ("fp32", "int8") if NumpyEngine.serves(recipe) else ("fp32",)


def name_for(recipe: Recipe) -> str:
    """What computes this model on a CPU: queries, then passages where those differ."""
    return "numpy and onnxruntime" if NumpyEngine.serves(recipe) else "sentence-transformers"


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


@dataclass(frozen=True, slots=True)
class _Packed:
    """What both engines for BERT do around the forward pass: tokenise, share out, pool."""

    tokens: Tokens
    pool: pooling.Pooling
    dimension: int

    def encode(self, forward: Forward, budget: int, texts: Sequence[str], prompt: str) -> Array:
        """(n, d) float32, unit rows: one worker a core, one batch of `budget` tokens each."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            ids = self.tokens.ids(texts[start : start + _AT_ONCE], prompt)
            self._fill(vectors[start : start + _AT_ONCE], ids, forward, budget)
        return vectors

    def _fill(
        self, vectors: Array, ids: Sequence[Sequence[int]], forward: Forward, budget: int
    ) -> None:
        def work(batch: list[int]) -> None:
            sequences = [ids[i] for i in batch]
            lengths = [len(sequence) for sequence in sequences]
            vectors[batch] = pooling.unit_rows(self.pool(forward(sequences), lengths))

        jobs = list(batches([len(sequence) for sequence in ids], budget))
        if len(jobs) == 1:
            work(jobs[0])
            return
        # The workers are the process's: two calls at once share them, and none waits at the end.
        list(cores.workers().map(work, jobs))  # the list hands on what a worker raised


class NumpyEngine:
    """BERT in NumPy: nothing to import, ready in milliseconds."""

    def __init__(self, recipe: Recipe, tokens: Tokens) -> None:
        files = weights.tensors(recipe.transformer / "model.safetensors")
        self.bert = bert.Bert(recipe.config, files)
        known = len(self.bert.words)
        if tokens.vocabulary > known:
            raise ModelError(
                f"{recipe.transformer}: tokenizer.json has {tokens.vocabulary:,} tokens, the model "
                f"vectors for {known:,}: the two do not belong together, fetch the model again."
            )
        self.packed = _Packed(tokens, pooling.POOLINGS[recipe.pooling], self.bert.dimension)

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
        with cores.one_blas_thread():
            return self.packed.encode(self.bert.forward, _NUMPY_BATCH, texts, prompt)


class OnnxEngine:
    """The same model through ONNX Runtime: the fastest on a CPU, after a third of a second.

    `threads` for one batch: 1 for many texts, which get a worker a core, all of them for one text
    at a time. Before it is trusted it has to give the vectors of the NumPy engine for real texts.
    Raises ModelError where it does not, or where the runtime cannot be had.
    """

    def __init__(self, reference: NumpyEngine, precision: str, threads: int = 1) -> None:
        from ragkit.encoders import graph

        self._packed = reference.packed
        self._budget = _ONNX_BATCH if threads == 1 else _ONNX_GROUP
        self._forward = graph.forward(reference.bert, precision, threads)
        # One at a time, on this thread: workers cannot be had any more while a program ends.
        ours, theirs = (
            np.concatenate([engine.encode([probe], "") for probe in _PROBES])
            for engine in (self, reference)
        )
        nearest = np.einsum("ij,ij->i", ours, theirs)
        if not nearest.min() >= _LEAST_COSINE[precision]:  # also where it is not a number
            raise ModelError(
                f"ONNX Runtime gives other vectors than the reference for this model: cosine "
                f"{nearest.min():.5f}, expected {_LEAST_COSINE[precision]} in {precision}"
            )

    def encode(self, texts: Sequence[str], prompt: str) -> Array:
        """(n, d) float32, unit rows."""
        return self._packed.encode(self._forward, self._budget, texts, prompt)


class TorchEngine:
    """sentence-transformers, on the device it chooses. Takes seconds to import.

    A model that is a transformer with pooling gets our token ids, so that no text is tokenised
    twice; any other goes through the library's own `encode`. On a CUDA device products of matrices
    are computed in half precision, so vectors differ by some 1e-4 from those of a processor.
    """

    def __init__(self, recipe: Recipe, tokens: Tokens) -> None:
        self._model = sentence_transformer(recipe)
        self._model.max_seq_length = recipe.max_length
        self._model.eval()
        self._tokens = tokens
        self._dimension = recipe.dimension
        self._takes_ids = recipe.is_plain
        self._filler = getattr(self._model.tokenizer, "pad_token_id", None) or 0
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
            ids = self._tokens.ids(part, prompt)
            jobs = batches([len(each) for each in ids], budget)
            if self._takes_ids:
                self._fill(vectors[start : start + _AT_ONCE], ids, jobs)
                continue
            for batch in jobs:
                found = self._encode_batch([part[i] for i in batch], prompt)
                vectors[[start + i for i in batch]] = found
        return vectors

    def _fill(self, vectors: Array, ids: Sequence[list[int]], jobs: Iterable[list[int]]) -> None:
        """One batch ahead: while the device works on it, the one before is copied back."""
        waiting: tuple[list[int], Callable[[], Array]] | None = None
        for batch in jobs:
            started = self._start([ids[i] for i in batch])
            if waiting is not None:
                vectors[waiting[0]] = waiting[1]()
            waiting = batch, started
        if waiting is not None:
            vectors[waiting[0]] = waiting[1]()

    def _start(self, sequences: Sequence[list[int]]) -> Callable[[], Array]:
        """Give a batch to the device; returns what waits for its vectors, (n, d) unit rows."""
        import torch

        cuda = self.device == "cuda"
        lengths = np.array([len(each) for each in sequences])
        inside = np.arange(lengths.max()) < lengths[:, None]
        # Pinned memory is copied while the device works; other memory is not.
        both = torch.full((2, *inside.shape), self._filler, dtype=torch.long, pin_memory=cuda)
        ids, mask = both.numpy()
        ids[inside], mask[:] = np.concatenate(sequences), inside
        with torch.inference_mode(), torch.autocast(self.device, torch.float16, enabled=cuda):
            there = both.to(self._model.device, non_blocking=True)
            features = {"input_ids": there[0], "attention_mask": there[1]}
            found = self._model(features)["sentence_embedding"].float()
            found = torch.nn.functional.normalize(found, dim=1)
            here = torch.empty(found.shape, pin_memory=cuda)
            here.copy_(found, non_blocking=cuda)
        event: Any = torch.cuda.Event  # without types
        done = event() if cuda else None
        if done is not None:
            done.record()

        def arrived() -> Array:
            if done is not None:
                done.synchronize()
            vectors: Array = here.numpy()
            return vectors

        return arrived

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

    try:
        with loading_quietly():
            return SentenceTransformer(
                str(recipe.folder),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
    except Exception as error:  # whatever transformers raises for a model it cannot serve
        raise ModelError(
            f"sentence-transformers cannot load {recipe.folder} (architecture "
            f"{recipe.config.get('model_type')}): {' '.join(str(error).split())}. What serves "
            f"instead: another model, or a server that has this one, named as base_url in your "
            f"settings"
        ) from error


@contextmanager
def loading_quietly() -> Iterator[None]:
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
