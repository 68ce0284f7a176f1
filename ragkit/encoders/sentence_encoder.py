"""`SentenceEncoder`: a local model that implements the protocol `ragkit.encoders.Encoder`.

Contract: strings in, unit rows out; safe to share between threads; nothing heavy is loaded before
it is needed. Loads engines as `engines.selector` selects them, and adds the model's prompts. Knows
neither how models are found nor user files, documents or databases.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import pooling
from ragkit.encoders.engines import cpu_engines, cpu_threads
from ragkit.encoders.engines.cpu_engines import NumpyEngine, OnnxEngine
from ragkit.encoders.engines.selector import QUERIES_BEFORE_SESSION, EngineName, EngineSelector
from ragkit.encoders.engines.torch_engine import TorchEngine
from ragkit.encoders.model_folder import ModelFolder, variant_fingerprint
from ragkit.encoders.pooling import LAST_LAYER
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError, UsageError

if TYPE_CHECKING:
    from ragkit.encoders.inspection.hidden_states import BertInspector, HiddenStates, WordVector

Array = NDArray[np.float32]
Engine: TypeAlias = NumpyEngine | OnnxEngine | TorchEngine

_CHARACTERS_PER_TOKEN = 4  # an estimate that costs nothing
logger = logging.getLogger("ragkit")


class SentenceEncoder:
    """The model in `model_folder`, under the name that the user gave it.

    `precision` is that of passages, fp32 or int8; queries are always encoded in fp32.
    `dimensions` keeps the first numbers of each vector and scales it to unit length again; models
    trained for it lose little (Kusupati et al. 2022, Matryoshka Representation Learning,
    https://arxiv.org/abs/2205.13147). Raises ModelError if the model has fewer dimensions, or if
    no engine computes it in `precision`.
    """

    def __init__(
        self,
        name: str,
        model_folder: ModelFolder,
        precision: str = "fp32",
        dimensions: int | None = None,
    ) -> None:
        if precision not in cpu_engines.supported_precisions(model_folder):
            raise ModelError(
                f"no engine computes {name} in {precision}: that takes a BERT with cls, mean or "
                f"max pooling and nothing after it, in one model.safetensors; this one is "
                f"{model_folder.config.get('model_type')!r} with {model_folder.pooling} pooling"
                f"{'' if model_folder.is_plain else ' and modules of its own'}. "
                "Use --precision fp32"
            )
        if dimensions is not None and dimensions > model_folder.dimension:
            raise ModelError(
                f"{name} makes vectors of {model_folder.dimension} numbers; "
                f"--dimensions {dimensions} asks for more"
            )
        kept = None if dimensions == model_folder.dimension else dimensions
        self.name = name
        self.precision = precision
        self.fingerprint = variant_fingerprint(model_folder.fingerprint, precision, kept)
        self.dimension = dimensions or model_folder.dimension
        self.model_folder = model_folder
        self._selector = EngineSelector(
            precision, numpy_supported=NumpyEngine.supports(model_folder)
        )
        self._engines: dict[EngineName, Engine | None] = {}
        """The engines loaded so far; None for one that does not compute this model correctly."""
        self._loading = threading.RLock()

    @cached_property
    def window(self) -> int:
        """Tokens of text that one input can hold beside special tokens and the longer prompt."""
        prompts = (self.model_folder.query_prompt, self.model_folder.passage_prompt)
        room = min(self.tokenizer.max_text_tokens(prompt) for prompt in prompts)
        if room < 1:
            raise ModelError(
                f"{self.name} reads {self.model_folder.max_length} tokens at once, and its prompts "
                f"leave no room for text: {prompts}."
            )
        return room

    @cached_property
    def tokenizer(self) -> ModelTokenizer:
        """The model's tokenizer."""
        path = self.model_folder.transformer / "tokenizer.json"
        return ModelTokenizer(path, self.model_folder.max_length)

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """(n, 2) int64: character offsets `[start, end)` of the tokens of `text`, in order, no
        special tokens, nothing truncated."""
        return self.tokenizer.token_spans(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens and prompt not counted, nothing truncated."""
        return self.tokenizer.count_tokens(texts)

    def count_truncated_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text beyond those that `embed` reads; 0 for a text read to its end."""
        room = self.tokenizer.max_text_tokens("")
        return [max(0, count - room) for count in self.tokenizer.count_tokens(texts)]

    def encode_queries(self, texts: Sequence[str]) -> Array:
        """(n, d) float32, unit rows, with the model's query prompt. NumPy encodes the first query
        of a process if it supports the model: no other engine has to be imported first."""
        if not texts:
            return self._no_vectors()
        if self._selector.is_bulk(len(texts), self._loaded()):
            engine = self._bulk_engine(texts)
        else:
            engine = self._query_engine()
        return self._truncate(engine.encode(texts, self.model_folder.query_prompt))

    def encode_passages(self, texts: Sequence[str]) -> Array:
        """(n, d) float32, unit rows, with the model's passage prompt."""
        if not texts:
            return self._no_vectors()
        engine = self._bulk_engine(texts)
        return self._truncate(engine.encode(texts, self.model_folder.passage_prompt))

    def embed(
        self, texts: Sequence[str], pooling: str | None = None, layers: str | None = None
    ) -> Array:
        """(n, d) float32, unit rows, without a prompt: as the model was trained, or pooled by
        `cls`, `mean` or `max` over other layers: `last`, `-2`, `mean(-4:)`; 0 is the embeddings.

        Raises UsageError for an unknown pooling or layer, and for a string instead of a list,
        whose characters would be taken as texts; ModelError if the layers of the model cannot be
        read.
        """
        if isinstance(texts, str):
            raise UsageError("embed takes a list of texts; for a single one: embed([text])[0]")
        if pooling is not None or layers is not None:
            how = pooling or self.model_folder.pooling
            return self._truncate(self._inspector.embed(texts, how, layers or LAST_LAYER))
        if not texts:
            return self._no_vectors()
        return self._truncate(self._bulk_engine(texts).encode(texts, ""))

    def embed_words(
        self, text: str, word: str, pooling: str = "mean", layers: str = LAST_LAYER
    ) -> list[WordVector]:
        """One unit vector for each occurrence of `word` in `text`, pooled over its tokens by
        `mean` or `max`. If the word occurs as written, only those occurrences count; else those in
        another case; else those inside longer words. Raises UsageError if it does not occur or
        only beyond the window; ModelError as `embed`."""
        words = self._inspector.embed_words(text, word, pooling, layers)
        if self.dimension == self.model_folder.dimension:
            return words
        return [replace(word, vector=self._truncate(word.vector[None])[0]) for word in words]

    def hidden_states(self, text: str) -> HiddenStates:
        """The tokens of `text` with the vectors of every layer, (layers + 1, n, d) float32, and
        the attention maps, (layers, heads, n, n) float32. Raises ModelError as `embed`."""
        return self._inspector.hidden_states(text)

    @cached_property
    def _inspector(self) -> BertInspector:
        from ragkit.encoders.inspection.hidden_states import BertInspector

        return BertInspector(self.name, self.model_folder, self.tokenizer)

    def _no_vectors(self) -> Array:
        return np.empty((0, self.dimension), dtype=np.float32)

    def _truncate(self, vectors: Array) -> Array:
        """The first `dimension` numbers of each vector, unit rows again."""
        if self.dimension == self.model_folder.dimension:
            return vectors
        return pooling.normalize_rows(vectors[:, : self.dimension])

    def _query_engine(self) -> Engine:
        """The engine for a few queries. The second query of a process starts loading ONNX Runtime
        in the background: it encodes a short text in half NumPy's time on most processors."""
        selector = self._selector
        if selector.has_query_session and selector.count_query() == QUERIES_BEFORE_SESSION:
            threading.Thread(target=self._load_query_session, name="ragkit-onnx").start()
        return self._first_available(selector.query_engines(self._loaded()))

    def _bulk_engine(self, texts: Sequence[str]) -> Engine:
        """The engine for these texts as a bulk call."""
        tokens = sum(map(len, texts)) // _CHARACTERS_PER_TOKEN
        self._selector.count_tokens(tokens)
        has_gpu = cpu_threads.has_gpu_driver()
        return self._first_available(
            self._selector.bulk_engines(tokens, self._loaded(), has_gpu=has_gpu)
        )

    def _loaded(self) -> set[EngineName]:
        return {name for name, engine in self._engines.copy().items() if engine is not None}

    def _first_available(self, names: Iterable[EngineName]) -> Engine:
        for name in names:
            if (engine := self._load(name)) is not None:
                return engine
        raise ModelError(
            f"{self.name} cannot be encoded in {self.precision} here: ONNX Runtime, which int8 "
            "needs, does not compute it correctly. Use --precision fp32"
        )

    def _load(self, name: EngineName) -> Engine | None:
        """The engine of this name, loaded on first use; None if it is not available."""
        if name == "torch_gpu":
            engine = self._load("torch")
            return engine if isinstance(engine, TorchEngine) and engine.device != "cpu" else None
        if name in self._engines:
            return self._engines[name]
        with self._loading:  # seconds and gigabytes: only once
            if name not in self._engines:
                self._engines[name] = self._create(name)
            return self._engines[name]

    def _create(self, name: EngineName) -> Engine | None:
        if name == "torch":
            return TorchEngine(self.model_folder, self.tokenizer)
        if name == "numpy":
            return NumpyEngine(self.model_folder, self.tokenizer)
        reference = self._load("numpy")
        assert isinstance(reference, NumpyEngine)  # noqa: S101 - the table has no other row
        threads = 1 if name == "onnx_bulk" else cpu_threads.available_cores()
        try:
            return OnnxEngine(reference, self.precision, threads)
        except ModelError as error:
            logger.warning("%s; going on with NumPy, which is slower", error)
            return None

    def _load_query_session(self) -> None:
        # RuntimeError: the program ends, and no thread can be started any more.
        with contextlib.suppress(RuntimeError):
            self._load("onnx_query")
