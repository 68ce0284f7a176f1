"""Two ways to compute a BERT's vectors on a processor: NumPy and ONNX Runtime. For other models,
and for a GPU, there is `torchengine`.

Contract: an engine turns texts, prompt included, into (n, d) float32 unit rows in the order
given; where several serve a model they agree within 1e-5 (but for int8, which says so, and for
half precision on a GPU). All work in batches of about equal lengths, longest first, bounded by
tokens rather than texts: memory is bounded, little or nothing is padding, and a batch too large for
memory fails at once, not after an hour. Engines are safe to share between threads. Knows nothing of
names or of where models come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import pooling
from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.engines import cpu_threads
from ragkit.encoders.engines.batching import token_batches
from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Forward = Callable[[Sequence[Sequence[int]]], Array]
"""Token ids of some texts → (T, d) float32, the vector of every token, texts one after another."""

# Tokens in one batch. NumPy: 1,024 was best of 512–4,096, ONNX Runtime with a worker a core: 256 of
# 256–1,024 (activations stay in a core's cache; a group of queries goes as one).
_NUMPY_BATCH = 1_024
_ONNX_BATCH = 256
_ONNX_GROUP = 512
# Texts tokenised at a time, so that ids of a large job never lie in memory all at once.
MAX_TEXTS_AT_ONCE = 4_096
# What an engine is compared on, and how near it has to come. Short, long, and not English; the last
# is cut by the window of many models.
_PROBES = (
    "keys",
    "How do we rotate the keys of the staging servers?",
    "Die Schlüssel werden jede Woche getauscht; 鍵は毎週交換されます。",
    "A key that was never rotated is a key that somebody else may hold by now. " * 30,
)
_MIN_COSINE = {"fp32": 0.999999, "int8": 0.95}


def supported_precisions(model_folder: ModelFolder) -> tuple[str, ...]:
    """What this model can be computed in here."""
    return ("fp32", "int8") if NumpyEngine.supports(model_folder) else ("fp32",)


def engine_names(model_folder: ModelFolder) -> str:
    """What computes this model on a CPU: queries, then passages where those differ."""
    return (
        "numpy and onnxruntime" if NumpyEngine.supports(model_folder) else "sentence-transformers"
    )


@dataclass(frozen=True, slots=True)
class _Packed:
    """What both engines for BERT do around the forward pass: tokenise, share out, pool."""

    tokens: ModelTokenizer
    pool: pooling.Pooling
    dimension: int

    def encode(self, forward: Forward, budget: int, texts: Sequence[str], prompt: str) -> Array:
        """(n, d) float32, unit rows: one worker a core, one batch of `budget` tokens each."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), MAX_TEXTS_AT_ONCE):
            ids = self.tokens.ids(texts[start : start + MAX_TEXTS_AT_ONCE], prompt)
            self._fill(vectors[start : start + MAX_TEXTS_AT_ONCE], ids, forward, budget)
        return vectors

    def _fill(
        self, vectors: Array, ids: Sequence[Sequence[int]], forward: Forward, budget: int
    ) -> None:
        def work(batch: list[int]) -> None:
            sequences = [ids[i] for i in batch]
            lengths = [len(sequence) for sequence in sequences]
            vectors[batch] = pooling.normalize_rows(self.pool(forward(sequences), lengths))

        jobs = list(token_batches([len(sequence) for sequence in ids], budget))
        if len(jobs) == 1:
            work(jobs[0])
            return
        # The workers are the process's: two calls at once share them, and none waits at the end.
        list(cpu_threads.workers().map(work, jobs))  # the list hands on what a worker raised


class NumpyEngine:
    """BERT in NumPy: nothing to import, ready in milliseconds."""

    def __init__(self, model_folder: ModelFolder, tokens: ModelTokenizer) -> None:
        files = safetensors_file.tensors(model_folder.transformer / "model.safetensors")
        self.bert = bert_model.Bert(model_folder.config, files)
        known = len(self.bert.words)
        if tokens.vocabulary > known:
            raise ModelError(
                f"{model_folder.transformer}: tokenizer.json has {tokens.vocabulary:,} tokens, the model "
                f"vectors for {known:,}: the two do not belong together, fetch the model again."
            )
        self.packed = _Packed(tokens, pooling.POOLINGS[model_folder.pooling], self.bert.dimension)

    @staticmethod
    def supports(model_folder: ModelFolder) -> bool:
        """Whether this engine computes the whole of the recipe."""
        return (
            model_folder.is_plain
            and model_folder.pooling in pooling.POOLINGS
            and bert_model.supported(model_folder.config)
            and (model_folder.transformer / "model.safetensors").is_file()
        )

    def encode(self, texts: Sequence[str], prompt: str) -> Array:
        """(n, d) float32, unit rows."""
        with cpu_threads.one_blas_thread():
            return self.packed.encode(self.bert.forward, _NUMPY_BATCH, texts, prompt)


class OnnxEngine:
    """The same model through ONNX Runtime: the fastest on a CPU, after a third of a second.

    `threads` for one batch: 1 for many texts, which get a worker a core, all of them for one text
    at a time. Before it is trusted it has to give the vectors of the NumPy engine for real texts.
    Raises ModelError where it does not, or where the runtime cannot be had.
    """

    def __init__(self, reference: NumpyEngine, precision: str, threads: int = 1) -> None:
        from ragkit.encoders.bert import onnx_session

        self._packed = reference.packed
        self._bulk = threads == 1
        self._forward = onnx_session.forward(reference.bert, precision, threads)
        # One at a time, on this thread: workers cannot be had any more while a program ends.
        ours, theirs = (
            np.concatenate([engine.encode([probe], "") for probe in _PROBES])
            for engine in (self, reference)
        )
        nearest = np.einsum("ij,ij->i", ours, theirs)
        if not nearest.min() >= _MIN_COSINE[precision]:  # also where it is not a number
            raise ModelError(
                f"ONNX Runtime gives other vectors than the reference for this model: cosine "
                f"{nearest.min():.5f}, expected {_MIN_COSINE[precision]} in {precision}"
            )

    def encode(self, texts: Sequence[str], prompt: str) -> Array:
        """(n, d) float32, unit rows."""
        if not self._bulk:
            return self._packed.encode(self._forward, _ONNX_GROUP, texts, prompt)
        with cpu_threads.one_blas_thread():  # what the first layer looks up is computed in NumPy
            return self._packed.encode(self._forward, _ONNX_BATCH, texts, prompt)
