"""`SentenceEncoder`: a model behind the seam `ragkit.encoders.Encoder`.

Contract: strings in, unit rows out; safe to share between threads; nothing heavy is loaded
before it is needed. Chooses the engine, knows prompts; knows no names, files of the user,
documents or databases.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import pooling
from ragkit.encoders.engines import cpu_engines, cpu_threads
from ragkit.encoders.engines.cpu_engines import NumpyEngine, OnnxEngine
from ragkit.encoders.engines.torch_engine import TorchEngine
from ragkit.encoders.model_folder import Recipe, variant
from ragkit.encoders.pooling import LAST
from ragkit.encoders.tokenization.tokenizer import Tokens
from ragkit.errors import ModelError, UsageError

if TYPE_CHECKING:
    from ragkit.encoders.inspection.hidden_states import HiddenStates, Reader, WordVector

Array = NDArray[np.float32]

# ONNX Runtime takes a third of a second to load, in which NumPy encodes this many tokens;
# sentence-transformers takes 6–7 s, so a GPU can only win beyond so many.
_WORTH_ONNX = 4_000
_WORTH_TORCH = 40_000
_MAY_ASK_OFTEN = 2  # queries of one process
_MANY = 32  # texts at once that the engine for bulk is worth it for …
_MANY_MORE = 256  # … and where the one for queries is there already: a server needs no second
logger = logging.getLogger("ragkit")


class SentenceEncoder:
    """The model that `recipe` describes, under the name the user gave it.

    `precision` is that of passages, fp32 or int8; queries are always encoded in fp32.
    `dimensions` keeps the first so many numbers of each vector, made a unit vector again: what
    models trained for it (Kusupati et al. 2022, Matryoshka, https://arxiv.org/abs/2205.13147)
    lose little by. Raises ModelError where the model has fewer, or no engine has the precision.
    """

    def __init__(
        self, name: str, recipe: Recipe, precision: str = "fp32", dimensions: int | None = None
    ) -> None:
        if precision not in cpu_engines.precisions(recipe):
            raise ModelError(
                f"no engine computes {name} in {precision}: that takes a BERT with cls, mean or "
                f"max pooling and nothing after it, in one model.safetensors; this one is "
                f"{recipe.config.get('model_type')!r} with {recipe.pooling} pooling"
                f"{'' if recipe.is_plain else ' and steps of its own'}. Use --precision fp32"
            )
        if dimensions is not None and dimensions > recipe.dimension:
            raise ModelError(
                f"{name} makes vectors of {recipe.dimension} numbers; "
                f"--dimensions {dimensions} asks for more"
            )
        kept = None if dimensions == recipe.dimension else dimensions
        self.name = name
        self.precision = precision
        self.fingerprint = variant(recipe.fingerprint, precision, kept)
        self.dimension = dimensions or recipe.dimension
        self.recipe = recipe
        self._lock = threading.RLock()
        self._torch_engine: TorchEngine | None = None
        self._tokens_so_far = 0
        self._queries = 0

    @cached_property
    def window(self) -> int:
        """Tokens of text one input can hold beside special tokens and the longer prompt."""
        prompts = (self.recipe.query_prompt, self.recipe.passage_prompt)
        room = min(self.tokens.room(prompt) for prompt in prompts)
        if room < 1:
            raise ModelError(
                f"{self.name} reads {self.recipe.max_length} tokens at once, and its prompts "
                f"leave no room for text: {prompts}."
            )
        return room

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """(n, 2) int64: character offsets `[start, end)` of the tokens of `text`, in order, no
        special tokens, nothing truncated."""
        return self.tokens.spans(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens and prompt not counted, nothing truncated."""
        return self.tokens.count(texts)

    def encode_queries(self, texts: Sequence[str]) -> Array:
        """(n, d) float32, unit rows, with the model's query prompt. The first through NumPy where
        it serves the model: an answer before the others have finished importing."""
        if not texts:
            return self._nothing()
        few = len(texts) < (_MANY if self._ready_quick() is None else _MANY_MORE)
        bulk = not few and self.precision == "fp32"
        engine = self._bulk(texts) if bulk else self._for_queries()
        return self._kept(engine.encode(texts, self.recipe.query_prompt))

    @cached_property
    def _quick(self) -> OnnxEngine | None:
        """The engine for one query at a time, with all cores; None where there is none."""
        return self._runtime(cpu_threads.available())

    def _for_queries(self) -> NumpyEngine | OnnxEngine | TorchEngine:
        """Who asks twice may ask often: then ONNX Runtime, which encodes a short text in half the
        time on most processors, is made ready beside the queries, and answers once it is."""
        if self._numpy is None:
            return self._torch()
        if self.precision != "fp32":  # its engine rounds, and queries are not to be rounded
            return self._numpy
        self._queries += 1
        if self._queries == _MAY_ASK_OFTEN:
            threading.Thread(target=self._make_ready, name="ragkit-onnx").start()
        return self._ready_quick() or self._numpy

    def _ready_quick(self) -> OnnxEngine | None:
        ready: OnnxEngine | None = vars(self).get("_quick")
        return ready

    def _make_ready(self) -> None:
        # RuntimeError: the program ends, and nothing can be begun any more.
        with contextlib.suppress(RuntimeError), self._lock:
            _ = self._quick

    def _ready_onnx(self) -> OnnxEngine | None:
        with self._lock:
            return self._onnx

    def encode_passages(self, texts: Sequence[str]) -> Array:
        """(n, d) float32, unit rows, with the model's passage prompt."""
        if not texts:
            return self._nothing()
        return self._kept(self._bulk(texts).encode(texts, self.recipe.passage_prompt))

    def _kept(self, vectors: Array) -> Array:
        if self.dimension == self.recipe.dimension:
            return vectors
        return pooling.unit_rows(vectors[:, : self.dimension])

    def embed(
        self, texts: Sequence[str], pooling: str | None = None, layers: str | None = None
    ) -> Array:
        """(n, d) float32, unit rows, without a prompt: as the model was trained, or pooled by
        `cls`, `mean` or `max` over other layers: `last`, `-2`, `mean(-4:)`; 0 is the embeddings.

        Raises UsageError for another pooling or layer, and for a string in place of a list, which
        would be taken letter by letter; ModelError where the model is none of those whose layers
        can be read.
        """
        if isinstance(texts, str):
            raise UsageError("embed takes a list of texts; for a single one: embed([text])[0]")
        if pooling is not None or layers is not None:
            found = self._reader.embed(texts, pooling or self.recipe.pooling, layers or LAST)
            return self._kept(found)
        return self._kept(self._bulk(texts).encode(texts, "")) if texts else self._nothing()

    def embed_words(
        self, text: str, word: str, pooling: str = "mean", layers: str = LAST
    ) -> list[WordVector]:
        """One unit vector for each place where `word` stands in `text`, pooled over its pieces by
        `mean` or `max`. Whole words as written come before those in another case, and before
        those inside longer words. Raises UsageError where it does not stand there or lies beyond
        the window; ModelError as `embed`."""
        found = self._reader.embed_words(text, word, pooling, layers)
        if self.dimension == self.recipe.dimension:
            return found
        return [replace(each, vector=self._kept(each.vector[None])[0]) for each in found]

    def hidden_states(self, text: str) -> HiddenStates:
        """The tokens of `text` with every layer's vectors, (layers + 1, n, d) float32, and
        attention maps, (layers, h, n, n) float32. Raises ModelError as `embed`."""
        return self._reader.hidden_states(text)

    def unread(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text beyond what `embed` reads; 0 where it reads all."""
        room = self.tokens.room("")
        return [max(0, count - room) for count in self.tokens.count(texts)]

    @cached_property
    def _reader(self) -> Reader:
        from ragkit.encoders.inspection.hidden_states import Reader

        return Reader(self.name, self.recipe, self.tokens)

    def _nothing(self) -> Array:
        return np.empty((0, self.dimension), dtype=np.float32)

    @cached_property
    def tokens(self) -> Tokens:
        """The model's tokenizer."""
        path = self.recipe.transformer / "tokenizer.json"
        return Tokens(path, self.recipe.max_length)

    @cached_property
    def _numpy(self) -> NumpyEngine | None:
        served = NumpyEngine.serves(self.recipe)
        return NumpyEngine(self.recipe, self.tokens) if served else None

    def _torch(self) -> TorchEngine:
        with self._lock:  # seconds and gigabytes: once only
            if self._torch_engine is None:
                self._torch_engine = TorchEngine(self.recipe, self.tokens)
            return self._torch_engine

    @cached_property
    def _onnx(self) -> OnnxEngine | None:
        """The engine for bulk on a CPU; None where there is none."""
        return self._runtime(1)

    def _runtime(self, threads: int) -> OnnxEngine | None:
        """ONNX Runtime, where it serves the model, and rightly."""
        if self._numpy is None:
            return None
        try:
            return OnnxEngine(self._numpy, self.precision, threads)
        except ModelError as error:
            logger.warning("%s; going on with NumPy, which is slower", error)
            return None

    def _bulk(self, texts: Sequence[str]) -> NumpyEngine | OnnxEngine | TorchEngine:
        """The fastest engine for what has come so far and these texts: NumPy for a few, then ONNX
        Runtime (for a few the session that is there), or a GPU where there is one. Figures:
        bench/RESULTS.md."""
        if self.precision != "fp32":
            return self._int8()
        if self._numpy is None:
            return self._torch()
        if self._gpu_pays(texts):
            torch_engine = self._torch()
            if torch_engine.device != "cpu":
                return torch_engine
        there = vars(self).get("_onnx") or self._ready_quick()
        if there is not None and _tokens_about(texts) < _WORTH_ONNX:
            return there  # a server that answers questions needs no second, of 160 MB
        if self._tokens_so_far < _WORTH_ONNX:
            return self._numpy
        return self._ready_onnx() or self._numpy

    def _int8(self) -> OnnxEngine:
        engine = self._ready_onnx()
        if engine is None:
            raise ModelError(
                f"{self.name} cannot be encoded in {self.precision} here: ONNX Runtime, which "
                "that takes, does not serve it rightly. Use --precision fp32"
            )
        return engine

    def _gpu_pays(self, texts: Sequence[str]) -> bool:
        with self._lock:
            if self._tokens_so_far < _WORTH_TORCH:
                self._tokens_so_far += _tokens_about(texts)
            return self._tokens_so_far >= _WORTH_TORCH and cpu_threads.may_have_gpu()


def _tokens_about(texts: Sequence[str]) -> int:
    """Four characters a token is near enough, and costs nothing."""
    return sum(map(len, texts)) // 4
