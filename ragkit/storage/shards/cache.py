"""Published shards on the local disk: one folder for each content, verified when it is fetched.

The folder of a shard is an ordinary collection that is only read. It is in the user's cache, so it
may be deleted at any time. Knows no databases.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from ragkit import user_dirs
from ragkit.errors import CollectionError
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.shards.manifest import (
    FILE_NAME,
    MAX_BYTES,
    PREVIOUS_NAME,
    TERMS_NAME,
    Manifest,
    ShardFile,
    parse,
)


def read_manifest(location: ShardLocation, name: str = FILE_NAME) -> Manifest | None:
    """Return the manifest at a location; None if there is none. Raises CollectionError."""
    data = location.read(name, MAX_BYTES)
    return None if data is None else parse(data, f"{location.address.rstrip('/')}/{name}")


def is_sharded(folder: str | Path) -> bool:
    """Whether there is a sharded collection in a local folder. One system call."""
    return os.path.lexists(os.path.join(folder, FILE_NAME))  # noqa: PTH118 (every opening asks)


_ABANDONED = 86_400  # seconds after which a folder that was being fetched is deleted


def cache_folder(collection_id: str) -> Path:
    """Return the folder of the fetched files of a collection."""
    return user_dirs.cache() / "shards" / collection_id


def fetch_shard(location: ShardLocation, manifest: Manifest, number: int) -> Path:
    """Return the local folder of a published shard; fetch and verify it if it is not there. What
    is fetched of old generations is deleted then.

    Raises CollectionError if a file is missing, damaged or cannot be reached, or if the disk is
    full.
    """
    entry = manifest.shards[number]
    folder = cache_folder(manifest.id) / entry.digest
    if folder.is_dir():
        return folder
    delete_unused(location, manifest)
    files = [file for file in entry.files if file.name != TERMS_NAME]
    _fetch(location, folder, files, f"shard {number}")
    return folder


def fetch_statistics(location: ShardLocation, manifest: Manifest) -> Path | None:
    """Return the local file of the collection's statistics; None if it has none. Raises as
    `fetch_shard`."""
    file = manifest.statistics
    if file is None:
        return None
    folder = cache_folder(manifest.id) / file.sha256
    if not folder.is_dir():
        _fetch(location, folder, [file], "the statistics")
    return folder / file.name


def fetch_terms(location: ShardLocation, file: ShardFile, target: Path) -> None:
    """Fetch the terms of a shard to the new file `target`. Raises as `fetch_shard`."""
    location.get(file, target)


def delete_unused(location: ShardLocation, manifest: Manifest) -> None:
    """Delete what is fetched of other generations than this one, the current one and the one
    before, unless a process has it open (`hold`)."""
    with contextlib.suppress(CollectionError, OSError):
        kept = {shard.digest for shard in manifest.shards}
        current, previous = read_manifest(location), read_manifest(location, PREVIOUS_NAME)
        for each in (manifest, current, previous):
            if each is not None:
                kept |= {shard.digest for shard in each.shards}
                kept |= {each.statistics.sha256} if each.statistics else set()
        for folder in cache_folder(manifest.id).iterdir():
            if folder.name in kept:
                continue
            if folder.name.startswith(".tmp-"):  # another process may be fetching it
                if time.time() - folder.lstat().st_mtime > _ABANDONED:
                    shutil.rmtree(folder, ignore_errors=True)
            elif (descriptor := hold(folder, exclusive=True)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)


def hold(folder: Path, *, exclusive: bool = False) -> int | None:
    """Keep other processes from deleting a folder until the returned descriptor is closed; None
    where another process holds it, or there are no such locks. `exclusive`: nobody has it open."""
    try:
        import fcntl
    except ImportError:  # Windows, which deletes no open file
        return os.open(os.devnull, os.O_RDONLY) if exclusive else None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _fetch(location: ShardLocation, folder: Path, files: list[ShardFile], what: str) -> None:
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Not of a fixed name: threads and processes may fetch the same shard at the same time.
        temporary = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder.parent))
        for file in files:
            target = temporary / file.name
            target.parent.mkdir(exist_ok=True)
            location.get(file, target)
        with contextlib.suppress(FileExistsError):
            try:
                temporary.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster
                    raise
    except CollectionError as error:
        raise CollectionError(f"{location.address}: {what}: {error}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CollectionError(
            f"{location.address}: {what} cannot be kept in {folder.parent}: {reason}. Name another "
            "cache folder with RAGKIT_CACHE_DIR"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
