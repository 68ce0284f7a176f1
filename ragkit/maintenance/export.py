"""Exports: a collection as JSON lines and NumPy arrays, for other programs, and back again.

An export is a folder with one JSONL file for each table, `vectors-<model>.npy` (n, d) float32 with
`vectors-<model>.jsonl` (the key of each row), and `manifest.json`. docs/storage.md describes the
fields. Exporting and importing give the same collection, passage ids included. Both stream: memory
does not grow with the collection. An export may come from somebody else: it is checked like any
input, and nothing in it is a program.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ragkit import trust
from ragkit.errors import CollectionError, UsageError
from ragkit.maintenance.new_folder import new_folder, size
from ragkit.records.maintenance import CopyReport
from ragkit.storage.checksums import ChecksumCache
from ragkit.storage.collection_files import is_regular_file
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.sqlite import integrity, state, transfer
from ragkit.storage.sqlite.database import SCHEMA_VERSION, Database
from ragkit.version import __version__

MANIFEST = "manifest.json"
FORMAT, FORMAT_VERSION = "ragkit-export", 1
_MAX_MANIFEST = 10_000_000  # bytes
_MAX_LINE = 1_000_000_000  # bytes of one document with its text
_BLOCK = 4096  # vectors read at a time
# What a line that no export has may cause, as opposed to a full disk.
_INVALID = (
    ValueError, TypeError, OverflowError, RecursionError, sqlite3.IntegrityError,
    sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError,
)  # fmt: skip


def export(store: Database, target: Path) -> CopyReport:
    """Write the collection of `store` to the new folder `target`, while others may write to it.

    Raises UsageError if `target` exists and is not an empty folder, CollectionError if the
    database is damaged or `target` cannot be written.
    """
    started = time.monotonic()
    with new_folder(target, "an export") as folder, store.reading() as connection:
        damage = [finding for finding in integrity.check(connection) if finding.is_damage]
        if damage:
            raise CollectionError(
                f"the collection is damaged: {damage[0].message}. Repair it first with: "
                "ragkit doctor --repair"
            )
        counts = transfer.counts(connection)
        for table in transfer.TABLES:
            _write_lines(folder / f"{table}.jsonl", transfer.rows(connection, table))
        for model_id, dimension in transfer.model_dimensions(connection).items():
            _write_vectors(folder, connection, model_id, dimension)
        manifest = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "ragkit": __version__,
            "schema": SCHEMA_VERSION,
            "counts": counts,
            "collection": transfer.settings_of(connection),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        written = size(folder)
    return _report(target, counts, written, started)


def import_export(source: Path, target: Path) -> CopyReport:
    """Make a new collection at `target` from an export. It has an id of its own.

    It counts as trusted. Raises UsageError if `source` is no complete export, if a line or an array
    of it is not valid, or if there is something at `target`; CollectionError if `target` cannot be
    written.
    """
    started = time.monotonic()
    source = source.absolute()
    manifest = _read_manifest(source)
    with new_folder(target, "the collection") as folder:
        store = Database(folder, create=True)
        try:
            _fill(store, source, manifest)
            _check(store, source, manifest)
            writer = IndexWriter(store, ChecksumCache(folder))
            writer.update_lexical()
            writer.update_vectors()
            with store.reading() as connection:
                counts = transfer.counts(connection)
                collection_id = str(state.value(connection, "id") or "")
        finally:
            store.close()
        written = size(folder)
    with contextlib.suppress(CollectionError):  # then it is adopted when it is first used
        trust.record(trust.canonical(target.absolute()), collection_id, "trusted")
    return _report(target, counts, written, started)


def _write_lines(path: Path, rows: Iterable[transfer.Row]) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_vectors(
    folder: Path, connection: sqlite3.Connection, model_id: int, dimension: int
) -> None:
    count = transfer.count_vectors(connection, model_id)
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, dimension)}
    with (
        (folder / f"vectors-{model_id}.npy").open("xb") as array,
        (folder / f"vectors-{model_id}.jsonl").open("x", encoding="utf-8") as keys,
    ):
        np.lib.format.write_array_header_1_0(array, header)
        for row, vector in transfer.vector_rows(connection, model_id):
            array.write(vector)
            keys.write(json.dumps(row) + "\n")


def _read_manifest(source: Path) -> dict[str, Any]:
    path = source / MANIFEST
    if not is_regular_file(path):
        raise UsageError(f"no export at {source}: there is no {MANIFEST} in it")
    try:
        with path.open("rb") as file:
            manifest = json.loads(file.read(_MAX_MANIFEST))
        if manifest["format"] != FORMAT:
            raise ValueError(f"format is {manifest['format']!r}; expected {FORMAT!r}")
        if manifest["version"] != FORMAT_VERSION or manifest["schema"] > SCHEMA_VERSION:
            raise UsageError(
                f"{source} was exported by ragkit {manifest.get('ragkit')}, which is newer. "
                "Upgrade with: pip install --upgrade ragkit-search"
            )
        if not isinstance(manifest["counts"], dict) or not isinstance(manifest["collection"], dict):
            raise ValueError("counts and collection are not objects")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} is not the manifest of an export: {error}") from error
    return dict(manifest)


def _fill(store: Database, source: Path, manifest: dict[str, Any]) -> None:
    for table in transfer.TABLES:
        if manifest["schema"] < transfer.SINCE_SCHEMA.get(table, 0):
            manifest["counts"].setdefault(table, 0)
            continue
        with store.writing() as connection, _lines(source / f"{table}.jsonl") as lines:
            transfer.insert_rows(connection, table, lines)
    with store.reading() as connection:
        dimensions = transfer.model_dimensions(connection)
    for model_id, dimension in dimensions.items():
        array = source / f"vectors-{model_id}.npy"
        with (
            store.writing() as connection,
            _lines(source / f"vectors-{model_id}.jsonl") as keys,
            _array_rows(array, dimension) as vectors,
        ):
            transfer.insert_vectors(connection, model_id, zip(keys, vectors, strict=True))
    with store.writing() as connection, _as_usage_error(source / MANIFEST, [0]):
        transfer.set_settings(connection, manifest["collection"])


def _check(store: Database, source: Path, manifest: dict[str, Any]) -> None:
    with store.reading() as connection:
        counts = transfer.counts(connection)
        damage = [finding for finding in integrity.check(connection) if finding.is_damage]
    if counts != manifest["counts"]:
        wrong = next(
            name
            for name in {**counts, **manifest["counts"]}
            if counts.get(name) != manifest["counts"].get(name)
        )
        raise UsageError(
            f"{source} is not complete: it has {counts.get(wrong)} {wrong}, its {MANIFEST} says "
            f"{manifest['counts'].get(wrong)}"
        )
    if damage:
        raise UsageError(f"{source} is damaged: {damage[0].message}")


@contextlib.contextmanager
def _lines(path: Path) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield the objects of a JSONL file; errors about one name its line."""
    number = [0]
    with _as_usage_error(path, number):
        if not is_regular_file(path):
            raise ValueError("is missing, or not a regular file")
        with path.open("rb") as file:
            yield _objects(file, number)


