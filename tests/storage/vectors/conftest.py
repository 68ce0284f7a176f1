"""Random unit vectors, and a flat vector file of them."""

import numpy as np

from ragkit.storage.vectors import flat_file
from ragkit.storage.vectors.flat_file import FlatFile


def unit_rows(count, dimension=16, seed=0):
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def as_rows(ids, matrix):
    return [(int(i), row.tobytes()) for i, row in zip(ids, matrix, strict=True)]


def write_flat_file(folder, ids, rows):
    """Write a file of these vectors and open it."""
    path = folder / "vectors-x-1.faiss"
    assert flat_file.write(path, as_rows(ids, rows), rows.shape[1]) == len(rows)
    return FlatFile(path, rows.shape[1])
