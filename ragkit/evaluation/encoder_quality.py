"""The quality of one encoder on self-made questions: exact cosines with its stored vectors.

Unlike a search it does not need the encoder to be that of the collection, so the old and the new
one are measured in the same way before a migration switches. Knows no index files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ragkit.evaluation.beir import DEPTH
from ragkit.evaluation.self_questions import SelfQuestion
from ragkit.evaluation.self_run import JudgedQuery, ModeResult, evaluate_questions
from ragkit.storage.sqlite.changes import texts_since, vectors_since
from ragkit.storage.sqlite.question_sources import FoundPassage, found_passages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.encoders import Encoder

_BLOCK = 16_384  # vectors that are compared at once


def measure_encoder(
    connection: sqlite3.Connection,
    model_id: int,
    encoder: Encoder,
    questions: Sequence[SelfQuestion],
    judged: Sequence[JudgedQuery],
) -> ModeResult:
    """Return the measures of dense search with the vectors that are stored for this model.

    Raises ModelError if the encoder fails, UnavailableError where ir-measures is missing.
    """

    def search(texts: Sequence[str], mode: str) -> list[list[FoundPassage]]:
        ranked = rank_exactly(connection, model_id, encoder.encode_queries(texts), DEPTH)
        return _found(connection, ranked)

    return evaluate_questions(questions, judged, search, "dense", "dense")


def measure_unstored(
    connection: sqlite3.Connection, encoder: Encoder, questions: Sequence[SelfQuestion]
) -> ModeResult:
    """Return the measures as `measure_encoder` does, for an encoder without stored vectors: all
    passages are embedded, and their vectors are forgotten. For fast encoders.

    Raises ModelError if the encoder fails, UnavailableError where ir-measures is missing.
    """

    def blocks() -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        rows = texts_since(connection, 0)
        while block := list(islice(rows, _BLOCK)):
            ids = np.array([passage_id for passage_id, _, _ in block], dtype=np.int64)
            yield ids, encoder.encode_passages([text for _, text, _ in block])

    def search(texts: Sequence[str], mode: str) -> list[list[FoundPassage]]:
        ranked = _rank(blocks(), encoder.encode_queries(texts), DEPTH)
        return _found(connection, ranked)

    return evaluate_questions(questions, [], search, "dense", "dense")


def rank_exactly(
    connection: sqlite3.Connection, model_id: int, queries: NDArray[np.float32], k: int
) -> list[list[tuple[int, float]]]:
    """Return ids and cosines of the k passages nearest to each query, best first; equal ones by
    ascending id. `queries`: (n, d) float32, unit rows. Reads all vectors once, in blocks."""
    return _rank(_blocks(connection, model_id), queries, k)


def _found(
    connection: sqlite3.Connection, ranked: Sequence[Sequence[tuple[int, float]]]
) -> list[list[FoundPassage]]:
    ids = [[passage_id for passage_id, _ in ranking] for ranking in ranked]
    known = found_passages(connection, sorted({each for ranking in ids for each in ranking}))
    return [[known[each] for each in ranking if each in known] for ranking in ids]


def _rank(
    blocks: Iterable[tuple[NDArray[np.int64], NDArray[np.float32]]],
    queries: NDArray[np.float32],
    k: int,
) -> list[list[tuple[int, float]]]:
    ids = np.empty((len(queries), 0), dtype=np.int64)
    scores = np.empty((len(queries), 0), dtype=np.float32)
    for block_ids, vectors in blocks:
        ids = np.hstack([ids, np.broadcast_to(block_ids, (len(queries), len(block_ids)))])
        scores = np.hstack([scores, queries @ vectors.T])
        order = np.lexsort((ids, -scores), axis=1)[:, :k]
        ids = np.take_along_axis(ids, order, axis=1)
        scores = np.take_along_axis(scores, order, axis=1)
    is_readable = [bool(query.any()) for query in queries]
    return [
        list(zip(row.tolist(), cosines.tolist(), strict=True)) if readable else []
        for row, cosines, readable in zip(ids, scores, is_readable, strict=True)
    ]


def _blocks(
    connection: sqlite3.Connection, model_id: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    rows = vectors_since(connection, model_id, 0)
    while block := list(islice(rows, _BLOCK)):
        ids = np.array([passage_id for passage_id, _ in block], dtype=np.int64)
        yield ids, np.stack([np.frombuffer(blob, dtype="<f4") for _, blob in block])
