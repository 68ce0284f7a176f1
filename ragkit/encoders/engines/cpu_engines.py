"""Two engines that compute vectors on a CPU: NumPy and ONNX Runtime, for the `architectures` that
ragkit knows. Other models, and any model on a GPU, are computed by `torch_engine`.

Contract: an engine turns texts, prompt included, into (n, d) float32 unit rows in the order given.
Engines that support the same model agree within 1e-5 (except int8, and half precision on a GPU).
All work in batches bounded by tokens (`token_batches`), longest texts first: memory is bounded and
little is padding. Engines are safe to share between threads. Knows neither names nor where models
come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ragkit.encoders import architectures, modules, pooling
from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.engines import cpu_threads
from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.runtime.session import Forward
from ragkit.encoders.static_table import StaticTable
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer, token_batches
from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"

# Tokens in one batch. NumPy: 1,024 was best of 512 to 4,096. ONNX Runtime with one worker per core:
# 256 of 256 to 1,024 (activations stay in a core's cache). Queries: a group is one batch.
_NUMPY_BATCH_TOKENS = 1_024
_ONNX_BULK_BATCH_TOKENS = 256
_ONNX_QUERY_BATCH_TOKENS = 512
# Texts tokenized at once: bounds the memory for token ids in a large call.
MAX_TEXTS_AT_ONCE = 4_096
# Texts on which an engine is compared with the reference, and the cosine it has to reach: short,
# long, and not English; the last one is longer than the window of many models.
_PROBES = (
    "keys",
    "How do we rotate the keys of the staging servers?",
    "Die Schlüssel werden jede Woche getauscht; 鍵は毎週交換されます。",
    "A key that was never rotated is a key that somebody else may hold by now. " * 30,
)
_MIN_COSINE = {"fp32": 0.999999, "int8": 0.95}


def supported_precisions(model_folder: ModelFolder) -> tuple[str, ...]:
    """Return the precisions in which this model can be computed: fp32, and int8 for architectures
    that ragkit computes."""
    return ("fp32", "int8") if OnnxEngine.supports(model_folder) else ("fp32",)


def engine_names(model_folder: ModelFolder) -> str:
    """Return the names of the engines that compute this model on a CPU: for queries, then for
    passages."""
    if OnnxEngine.supports(model_folder):
        return "numpy and onnxruntime"
    if model_folder.graph is not None:
        return "onnxruntime"
    return "numpy" if NumpyEngine.supports(model_folder) else "sentence-transformers"


def input_ids(
    tokenizer: ModelTokenizer,
    texts: Sequence[str],
    prompt: str,
    starts: Sequence[int] | None,
    first: int,
) -> tuple[list[list[int]], list[int]]:
    """Return the model's input for texts that are a part of a call, the `first` one counted in the
    call, and the positions in `texts` of those that the vocabulary mostly does not know.

    `starts` are those of the call; None: no text is checked.
    """
    if starts is None:
        return tokenizer.token_ids(texts, prompt), []
    return tokenizer.checked_ids(texts, prompt, starts[first : first + len(texts)])


class _PackedEncoder(NamedTuple):
    """What both engines do around the forward pass: tokenize, distribute batches, pool."""

    tokenizer: ModelTokenizer
    pool: pooling.Pooling
    after: modules.VectorFunction
    """The modules after pooling."""
    dimension: int

    def encode(
        self,
        forward: Forward,
        max_tokens: int,
        texts: Sequence[str],
        prompt: str,
        starts: Sequence[int] | None,
        *,
        of_one_length: bool = False,
    ) -> Array:
        """(n, d) float32, unit rows. One worker per core computes batches of `max_tokens`;
        `of_one_length` as in `token_batches`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for first in range(0, len(texts), MAX_TEXTS_AT_ONCE):
            part = slice(first, first + MAX_TEXTS_AT_ONCE)
            ids, unread = input_ids(self.tokenizer, texts[part], prompt, starts, first)
            lengths = [len(sequence) for sequence in ids]
            batches = list(token_batches(lengths, max_tokens, of_one_length=of_one_length))
            self._fill(vectors[part], ids, forward, batches)
            vectors[part][unread] = 0
        return vectors

    def _fill(
        self,
        vectors: Array,
        ids: Sequence[Sequence[int]],
        forward: Forward,
        batches: Sequence[list[int]],
    ) -> None:
        def encode_batch(batch: list[int]) -> None:
            sequences = [ids[i] for i in batch]
            lengths = [len(sequence) for sequence in sequences]
            pooled = self.after(self.pool(forward(sequences), lengths))
            vectors[batch] = pooling.normalize_rows(pooled)

        if len(batches) == 1:
            encode_batch(batches[0])
            return
        # Concurrent calls share the process's workers. The list raises what a worker raised.
        list(cpu_threads.worker_pool().map(encode_batch, batches))


