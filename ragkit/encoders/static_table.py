"""Static models: a vector for each token of the vocabulary; a text's is their mean.

Contract: `StaticTable` has the interface of the forward passes in `architectures`: token ids in,
one vector per token out, here without any context. It reads the folders of model2vec and of the
module `StaticEmbedding` of sentence-transformers. Thousands of times as fast as a transformer, at
the cost of quality: docs/models.md.

https://github.com/MinishLab/model2vec; Arora et al. 2017, A Simple but Tough-to-Beat Baseline for
Sentence Embeddings, https://openreview.net/forum?id=SyK00v5xx (weighted means)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.tokenization.tokenizer import NO_TOKEN
from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"

_NAMES = ("embedding.weight", "embeddings")  # of sentence-transformers, of model2vec


class StaticTable:
    """The table in the file `path`. Raises ModelError if it has none."""

    def __init__(self, path: Path) -> None:
        tensors = safetensors_file.map_tensors(path)
        table = next((tensors[name] for name in _NAMES if name in tensors), None)
        if table is None or table.ndim != 2:
            entries, _ = safetensors_file.read_header(path)
            found = ", ".join(f"{name} {entry['dtype']}" for name, entry in entries.items())
            raise ModelError(
                f"{path} has no table of vectors in floating point; it has {found}. ragkit reads "
                f"{' or '.join(_NAMES)} in F32, F16 or BF16: save the model unquantized"
            )
        self.word_embeddings = table
        self.dimension = int(table.shape[1])
        self._weights = tensors.get("weights")
        self._rows = _read_mapping(path)

    @property
    def tokens(self) -> int:
        """The number of tokens that have a vector."""
        return len(self.word_embeddings) if self._rows is None else len(self._rows)

    def forward(
        self, sequences: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> Array:
        """Return the vector of every token, text after text: (T, d) float32. `types` is not
        used."""
        ids = np.concatenate([np.asarray(sequence, dtype=np.intp) for sequence in sequences])
        rows = ids if self._rows is None else self._rows[ids]
        vectors: Array = self.word_embeddings[rows]
        if self._weights is not None:
            vectors = vectors * self._weights[ids][:, None]
        vectors[ids == NO_TOKEN] = 0
        return vectors


def _read_mapping(path: Path) -> NDArray[np.intp] | None:
    """The row of each token, for a table in which tokens share rows; None: row i is token i's."""
    entries, start = safetensors_file.read_header(path)
    if "mapping" not in entries:
        return None
    first, last = entries["mapping"]["data_offsets"]
    kind = {"I64": "<i8", "I32": "<i4"}.get(entries["mapping"]["dtype"])
    if kind is None:
        raise ModelError(f"{path}: mapping is {entries['mapping']['dtype']}; expected I64")
    data = np.fromfile(path, kind, (last - first) // int(kind[-1]), offset=start + first)
    return data.astype(np.intp)
