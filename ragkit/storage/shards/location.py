"""Where a sharded collection is published: a local or shared folder, or object storage.

An address with "://" is opened by fsspec, which is imported only for it. A file is written under
its content's name and appears complete or not at all. Knows bytes and names, no manifests.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import CollectionError, UnavailableError
from ragkit.storage.atomic_files import create_file, fsync_folder, new_file
from ragkit.storage.collection_files import OpenFile

if TYPE_CHECKING:
    from ragkit.storage.shards.manifest import ShardFile

FILES = "files"  # the folder of the files that are named by their content
_PART = 1 << 20  # bytes read at a time


def is_remote(address: str | Path) -> bool:
    """Whether an address is one of fsspec, such as s3://bucket/handbook, not the path of a folder.
    Protocols may be chained: dir::s3://bucket/handbook."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.:-]*://", str(address)) is not None


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a regular file, 64 hexadecimal digits. Raises OSError, ValueError."""
    digest = sha256()
    for part in OpenFile(path).parts():
        digest.update(part)
    return digest.hexdigest()


class ShardLocation:
    """The place of one sharded collection. `address`: as the user wrote it."""

    def __init__(self, address: str | Path) -> None:
        """Raises UnavailableError if the package that opens the address is not installed,
        CollectionError for an address that cannot be opened."""
        self.address = str(address)
        self.folder = None if is_remote(address) else Path(address).expanduser().absolute()
        self._files: Any = None
        self._root = ""
        if self.folder is None:
            try:
                import fsspec  # type: ignore[import-untyped]
            except ImportError as error:
                raise UnavailableError(
                    f"{self.address} needs the package fsspec: pip install fsspec"
                ) from error
            try:
                self._files, self._root = fsspec.core.url_to_fs(self.address)
            except ImportError as error:  # it names the package of the protocol
                raise UnavailableError(f"cannot open {self.address}: {error}") from error
            except Exception as error:  # each protocol has errors of its own
                raise self._unreachable(error) from error

    def read(self, name: str, limit: int) -> bytes | None:
        """Return the content of a small file; None if there is none. Raises CollectionError."""
        try:
            if self.folder is not None:
                return OpenFile(self.folder / name).read_up_to(limit)
            # Not by `open`, which asks for the size: some file systems remember an old one.
            data: bytes = self._files.cat_file(self._path(name), start=0, end=limit + 1)
            if len(data) > limit:
                raise ValueError(f"it is larger than {limit:,} bytes")
            return data
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise CollectionError(f"{self.address}/{name}: {error}") from error
        except CollectionError:
            raise
        except Exception as error:
            raise self._unreachable(error) from error

    def write(self, name: str, data: bytes) -> None:
        """Write a small file in one step. Raises CollectionError."""
        with self._as_collection_error():
            if self.folder is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
                with new_file(self.folder / name) as file:
                    file.write(data)
            else:
                self._in_folder(lambda path: self._files.pipe_file(path, data), name)

    def has(self, file: ShardFile) -> bool:
        """Whether the file of this content is there, with its size."""
        try:
            if self.folder is not None:
                return (self.folder / FILES / file.sha256).lstat().st_size == file.bytes
            return bool(self._files.info(self._path(FILES, file.sha256))["size"] == file.bytes)
        except FileNotFoundError:
            return False
        except Exception as error:
            raise self._unreachable(error) from error

    def put(self, source: Path, file: ShardFile) -> None:
        """Publish a local file under the name of its content, unless it is there. It is copied:
        readers may link to the published one. Raises CollectionError."""
        if self.has(file):
            return
        with self._as_collection_error():
            if self.folder is None:
                self._in_folder(
                    lambda path: self._files.put_file(str(source), path), FILES, file.sha256
                )
                return
            target = self.folder / FILES / file.sha256
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".tmp-{os.getpid()}-{file.sha256}")
            try:
                shutil.copyfile(source, temporary)
                with temporary.open("r+b") as opened:
                    os.fsync(opened.fileno())
                temporary.replace(target)
                fsync_folder(target.parent)
            finally:
                temporary.unlink(missing_ok=True)

    def get(self, file: ShardFile, target: Path) -> None:
        """Make the new local file `target` of a published file, and verify it.

        Raises CollectionError if the file is missing, has another content or cannot be reached;
        then there is no `target`.
        """
        name = f"{FILES}/{file.sha256}"
        try:
            with self._as_collection_error():
                if self.folder is not None:
                    link_or_copy(self.folder / name, target)
                else:
                    with (
                        self._files.open(self._path(name), "rb") as source,
                        create_file(target) as copied,
                    ):
                        shutil.copyfileobj(source, copied, _PART)
            found = target.lstat().st_size
            if found != file.bytes or file_digest(target) != file.sha256:
                raise CollectionError(
                    f"{self.address}/{name} ({file.name}) is damaged: its checksum is not that of "
                    "the manifest. Delete it, and publish the collection again where it was made: "
                    "ragkit index"
                )
        except FileNotFoundError as error:
            raise CollectionError(
                f"{self.address}/{name} ({file.name}) is missing. Publish the collection again "
                "where it was made: ragkit index"
            ) from error
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def stored_names(self) -> list[str]:
        """Return the names in the folder of files, those of interrupted runs included."""
        try:
            if self.folder is not None:
                return [entry.name for entry in (self.folder / FILES).iterdir()]
            return [str(path).rpartition("/")[2] for path in self._files.ls(
                self._path(FILES), detail=False)]  # fmt: skip
        except FileNotFoundError:
            return []
        except Exception as error:
            raise self._unreachable(error) from error

    def delete(self, name: str) -> None:
        """Delete a file in the folder of files; one that is not there counts as deleted."""
        with contextlib.suppress(OSError):
            if self.folder is not None:
                (self.folder / FILES / name).unlink(missing_ok=True)
            else:
                self._files.rm_file(self._path(FILES, name))

    def _in_folder(self, write: Callable[[str], object], *names: str) -> None:
        """Write a file. Its folder is made where the file system has folders: object storage has
        none, and would be asked in vain."""
        path = self._path(*names)
        try:
            write(path)
        except FileNotFoundError:
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            write(path)

    def _path(self, *names: str) -> str:
        return "/".join((self._root.rstrip("/"), *names))

    @contextlib.contextmanager
    def _as_collection_error(self) -> Iterator[None]:
        try:
            yield
        except (CollectionError, FileNotFoundError, ValueError):
            raise
        except Exception as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> CollectionError:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return CollectionError(
            f"cannot reach {self.address}: {reason}. Check the address and your access to it"
        )


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file that never changes, or copy it where that is not possible. Raises OSError;
    ValueError if `source` is not a regular file."""
    opened = OpenFile(source)
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        with create_file(target) as file:
            for part in opened.parts():
                file.write(part)