class NumpyEngine:
    """A model in NumPy: ready in milliseconds, since nothing has to be imported. Raises ModelError
    if the files of the model do not belong together."""

    def __init__(self, model_folder: ModelFolder, tokenizer: ModelTokenizer) -> None:
        self.model: architectures.Model | StaticTable
        if model_folder.static is not None:
            self.model = StaticTable(model_folder.static)
            vectors = self.model.tokens
        else:
            path = model_folder.transformer / "model.safetensors"
            tensors = safetensors_file.map_tensors(path)
            self.model = architectures.read(model_folder.config, tensors)
            vectors = len(self.model.word_embeddings)
        if tokenizer.vocabulary_size > vectors:
            raise ModelError(
                f"{model_folder.transformer}: tokenizer.json has {tokenizer.vocabulary_size:,} "
                f"tokens, the model vectors for {vectors:,}: the two do not belong together, fetch "
                f"the model again."
            )
        self.packed = _PackedEncoder(
            tokenizer,
            pooling.POOLINGS[model_folder.pooling],
            modules.read(model_folder.after_pooling or ()),
            model_folder.dimension,
        )

    @staticmethod
    def supports(model_folder: ModelFolder) -> bool:
        """Whether this engine supports the model: a static one, or what `OnnxEngine` supports."""
        return model_folder.static is not None or OnnxEngine.supports(model_folder)

    def encode(
        self, texts: Sequence[str], prompt: str, starts: Sequence[int] | None = None
    ) -> Array:
        """Return the vectors of texts: (n, d) float32, unit rows. With `starts`, where each text
        begins behind its header, texts that the vocabulary mostly does not know get zeros."""
        with cpu_threads.one_blas_thread():
            return self.packed.encode(
                self.model.forward, _NUMPY_BATCH_TOKENS, texts, prompt, starts
            )


class OnnxEngine:
    """The same model in ONNX Runtime: the fastest on a CPU, after a third of a second of loading.

    `threads` computes one batch: 1 for bulk calls, which give a batch to each core; all cores for
    queries. The constructor compares the vectors of a few texts with those of the NumPy engine.
    Raises ModelError if they differ, or if ONNX Runtime cannot be loaded.
    """

    def __init__(self, reference: NumpyEngine, precision: str, threads: int = 1) -> None:
        if isinstance(reference.model, StaticTable):
            raise ModelError("a static model is a lookup, which NumPy computes")
        self._packed = reference.packed
        self._bulk = threads == 1
        # Attention sums up in another order next to a longer text, and rounding makes more of that.
        self._of_one_length = precision != "fp32"
        self._forward = architectures.build_forward(reference.model, precision, threads)
        # One at a time, on this thread: no worker can be started while a program ends.
        vectors, expected = (
            np.concatenate([engine.encode([probe], "") for probe in _PROBES])
            for engine in (self, reference)
        )
        cosines = np.einsum("ij,ij->i", vectors, expected)
        if not cosines.min() >= _MIN_COSINE[precision]:  # also if it is not a number
            raise ModelError(
                f"ONNX Runtime computes other vectors than the reference for this model: cosine "
                f"{cosines.min():.5f}, expected {_MIN_COSINE[precision]} in {precision}"
            )

    @staticmethod
    def supports(model_folder: ModelFolder) -> bool:
        """Whether this engine supports the model: a known architecture in one model.safetensors
        with cls, mean or max pooling, and behind it only modules that ragkit computes."""
        return (
            model_folder.after_pooling is not None
            and model_folder.static is None
            and model_folder.pooling in pooling.POOLINGS
            and architectures.is_supported(model_folder.config)
            and (model_folder.transformer / "model.safetensors").is_file()
        )

    def encode(
        self, texts: Sequence[str], prompt: str, starts: Sequence[int] | None = None
    ) -> Array:
        """Return the vectors of texts, as `NumpyEngine.encode`."""
        forward = self._forward
        if not self._bulk:
            return self._packed.encode(forward, _ONNX_QUERY_BATCH_TOKENS, texts, prompt, starts)
        with cpu_threads.one_blas_thread():  # the first layer's table is computed in NumPy
            return self._packed.encode(
                forward,
                _ONNX_BULK_BATCH_TOKENS,
                texts,
                prompt,
                starts,
                of_one_length=self._of_one_length,
            )
