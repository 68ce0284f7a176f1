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

from ragkit.encoders import cores
from ragkit.encoders.engines import NumpyEngine, TorchEngine
from ragkit.encoders.pooling import LAST
from ragkit.encoders.recipe import Recipe
from ragkit.encoders.states import HiddenStates, Reader, WordVector
from ragkit.encoders.tokens import Tokens
from ragkit.errors import ModelError

Array = NDArray[np.float32]

# Importing sentence-transformers takes 6–7 s, in which NumPy encodes this many tokens: a GPU
# can only win beyond them.
_WORTH_TORCH = 20_000


class SentenceEncoder:
    """The model that `recipe` describes, under the name the user gave it."""

    def __init__(self, name: str, recipe: Recipe) -> None:
        self.name = name
        self.fingerprint = recipe.fingerprint
        self.dimension = recipe.dimension
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
        return engine.encode(texts, self.recipe.query_prompt)

    def encode_passages(self, texts: Sequence[str]) -> Array:
        """(n, d) float32, unit rows, with the model's passage prompt."""
        if not texts:
            return self._nothing()
        return self._bulk(texts).encode(texts, self.recipe.passage_prompt)

    def embed(
        self, texts: Sequence[str], pooling: str | None = None, layers: str | None = None
    ) -> Array:
        """(n, d) float32, unit rows, without a prompt: as the model was trained, or pooled by
        `cls`, `mean` or `max` over other layers: `last`, `-2`, `mean(-4:)`; 0 is the embeddings.

        Raises UsageError for another pooling or layer; ModelError where the model is none of
        those whose layers can be read.
        """
        if pooling is not None or layers is not None:
            return self._reader.embed(texts, pooling or self.recipe.pooling, layers or LAST)
        return self._bulk(texts).encode(texts, "") if texts else self._nothing()

    def embed_words(
        self, text: str, word: str, pooling: str = "mean", layers: str = LAST
    ) -> list[WordVector]:
        """One unit vector for each place where `word` stands in `text`, pooled over its pieces by
        `mean` or `max`. Whole words as written come before those in another case, and before
        those inside longer words. Raises UsageError where it does not stand there or lies beyond
        the window; ModelError as `embed`."""
        return self._reader.embed_words(text, word, pooling, layers)

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
