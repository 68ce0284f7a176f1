"""Write results that other processes have read and embedded, in the order of `writer`.

`ResultWriter` does what `CollectionWriter.read_and_embed` does with the results of its own threads:
text first, which lexical search finds at once; then vectors. Each call can be repeated, because a
process may end after its call was carried out and before it heard so. The caller must hold the
writer lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.ingest.options import ReadSettings
from ragkit.ingest.reading import ReadResult
from ragkit.ingest.writer import CollectionWriter
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.passages import Pending

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ResultWriter:
    """Writes what was read and embedded elsewhere into one collection, and counts it.

    `writer.roots` must contain the roots of the files.
    """

    def __init__(self, writer: CollectionWriter, read_settings: ReadSettings) -> None:
        self.embedded = 0  # texts
        self.embedded_new = 0  # of those, of documents read in this run
        self.unreadable = 0  # texts that the encoder cannot read
        self.unreadable_new = 0
        self.tokens = 0
        self.truncated_tokens = 0
        self._writer, self._read_settings = writer, read_settings

    def save_results(self, root: str, results: Sequence[ReadResult]) -> list[Pending]:
        """Save files of one root in one commit; return their passages that have no vector yet."""
        writer = self._writer
        root_id = writer.roots[root]
        saved = writer.save_group(
            results, {id(result.task): root_id for result in results}, self._read_settings
        )
        with writer.store.reading() as connection:
            return [
                pending
                for _, document in saved
                for pending in passages.pending_in_document(connection, writer.model_id, document)
            ]

    def pending_after(self, position: tuple[int, int], limit: int) -> list[Pending]:
        """Return passages without a vector that an earlier run left: `passages.pending_after`."""
        with self._writer.store.reading() as connection:
            return passages.pending_after(connection, self._writer.model_id, position, limit)

    def save_vectors(
        self,
        hashes: Sequence[bytes],
        vectors: NDArray[np.float32],
        tokens: Sequence[int],
        *,
        window: int,
        is_new: bool,
    ) -> int:
        """Store vectors of texts: (n, d) float32, unit rows; zeros for a text that the encoder
        cannot read. Return how many texts were pending; those that were not are not counted again.

        `tokens`: of each text; `window`: of the encoder, in tokens; `is_new`: the texts are of
        documents read in this run. Raises ModelError for vectors of a wrong size.
        """
        writer = self._writer
        is_read = [bool(vector.any()) for vector in vectors]
        good = [row for row, read in enumerate(is_read) if read]
        bad = [row for row, read in enumerate(is_read) if not read]
        with writer.store.changing() as (connection, generation):
            before = connection.total_changes  # a text that has its vector is no change
            if good:
                passages.save_vectors(
                    connection, writer.model_id, generation,
                    [hashes[row] for row in good], vectors[good],
                )  # fmt: skip
            embedded = connection.total_changes - before
            passages.save_unreadable(connection, writer.model_id, (hashes[row] for row in bad))
            stored = connection.total_changes - before
        self.embedded += embedded
        self.unreadable += stored - embedded
        if is_new:
            self.embedded_new += embedded
            self.unreadable_new += stored - embedded
        if stored:
            self.tokens += sum(tokens)
            self.truncated_tokens += sum(max(0, count - window) for count in tokens)
        writer.pending = max(0, writer.pending - stored)
        return stored
