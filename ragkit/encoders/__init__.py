"""Encoders: texts to unit vectors. Knows strings and arrays; no user files, documents or databases.

`Encoder` is the protocol that every layer above depends on. `resolve.load` builds an encoder from
a model name or a `ModelSpec`, `remote_encoder.RemoteEncoder` one that calls a server. Tests of the
other layers use a deterministic encoder that implements this protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]

__all__ = ["Encoder"]


class Encoder(Protocol):
    """What the rest of ragkit asks of a model. Implementations are safe to call from threads."""

    @property
    def name(self) -> str:
        """The name the user gave, or the default's: `all-MiniLM-L6-v2`."""

    @property
    def fingerprint(self) -> str:
        """Hex digest of weights, tokenizer, pooling, prompts, window, precision and dimensions:
        equal, equal vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def window(self) -> int:
        """Tokens of text one input can hold, special tokens and prompt already taken off."""

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """Where the tokens of `text` lie: (n, 2) int64, character offsets `[start, end)`, in
        order, no special tokens, nothing truncated."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens and prompt not counted, nothing truncated."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, unit rows, with the model's query prompt. Loads no torch where the
        architecture allows it: made for one text at a time."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, unit rows, with the model's passage prompt: made for many texts."""
