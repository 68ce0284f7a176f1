"""Publish a sharded collection: the files of each shard, then the manifest.

A shard is published by whoever writes it, the manifest by one process, when all shards are there.
Every step can be repeated: a file has the name of its content, so it is written once. Knows no
documents.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ragkit.analysis.language import text_language
from ragkit.errors import CollectionError
from ragkit.storage.collection_files import members
from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.shards import cache
from ragkit.storage.shards.location import ShardLocation, file_digest
from ragkit.storage.shards.manifest import (
    DATABASE_NAME,
    FILE_NAME,
    PREVIOUS_NAME,
    STATISTICS_NAME,
    TERMS_NAME,
    EncoderEntry,
    Manifest,
    ShardEntry,
    ShardFile,
    parse_shard,
    to_json,
)
from ragkit.storage.sqlite import changes, documents, passages, state, transfer
from ragkit.storage.sqlite.database import SCHEMA_VERSION, Database
from ragkit.storage.sqlite.sharding import term_counts
from ragkit.storage.sqlite.sharding.same_rows import have_same_rows

_NOTE = "published.json"  # in a working copy: what of it was published last
_TEMPORARY = ".tmp-publish-"


def publish_shard(
    store: Database, number: int, location: ShardLocation, generation: int
) -> ShardEntry:
    """Publish the working copy of a shard; return its entry for the manifest of `generation`.

    The caller holds the writer lock of the working copy, and its index files are up to date.
    Nothing is written if it has not changed since it was published there. Raises CollectionError.
    """
    for left in store.folder.glob(f"{_TEMPORARY}*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    store.checkpoint()
    stamp = _stamp(store)
    note = _published(store, location)
    if note is not None and note.stamp == stamp:
        return note.entry
    with contextlib.ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=store.folder)))  # fmt: skip
            entry = _publish(store, number, location, folder, None if note is None else note.entry)
            _note(store.folder, location, stamp, entry, generation)
            return entry
        except OSError as error:
            raise CollectionError(
                f"cannot publish shard {number} from {store.folder}: {error.strerror or error}"
            ) from error


def _publish(
    store: Database, number: int, location: ShardLocation, folder: Path, before: ShardEntry | None
) -> ShardEntry:
    """`before`: the entry of the working copy when it was published last, if that is still there;
    it is returned if the working copy has the same content."""
    copy = folder / DATABASE_NAME
    with store.reading() as connection:
        transfer.copy_snapshot(connection, copy)
        names = state.index_names(connection)
        model = passages.model(connection)
        counts = (
            documents.document_count(connection),
            passages.count(connection),
            0 if model is None else passages.count_with_vector(connection, model["id"]),
        )
        words = _words(store, connection)
    terms = folder / TERMS_NAME
    with terms.open("w", encoding="utf-8") as file:
        for row in words.frequencies():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    sources = {DATABASE_NAME: copy, TERMS_NAME: terms}
    for name in names:
        path = store.folder / name
        if path.is_dir():
            sources |= {f"{name}/{member}": path / member for member in members(path)}
        else:
            sources[name] = path
    files = tuple(
        ShardFile(name, path.stat().st_size, file_digest(path)) for name, path in sources.items()
    )
    entry = ShardEntry(number, files, *counts, words.statistics.counted, words.tokens())
    if before is not None and _has_same_content(location, before, entry, copy):
        return before
    for published in files:
        location.put(sources[published.name], published)
    return entry


def _has_same_content(
    location: ShardLocation, before: ShardEntry, entry: ShardEntry, database: Path
) -> bool:
    """Whether two entries of a shard differ by nothing but the bytes of their databases: a run that
    changes nothing may count a generation there, or note the state of an index file."""
    if replace(before, files=()) != replace(entry, files=()):
        return False
    files = {file.name: file for file in before.files}
    database_before = files.pop(DATABASE_NAME)
    if files != {file.name: file for file in entry.files if file.name != DATABASE_NAME}:
        return False
    path = database.with_name("before.db")
    try:
        location.get(database_before, path)
    except (CollectionError, OSError):
        return False  # it is published again
    return have_same_rows(path, database)


def _words(store: Database, connection: sqlite3.Connection) -> LexicalIndex:
    """Return the lexical index of the working copy, as it is published."""
    file = state.index_file(connection, "words")
    if file is not None and (store.folder / file.name).is_dir():
        return LexicalIndex.open(store.folder / file.name, file.generation)
    rows = changes.texts_since(connection, 0, text_language)
    return LexicalIndex.in_memory(rows, state.generation(connection))


def _stamp(store: Database) -> list[int]:
    """Return what changes with every commit. One that a reader keeps from being merged into the
    database is in its write-ahead log."""
    status = store.path.stat()
    stamp = [status.st_ino, status.st_size, status.st_mtime_ns]
    with contextlib.suppress(FileNotFoundError):
        log = store.path.with_name(f"{DATABASE_NAME}-wal").stat()
        if log.st_size:
            stamp += [log.st_size, log.st_mtime_ns]
    return stamp


def _published(store: Database, location: ShardLocation) -> _Note | None:
    """Return what of the working copy was published last, if all of it is still there."""
    note = _read_note(store.folder)
    if note is None or note.address != location.address:
        return None
    return note if all(location.has(file) for file in note.entry.files) else None


@dataclass(frozen=True, slots=True)
class _Note:
    """What of a working copy was published last, where, and for which generation."""

    stamp: list[int]
    address: str
    generation: int
    entry: ShardEntry


def _read_note(folder: Path) -> _Note | None:
    try:
        note = json.loads((folder / _NOTE).read_bytes())
        return _Note(
            note["stamp"], note["address"], int(note["generation"]), parse_shard(note["entry"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def is_ahead(folder: Path, manifest: Manifest, number: int) -> bool:
    """Whether the working copy in `folder` goes on from the published shard: it was published in
    this generation, or changed since. False if another machine has published a newer one."""
    note = _read_note(folder)
    if note is None:
        return False
    is_same = number < len(manifest.shards) and manifest.shards[number].digest == note.entry.digest
    return is_same or manifest.generation < note.generation


def is_older(folder: Path, manifest: Manifest) -> bool:
    """Whether the working copy of a shard that the manifest does not have is one of an earlier
    generation, which had more shards."""
    note = _read_note(folder)
    return note is not None and note.generation <= manifest.generation


def _note(
    folder: Path, location: ShardLocation, stamp: list[int], entry: ShardEntry, generation: int
) -> None:
    record = {
        "stamp": stamp,
        "address": location.address,
        "generation": generation,
        "entry": asdict(entry),
    }
    temporary = folder / f".tmp-{os.getpid()}-{_NOTE}"
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(record), encoding="utf-8")
        temporary.replace(folder / _NOTE)


def next_manifest(
    before: Manifest | None, entries: Sequence[ShardEntry], encoder: EncoderEntry | None
) -> Manifest:
    """Return the manifest of the next generation, without its statistics and calibration."""
    return Manifest(
        id=uuid.uuid4().hex if before is None else before.id,
        generation=1 if before is None else before.generation + 1,
        schema=SCHEMA_VERSION,
        encoder=encoder,
        shards=tuple(sorted(entries, key=lambda entry: entry.number)),
    )


def publish_statistics(
    location: ShardLocation,
    entries: Iterable[ShardEntry],
    newer: Iterable[tuple[int, int]] = (),
) -> ShardFile:
    """Publish the sums of the terms of all shards; return the file for the manifest. `newer`: pairs
    of a document and a newer version of it. Raises CollectionError."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="ragkit-") as name,
            contextlib.ExitStack() as opened,
        ):
            parts = []
            for entry in entries:
                file = next(file for file in entry.files if file.name == TERMS_NAME)
                target = Path(name, str(entry.number))
                cache.fetch_terms(location, file, target)
                lines = opened.enter_context(target.open(encoding="utf-8"))
                parts.append(_frequencies(lines))
            path = Path(name, STATISTICS_NAME)
            term_counts.write(path, parts, newer)
            published = ShardFile(STATISTICS_NAME, path.stat().st_size, file_digest(path))
            location.put(path, published)
            return published
    except OSError as error:
        raise CollectionError(
            f"cannot publish the statistics of {location.address}: {error.strerror or error}"
        ) from error


