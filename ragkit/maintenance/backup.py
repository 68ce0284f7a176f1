"""Backups: a complete copy of a collection, made while others read and write, and its restoration.

The database is copied by SQLite's backup API, as one snapshot, and checked completely; index files
are copied where they are intact, because they can be rebuilt. Nothing that was there before is
overwritten or deleted.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ragkit import trust
from ragkit.errors import CollectionError, UsageError
from ragkit.maintenance.new_folder import new_folder, size
from ragkit.records.maintenance import CopyReport
from ragkit.storage import collection_files
from ragkit.storage.checksums import ChecksumCache
from ragkit.storage.index_writer import INDEX_KINDS
from ragkit.storage.lock import writer_lock
from ragkit.storage.sqlite import integrity, state, transfer
from ragkit.storage.sqlite.database import FILE_NAME, Database
from ragkit.storage.sqlite.state import IndexFile
from ragkit.trust import TrustLevel

_LOG_NAME = f"{FILE_NAME}-wal"


def backup(store: Database, target: Path, *, index_files: bool = True) -> CopyReport:
    """Copy the collection of `store` to the new folder `target`, which is then a collection.

    Others may read and write the collection meanwhile; the copy has its state at the beginning.
    Without `index_files` they are left out, and rebuilt when the copy is first searched. Raises
    UsageError if `target` exists and is not an empty folder, CollectionError if the database is
    damaged, if the disk is full or if `target` cannot be written.
    """
    started = time.monotonic()
    target = target.absolute()
    _refuse_inside(store.folder, target)
    with new_folder(target, "a backup") as folder:
        with store.reading() as connection:
            transfer.copy_to(connection, folder / FILE_NAME)
            files = {kind: state.index_file(connection, kind) for kind in INDEX_KINDS}
        copied = _copy_index_files(store.folder, folder, files) if index_files else set()
        (folder / ".gitignore").write_text("*\n")
        with _opened(folder) as copy:
            collection_id = _finish(copy, copied)
            counts = _counts(copy)
        report = _report(target, counts, size(folder), started)
    if not store.is_untrusted:
        how = "adopted" if store.trust is TrustLevel.ADOPTED else "trusted"
        with contextlib.suppress(CollectionError):  # then it is adopted when it is first used
            trust.record(trust.canonical(target), collection_id, how)
    return report


def restore(source: Path, target: Path, *, force: bool = False, wait: float = 0) -> CopyReport:
    """Make the collection `target` a copy of `source`: a backup, or any copy of a collection.

    `source` is only read. A collection that is already there is kept: without `force` nothing is
    done, with `force` it is renamed, and the report names its new place. The restored collection
    counts as trusted.

    Raises UsageError if `source` has no collection or `target` is in use; CollectionError if
    `source` is damaged or newer than this version, or if `target` cannot be written; BusyError if
    another process writes to `target` for longer than `wait` seconds.
    """
    started = time.monotonic()
    source, target = source.absolute(), target.absolute()
    if source.name == FILE_NAME:
        source = source.parent
    if not collection_files.is_regular_file(source / FILE_NAME):
        raise UsageError(f"no backup at {source}: there is no {FILE_NAME} in it")
    if source.resolve() == target.resolve():
        raise UsageError(f"{source} is the collection itself; name another folder with -c DIR")
    exists = _is_in_use(target)
    if exists and not force:
        raise UsageError(
            f"there is a collection at {target}. To restore beside it: ragkit -c DIR restore …; to "
            "replace it, which renames the old folder: ragkit restore --force …"
        )
    aside = _free_name(target, "before-restore") if exists else None
    with contextlib.ExitStack() as stack:
        if aside is not None:
            stack.enter_context(writer_lock(target, "ragkit restore", wait))
        with new_folder(target, "the collection", aside) as new:
            _copy_database(source, new)
            (new / ".gitignore").write_text("*\n")
            with _opened(new) as copy:
                with copy.reading() as connection:
                    files = {kind: state.index_file(connection, kind) for kind in INDEX_KINDS}
                collection_id = _finish(copy, _copy_index_files(source, new, files))
                counts = _counts(copy)
            written = size(new)
        if aside is not None:
            (aside / "writer.json").unlink(missing_ok=True)  # of the lock that is held here
    trust.record(trust.canonical(target), collection_id, "trusted")
    report = _report(target, counts, written, started)
    return report if aside is None else replace(report, set_aside=str(aside))


def _refuse_inside(collection: Path, target: Path) -> None:
    if target.resolve().is_relative_to(collection.resolve()):
        raise UsageError(f"{target} is inside the collection; name a folder outside of it")


def _is_in_use(target: Path) -> bool:
    """Whether there is a collection. Raises UsageError for a folder of something else."""
    if os.path.lexists(target / FILE_NAME):
        return True
    if os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is not empty, and no collection; name a new folder with -c DIR")
    return False


def _free_name(path: Path, purpose: str) -> Path:
    """Return a path beside `path` that does not exist."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        suffix = "" if number == 1 else f"-{number}"
        free = path.with_name(f"{path.name}.{purpose}-{stamp}{suffix}")
        if not os.path.lexists(free):
            return free
    raise CollectionError(f"{path.parent} has too many folders that begin with {free.name}")


