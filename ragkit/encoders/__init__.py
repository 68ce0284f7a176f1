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
    """A text-embedding model. Implementations are safe to call from threads."""

    @property
    def name(self) -> str:
        """The model's name, as the user gave it or the default: `all-MiniLM-L6-v2`."""

    @property
    def fingerprint(self) -> str:
        """Hex digest of weights, tokenizer, pooling, prompts, window, precision and dimensions.
        Equal fingerprints mean equal vectors."""

    @property
    def dimension(self) -> int:
        """The number of dimensions of a vector."""

    @property
    def window(self) -> int:
        """Maximum tokens of a text, without special tokens and prompt; the rest is truncated."""

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """Return the character offsets `[start, end)` of the tokens of `text`: (n, 2) int64, in
        order, without special tokens, not truncated."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens and prompt, not
        truncated."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of queries: (n, d) float32, unit rows. The model's query prompt is
        added.

        Optimized for few texts. Loads no torch if the architecture allows it. Raises ModelError.
        """

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages: (n, d) float32, unit rows. The model's passage prompt is
        added.

        Optimized for many texts. Raises ModelError.
        """