def _objects(file: BinaryIO, number: list[int]) -> Iterator[dict[str, Any]]:
    while line := file.readline(_MAX_LINE):
        number[0] += 1
        if not line.endswith(b"\n"):
            raise ValueError("ends in the middle of a line")
        value = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError("is not a JSON object")
        yield value


@contextlib.contextmanager
def _as_usage_error(path: Path, number: list[int]) -> Iterator[None]:
    """Raise what is wrong with a file as a UsageError that names file and line."""
    try:
        yield
    except _INVALID as error:
        place = f"{path}, line {number[0]}" if number[0] else str(path)
        raise UsageError(f"{place}: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _array_rows(path: Path, dimension: int) -> Iterator[Iterator[bytes]]:
    """Yield the rows of a .npy file as float32 bytes. No pickle: only the header is parsed, which
    NumPy does as a literal, and the numbers are read."""
    with _as_usage_error(path, [0]):
        if not is_regular_file(path):
            raise ValueError("is missing, or not a regular file")
        with path.open("rb") as file:
            count = _read_header(file, dimension)
            yield _blocks(file, count, dimension)
            if file.read(1):
                raise ValueError("has more rows than its header says")


def _read_header(file: BinaryIO, dimension: int) -> int:
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"is of version {version} of the format; expected (1, 0)")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype != np.dtype("<f4") or fortran_order or len(shape) != 2 or shape[1] != dimension:
        raise ValueError(f"is {shape} {dtype}; expected (n, {dimension}) float32")
    return int(shape[0])


def _blocks(file: BinaryIO, count: int, dimension: int) -> Iterator[bytes]:
    width = 4 * dimension
    for first in range(0, count, _BLOCK):
        rows = min(_BLOCK, count - first)
        data = file.read(rows * width)
        if len(data) != rows * width:
            raise ValueError(f"is cut off: it has fewer than {count} rows")
        for start in range(0, len(data), width):
            yield data[start : start + width]


def _report(target: Path, counts: dict[str, int], size: int, started: float) -> CopyReport:
    return CopyReport(
        path=str(target.absolute()),
        documents=counts["documents"],
        passages=counts["passages"],
        vectors=counts["vectors"],
        bytes=size,
        seconds=time.monotonic() - started,
    )