def _copy_database(source: Path, target: Path) -> None:
    """Copy the database file with its write-ahead log: a backup that nobody writes to."""
    names = [FILE_NAME]
    if os.path.lexists(source / _LOG_NAME):
        names.append(_LOG_NAME)
    for name in names:
        with (target / name).open("xb") as file:
            for part in collection_files.OpenFile(source / name).parts():
                file.write(part)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[Database]:
    """Open a database just copied. Raises CollectionError if it is not one of ragkit's."""
    transfer.refuse_foreign(folder / FILE_NAME)
    store = Database(folder)
    try:
        yield store
    finally:
        store.close()  # which merges the write-ahead log


def _finish(copy: Database, copied: set[str]) -> str:
    """Check a copied database; forget the index files that were not copied. Return its id."""
    with copy.reading() as connection:
        damage = [finding for finding in integrity.check(connection) if finding.is_damage]
        names = set(state.index_names(connection))
        collection_id = str(state.value(connection, "id") or "")
    if damage:
        raise CollectionError(
            f"the collection is damaged: {damage[0].message}. Repair it first with: "
            "ragkit doctor --repair"
        )
    if names - copied:
        with copy.writing() as connection:
            transfer.forget_index_files(connection, names - copied)
    return collection_id


def _copy_index_files(source: Path, target: Path, files: dict[str, IndexFile | None]) -> set[str]:
    """Copy the index files that are intact; return their names. Others are rebuilt."""
    copied = set()
    checksums = ChecksumCache(target)
    limit = checksums.size_limit()
    for kind, file in files.items():
        if file is None or not collection_files.is_index_name(file.name):
            continue
        path = target / file.name
        try:
            if kind == "words":
                path.mkdir()
                members = collection_files.members(source / file.name)
                if sum(stamp[1] for stamp in members.values()) > limit:
                    raise ValueError("it is too large for this collection")
                for name in members:
                    _copy(source / file.name / name, path / name, limit)
                checksums.verify_folder(file)
            else:
                _copy(source / file.name, path, limit)
                checksums.verify_file(kind, file)
        except (OSError, ValueError):  # deleted by a writer at this moment, or damaged
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        else:
            copied.add(file.name)
    return copied


def _copy(source: Path, target: Path, limit: int) -> None:
    """Copy a file. Raises ValueError if it has more than `limit` bytes, before copying any."""
    opened = collection_files.OpenFile(source)
    if opened.size > limit:
        raise ValueError("it is too large for this collection")
    with target.open("xb") as file:
        for part in opened.parts():
            file.write(part)


def _counts(store: Database) -> dict[str, int]:
    with store.reading() as connection:
        return transfer.counts(connection)


def _report(target: Path, counts: dict[str, int], size: int, started: float) -> CopyReport:
    return CopyReport(
        path=str(target),
        documents=counts["documents"],
        passages=counts["passages"],
        vectors=counts["vectors"],
        bytes=size,
        seconds=time.monotonic() - started,
    )
