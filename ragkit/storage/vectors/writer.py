"""Writes the vector files of a collection: the exact vectors, and codes where they are many.

The writer's lock must be held. Knows the database and both kinds of files; nothing of searching.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ragkit.storage.atomic_files import facts, sealed
from ragkit.storage.sqlite import changes, passages
from ragkit.storage.sqlite.changes import IndexFile
from ragkit.storage.sqlite.database import generation
from ragkit.storage.vectors import flat_file, quantized
from ragkit.storage.vectors.flat_file import Matrix
from ragkit.storage.vectors.index import FOLD_AT, READ_AT_MOST


def good_enough(
    folder: Path, connection: sqlite3.Connection, file: IndexFile | None, model_id: int
) -> bool:
    """Whether what came after this vector file is few enough to be read at every opening."""
    if file is None or file.model_id != model_id or not (folder / file.name).exists():
        return False
    if file.generation == generation(connection):
        return True
    came, gone = changes.changes_since(connection, model_id, file.generation)
    return came <= READ_AT_MOST and came + gone <= FOLD_AT * passages.count(connection)


def written(folder: Path, connection: sqlite3.Connection, model: sqlite3.Row) -> IndexFile:
    """A new file of all vectors of this model, as of this snapshot."""
    now = generation(connection)
    name = f"vectors-{model['fingerprint'][:12]}-{now}.faiss"
    rows = changes.vectors_since(connection, model["id"], 0)
    flat_file.write(folder / name, rows, model["dimension"])
    return IndexFile(name, now, sealed(folder / name), model["id"])


def with_codes(
    folder: Path, exact: IndexFile, known: IndexFile | None, dimension: int, count: int
) -> IndexFile | None:
    """New codes of this vector file, where they are many and `known` are not theirs."""
    if quantized.kind(count, dimension) is None or _belong(folder, known, exact):
        return None
    base = Matrix(folder / exact.name, dimension)
    if (kind := quantized.kind(len(base), dimension)) is None:
        return None
    name = exact.name.removesuffix(".faiss") + ".codes"
    found = quantized.write(folder / name, base, kind)
    seal = sealed(folder / name, **found._asdict())
    return IndexFile(name, exact.generation, seal, exact.model_id)


def _belong(folder: Path, known: IndexFile | None, exact: IndexFile) -> bool:
    if known is None or not (folder / known.name).exists():
        return False
    if (known.generation, known.model_id) != (exact.generation, exact.model_id):
        return False
    return quantized.is_current(quantized.calibration(facts(known.checksum)))
