"""Encoders: texts to unit vectors. Knows strings and arrays; no user files, documents or databases.

`Encoder` is the protocol that every layer above depends on. `resolve.load` builds an encoder from
a model name or a `ModelSpec`, `remote_encoder.RemoteEncoder` one that calls a server. Tests of the
other layers use a deterministic encoder that implements this protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]

__all__ = ["Encoder", "HeaderEncoder", "encode_with_headers"]


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

        A row of zeros means that the encoder cannot read the text: it has no cosine with anything.
        Optimized for few texts. Loads no torch if the architecture allows it. Raises ModelError.
        """

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages: (n, d) float32, unit rows. The model's passage prompt is
        added.

        A row of zeros as in `encode_queries`. Optimized for many texts. Raises ModelError.
        """


@runtime_checkable
class HeaderEncoder(Protocol):
    """An encoder that can tell a text that it cannot read although it can read its header."""

    def encode_passages_with_headers(self, texts: Sequence[str], starts: Sequence[int]) -> Vectors:
        """As `Encoder.encode_passages`; `starts` is the number of characters of each header."""

    def find_unreadable(self, texts: Sequence[str], starts: Sequence[int]) -> list[int]:
        """Return the positions of the texts for which `encode_passages_with_headers` returns
        zeros, without encoding them."""


def encode_with_headers(encoder: Encoder, texts: Sequence[str], starts: Sequence[int]) -> Vectors:
    """Return the vectors of passages: (n, d) float32, unit rows, and zeros for texts that the
    encoder cannot read.

    `texts` are header and text as they are embedded, `starts` the number of characters of each
    header. Raises ModelError.
    """
    if isinstance(encoder, HeaderEncoder):
        return encoder.encode_passages_with_headers(texts, starts)
    return encoder.encode_passages(texts)
