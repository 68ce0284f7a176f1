"""Single compressed files (gzip, bzip2, xz, zstd): bytes → the bytes they contain and their name.

The content is read, and cited by the name of the compressed file. Knows nothing about the content.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any, cast

from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError

# Suffixes that name two formats at once.
_SHORT_SUFFIXES = {".tgz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar"}
_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zst", ".zstd", ".z"})
_MAX_DICTIONARY_BYTES = 256 << 20  # of xz


def open_gzip(data: bytes) -> IO[bytes]:
    """Open gzip data for reading."""
    return cast("IO[bytes]", gzip.GzipFile(fileobj=BytesIO(data)))  # only `read` is used


def open_bzip2(data: bytes) -> IO[bytes]:
    """Open bzip2 data for reading."""
    return bz2.BZ2File(BytesIO(data))


class _StreamReader(BytesIO):
    """Reads streams of zstd or xz, one after the other, in bounded chunks.

    The libraries' own file objects let a dictionary take all memory (xz), or accept a stream that
    is cut off (zstd).
    """

    def __init__(self, data: bytes, decompressor: Callable[[], Any], step: int) -> None:
        super().__init__()
        self._data, self._offset, self._step = data, 0, step
        self._new_decompressor = decompressor
        self._current: Any = None  # a decompressor: the two libraries' share no type

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next chunk, of any size; b"" at the end. Raises EOFError if it is cut off."""
        while self._offset < len(self._data):
            packed = self._data[self._offset : self._offset + self._step]
            if self._current is None:
                if not packed.strip(b"\0"):  # padding between streams
                    self._offset += len(packed)
                    continue
                self._current = self._new_decompressor()
            chunk: bytes = self._current.decompress(packed)
            self._offset += len(packed)
            if self._current.eof:
                self._offset -= len(self._current.unused_data)
                self._current = None
            if chunk:
                return chunk
        if self._current is not None:
            raise EOFError
        return b""


def open_xz(data: bytes) -> IO[bytes]:
    """Open xz data for reading."""
    limit = _MAX_DICTIONARY_BYTES
    return _StreamReader(data, lambda: lzma.LZMADecompressor(memlimit=limit), 1 << 10)


def open_zstd(data: bytes) -> IO[bytes]:
    """Open zstd data for reading."""
    import zstandard

    context = zstandard.ZstdDecompressor(max_window_size=1 << 27)  # as the program's own default
    return _StreamReader(data, context.decompressobj, 1 << 10)


def decompress(
    data: bytes, name: str, opener: Callable[[bytes], IO[bytes]], budget: Budget
) -> tuple[bytes, str]:
    """Return the content of a compressed file and its name without the compression's suffix.

    `opener` is one of the `open_…` functions. Raises DocumentError if the data are damaged or
    larger than the budget allows.
    """
    try:
        content = budget.decompress(opener(data), len(data), inner_name(name))
    except EOFError as error:
        raise DocumentError("damaged: the compressed data ends too early") from error
    except (OSError, lzma.LZMAError, zlib.error) as error:
        raise DocumentError(f"damaged compressed data: {error}") from error
    except Exception as error:  # zstandard's own error, without importing it
        if type(error).__name__ != "ZstdError":
            raise
        raise DocumentError(f"damaged compressed data: {error}") from error
    return content, inner_name(name)


def inner_name(name: str) -> str:
    """Return `guide.md` for `guide.md.gz`, `docs.tar` for `docs.tgz`."""
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix in _SHORT_SUFFIXES and path.stem:
        return str(path.with_suffix(_SHORT_SUFFIXES[suffix]))
    return str(path.with_suffix("")) if suffix in _SUFFIXES else name