def _frequencies(lines: Iterable[str]) -> Iterator[term_counts.Frequency]:
    for line in lines:
        field, term, count = json.loads(line)
        yield field, term, count


def publish_manifest(location: ShardLocation, manifest: Manifest) -> None:
    """Make a generation the current one, when all of its files are there; delete the files that
    neither it nor the generation before names. Raises CollectionError; also if somebody else has
    published since the generation was prepared."""
    before = cache.read_manifest(location)
    if manifest.generation != (1 if before is None else before.generation + 1) or (
        before is not None and before.id != manifest.id
    ):
        raise CollectionError(
            f"another process has published generation {before.generation if before else 0} of "
            f"{location.address} meanwhile; nothing is published. Run the same command again"
        )
    missing = [file.name for file in manifest.all_files() if not location.has(file)]
    if missing:
        raise CollectionError(
            f"{location.address}: {missing[0]} of generation {manifest.generation} is not there "
            f"({len(missing)} files are missing); nothing is published. Run the same command again"
        )
    if before is not None:
        location.write(PREVIOUS_NAME, to_json(before))
    location.write(FILE_NAME, to_json(manifest))
    delete_unused(location, [manifest] if before is None else [manifest, before])


def delete_unused(location: ShardLocation, manifests: Iterable[Manifest]) -> None:
    """Delete the published files that none of these generations names."""
    kept = {file.sha256 for manifest in manifests for file in manifest.all_files()}
    for name in location.stored_names():
        if name not in kept:
            location.delete(name)


def restore_working_copy(
    location: ShardLocation, manifest: Manifest, number: int, folder: Path
) -> None:
    """Make the working copy of a shard from the published one, on a machine that has none.

    Raises CollectionError as `cache.fetch_shard`.
    """
    published = cache.fetch_shard(location, manifest, number)
    temporary = folder.with_name(f".tmp-{os.getpid()}-{folder.name}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(published, temporary)  # not links: a working copy is written to
        # So that it counts as one that goes on from this generation, also if this run is killed.
        _note(temporary, location, [], manifest.shards[number], manifest.generation)
        temporary.rename(folder)
    except OSError as error:
        raise CollectionError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
