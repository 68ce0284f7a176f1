"""Hits to a cited answer: by a language model, or of the sources' own sentences.

Knows hits and callables; no store, no encoder, no files. `ChatModel` is the seam to a language
model, `Lens` all that is known of the question and of the language of the documents.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.records.answers import Usage

__all__ = ["ChatModel", "Lens", "Message"]

Message: TypeAlias = Mapping[str, str]  # role (system, user or assistant) and content


class ChatModel(Protocol):
    """A language model. Implementations are safe to call from threads."""

    @property
    def name(self) -> str:
        """What it is called, as in `Answer.model`."""

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together that it can hold."""

    def generate(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, Usage | None]:
        """What it says to these messages, piece by piece; at the end what it counted, if it did.

        Closing the generator ends the request. Raises ModelError where it cannot be used.
        """


@dataclass(frozen=True, slots=True)
class Lens:
    """A question, and how near texts are to it: in meaning and in words."""

    question: str
    vector: NDArray[np.float32]  # (d,) of the question, of unit length
    encode: Callable[[Sequence[str]], NDArray[np.float32]]  # texts to (n, d), unit rows
    terms: Callable[[str], list[str]]  # the words of a text, folded and stemmed, each once
    rarity: Callable[[str], float]  # of such a word: its inverse document frequency
    parts: Sequence[NDArray[np.float32]] = ()  # (d,) each: of its sentences, where it has several
