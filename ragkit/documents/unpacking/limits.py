"""Limits on what one file may unpack to, in bytes, members and seconds; reads zips within them.

A small file can inflate to more than any machine has, so sizes are counted as bytes come out, and
never taken from what the file says about itself. Whatever opens a container draws on the one
`Budget` of the file. Knows zip and bytes; no format, and nothing on disk.
"""

from __future__ import annotations

import lzma
import time
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO

from ragkit.errors import DocumentError

MAX_TOTAL_BYTES = 256_000_000  # inflated, of one file with all its members
MAX_MEMBER_BYTES = 64_000_000  # inflated, of one member
MAX_RATIO = 200  # inflated to packed bytes; XML usually has 5 to 50, and 1,032 is deflate's maximum
MAX_MEMBERS = 20_000  # of one file
MAX_CHARACTERS = 20_000_000  # of text from one file, where a format can repeat itself
MAX_DEPTH = 5  # archive in mail in archive …
MAX_SECONDS = 300.0  # for one file with all its members
_MIN_BYTES_FOR_RATIO = 4_000_000  # below, no ratio does harm
_CHUNK_BYTES = 1 << 16
_ZIP_ENTRY = b"PK\x01\x02"  # opens each entry of a zip's directory

DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


class BudgetExceededError(DocumentError):
    """The budget of a whole file is used up: nothing more of it is read."""


@dataclass(slots=True)
class ByteAllowance:
    """How many bytes one file may still unpack to, whatever unpacks them."""

    remaining: int = MAX_TOTAL_BYTES


@dataclass(slots=True)
class Budget:
    """Bytes, members and seconds that one file and its members have used, and their limits."""

    members: int = 0  # so far
    allowance: ByteAllowance = field(default_factory=ByteAllowance)
    started: float = field(default_factory=time.monotonic)
    seconds: float = MAX_SECONDS
    depth: int = MAX_DEPTH

    def count_member(self) -> None:
        """Count one member. Raises BudgetExceededError at too many, or after too much time."""
        self.members += 1
        if self.members > MAX_MEMBERS:
            reason = f"the rest is not read: over {MAX_MEMBERS:,} members"
            raise BudgetExceededError(reason, kind="limit")
        self.check_time()

    def decompress(self, file: IO[bytes], packed_bytes: int, name: str) -> bytes:
        """Return all bytes of an open file that unpacks as it is read.

        `packed_bytes` is its size before, `name` what errors call it. Raises DocumentError if this
        member exceeds a limit of its own, BudgetExceededError if all members together do.
        """
        try:
            chunks = limit_chunks(self._timed_chunks(file), packed_bytes, name, self.allowance)
            return b"".join(chunks)
        except DocumentError as error:
            if self.allowance.remaining >= 0:
                raise
            size = f"{MAX_TOTAL_BYTES // 1_000_000} MB"
            reason = f"the rest is not read: over {size} when inflated"
            raise BudgetExceededError(reason, kind="limit") from error

    def _timed_chunks(self, file: IO[bytes]) -> Iterator[bytes]:
        for chunk in iter_chunks(file):
            self.check_time()
            yield chunk

    def check_time(self) -> None:
        """Raise BudgetExceededError after too much time."""
        if time.monotonic() - self.started > self.seconds:
            reason = f"the rest is not read: it took over {self.seconds:.0f} s"
            raise BudgetExceededError(reason, kind="timeout")


def limit_chunks(
    chunks: Iterable[bytes],
    packed_bytes: int,
    name: str,
    allowance: ByteAllowance,
    max_bytes: int = MAX_MEMBER_BYTES,
) -> Iterator[bytes]:
    """Yield unpacked chunks as long as they are within the limits.

    `packed_bytes` is the size they are unpacked from, `name` what errors call them. Raises
    `DocumentError` at the first chunk over `max_bytes`, `MAX_RATIO` or the allowance.
    """
    size = 0
    for chunk in chunks:
        size += len(chunk)
        allowance.remaining -= len(chunk)
        if size > max_bytes:
            raise DocumentError(
                f"{name[-60:]} inflates to over {max_bytes // 1_000_000} MB", kind="limit"
            )
        if size > max(_MIN_BYTES_FOR_RATIO, MAX_RATIO * packed_bytes):
            raise DocumentError(
                f"{name[-60:]} inflates to over {MAX_RATIO} times its size", kind="limit"
            )
        if allowance.remaining < 0:
            raise DocumentError(f"inflates to over {MAX_TOTAL_BYTES // 1_000_000} MB", kind="limit")
        yield chunk


def iter_chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of an open binary file, 64 kB at a time."""
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


@dataclass(slots=True)
class ZipPackage:
    """An open zip (an Office document, an EPUB) whose members are read within the limits."""

    archive: zipfile.ZipFile
    kind: str  # "docx", for errors
    allowance: ByteAllowance
    names: frozenset[str] = field(init=False)  # of its members
    warnings: list[str] = field(default_factory=list)  # about members that could not be read
    _members: dict[str, zipfile.ZipInfo] = field(init=False)  # by name

    def __post_init__(self) -> None:
        # Some programs separate folders with backslashes; Office opens their files.
        self._members = {info.filename.replace("\\", "/"): info for info in self.archive.infolist()}
        self.names = frozenset(self._members)

    def iter_chunks(
        self, name: str, max_bytes: int = MAX_MEMBER_BYTES
    ) -> Generator[bytes, None, None]:
        """Yield one member's content. Raises `DocumentError` if it is missing or too large."""
        if name not in self.names:
            raise DocumentError(f"damaged {self.kind}: it has no {name[-60:]}")
        info = self._members[name]
        if info.file_size > max_bytes:  # zipfile reads no further than this
            raise DocumentError(
                f"{name[-60:]} inflates to over {max_bytes // 1_000_000} MB", kind="limit"
            )
        with self.archive.open(info) as file:
            yield from limit_chunks(
                iter_chunks(file), info.compress_size, name, self.allowance, max_bytes
            )

    def read(self, name: str) -> bytes:
        """Return all of one member's content."""
        return b"".join(self.iter_chunks(name))


def has_too_many_entries(data: bytes) -> bool:
    """Whether a zip's directory has more entries than are read of any file."""
    return data.count(_ZIP_ENTRY) > MAX_MEMBERS


@contextmanager
def open_zip(
    data: bytes, kind: str, allowance: ByteAllowance | None = None
) -> Iterator[ZipPackage]:
    """Open a zip for reading; every failure inside the `with` block becomes a `DocumentError`."""
    if has_too_many_entries(data):
        raise DocumentError(f"{kind} with over {MAX_MEMBERS} members: not read", kind="limit")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            yield ZipPackage(archive, kind, allowance or ByteAllowance())
    except NotImplementedError as error:  # a compression method that Python does not know
        raise DocumentError(f"damaged {kind}: {error}") from error
    except RuntimeError as error:  # zipfile raises it where a password is needed
        raise DocumentError(f"encrypted {kind}: needs a password", kind="encrypted") from error
    except DAMAGE as error:
        detail = str(error)[:120]
        if not detail or "not a zip file" in detail:  # the directory is at the end of the file
            detail = "cut off"
        raise DocumentError(f"damaged {kind}: {detail}") from error
