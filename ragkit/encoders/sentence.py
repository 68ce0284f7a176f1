"""`SentenceEncoder`: a model behind the seam `ragkit.encoders.Encoder`.

Contract: strings in, unit rows out; safe to share between threads; nothing heavy is loaded
before it is needed. Chooses the engine, knows prompts; knows no names, files of the user,
documents or databases.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import cores, engines, pooling
from ragkit.encoders.engines import NumpyEngine, TorchEngine
from ragkit.encoders.recipe import Recipe, variant
from ragkit.encoders.tokens import Tokens
from ragkit.errors import ModelError

Array = NDArray[np.float32]

# Importing sentence-transformers takes 6–7 s, in which NumPy encodes this many tokens: a GPU
# can only win beyond them.
_WORTH_TORCH = 20_000


class SentenceEncoder:
    """The model that `recipe` describes, under the name the user gave it.

    `dimensions` keeps the first so many numbers of each vector, made a unit vector again: what
    models trained for it (Kusupati et al. 2022, Matryoshka, https://arxiv.org/abs/2205.13147)
    lose little by. Raises ModelError where the model has fewer, or no engine has the precision.
    """

    def __init__(
        self, name: str, recipe: Recipe, precision: str = "fp32", dimensions: int | None = None
    ) -> None:
        if precision not in engines.precisions(recipe):
            raise ModelError(
                f"no engine computes {name} in {precision}; it can be had in: "
                f"{', '.join(engines.precisions(recipe))}"
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
        """(n, d) float32, unit rows, with the model's query prompt. NumPy where it serves the
        model: an answer before the others have finished importing."""
        if not texts:
            return self._nothing()
        engine = self._numpy or self._torch()
        return self._kept(engine.encode(texts, self.recipe.query_prompt))

    def encode_passages(self, texts: Sequence[str]) -> Array:
        """(n, d) float32, unit rows, with the model's passage prompt."""
        if not texts:
            return self._nothing()
        return self._kept(self._bulk(texts).encode(texts, self.recipe.passage_prompt))

    def _kept(self, vectors: Array) -> Array:
        if self.dimension == self.recipe.dimension:
            return vectors
        return pooling.unit_rows(vectors[:, : self.dimension])

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

    def _bulk(self, texts: Sequence[str]) -> NumpyEngine | TorchEngine:
        """The faster engine for what has come so far and these texts.

        On a CPU that is NumPy for any size where it serves the model. On two cores, passages of
        132 tokens: 4,300–4,500 tokens/s, sentence-transformers with the same batches 5,100 on
        a quiet machine and 2,600 on a shared one, after 6–7 s of imports and with 500 MB more.
        """
        if self._numpy is None:
            return self._torch()
        if not self._gpu_pays(texts):
            return self._numpy
        torch_engine = self._torch()
        return self._numpy if torch_engine.device == "cpu" else torch_engine

    def _gpu_pays(self, texts: Sequence[str]) -> bool:
        if not cores.may_have_gpu():
            return False
        with self._lock:
            if self._tokens_so_far < _WORTH_TORCH:
                # Four characters a token is near enough, and costs nothing.
                self._tokens_so_far += sum(len(text) for text in texts) // 4
            return self._tokens_so_far >= _WORTH_TORCH
