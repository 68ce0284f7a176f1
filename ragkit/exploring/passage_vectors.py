"""The vectors of all different texts of a collection, with the passages that each belongs to."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import passages


@dataclass(frozen=True, slots=True, eq=False)
class PassageVectors:
    """n different texts that have a vector, by ascending id of their first passage."""

    ids: NDArray[np.int64]  # (n,) of the first passage with this text
    vectors: NDArray[np.float32]  # (n, d), unit rows
    copies: tuple[tuple[int, ...], ...]  # the ids of all passages with this text, ascending


def read_vectors(connection: sqlite3.Connection, indexes: IndexReader) -> PassageVectors | None:
    """Return the vectors of this snapshot; None if the collection has no model yet."""
    index = indexes.vectors(connection)
    if index is None:
        return None
    same: dict[bytes, list[int]] = defaultdict(list)
    for row in passages.place_rows(connection):
        same[row.hash].append(row.id)
    copies = {ids[0]: tuple(ids) for ids in same.values()}
    first = np.fromiter(sorted(copies), dtype=np.int64, count=len(copies))
    ids, vectors = index.vectors_of(first)
    order = np.argsort(ids)
    ids = ids[order]
    return PassageVectors(
        ids, np.ascontiguousarray(vectors[order]), tuple(copies[id_] for id_ in ids.tolist())
    )
