"""Single compressed files (gzip, bzip2, xz, zstd): bytes → the bytes inside and their name.

A compressed file is its content in a wrapper: what is read is the file inside, and it is cited by
the name outside. Knows nothing of what is inside.
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

from ragkit.documents.budget import Budget
from ragkit.errors import DocumentError

# Suffixes that name two formats at once.
_SHORT = {".tgz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar"}
_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zst", ".zstd", ".z"})
_MEMORY = 256 << 20  # bytes that an xz dictionary may take


def _gzip(data: bytes) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=BytesIO(data)))  # all of it that is used here


def _bz2(data: bytes) -> IO[bytes]:
    return bz2.BZ2File(BytesIO(data))


class _Frames(BytesIO):
    """Streams of zstd or xz, one after the other, read in bounded pieces.

    The libraries' own files let a dictionary take all memory (xz), or take a stream that is cut off
    for a whole one (zstd).
    """

    def __init__(self, data: bytes, decompressor: Callable[[], Any], step: int) -> None:
        super().__init__()
        self._data, self._at, self._step = data, 0, step
        self._new = decompressor
        self._open: Any = None  # the two libraries' decompressors are alike, but share no type

    def read(self, size: int | None = -1, /) -> bytes:
        """The next piece, of whatever size; b"" at the end. Raises EOFError where it is cut off."""
        while self._at < len(self._data):
            fed = self._data[self._at : self._at + self._step]
            if self._open is None:
                if not fed.strip(b"\0"):  # padding between streams
                    self._at += len(fed)
                    continue
                self._open = self._new()
            piece: bytes = self._open.decompress(fed)
            self._at += len(fed)
            if self._open.eof:
                self._at -= len(self._open.unused_data)
                self._open = None
            if piece:
                return piece
        if self._open is not None:
            raise EOFError
        return b""


def _xz(data: bytes) -> IO[bytes]:
    return _Frames(data, lambda: lzma.LZMADecompressor(memlimit=_MEMORY), 1 << 10)


def _zstd(data: bytes) -> IO[bytes]:
    import zstandard

    context = zstandard.ZstdDecompressor(max_window_size=1 << 27)  # as the program's own default
    return _Frames(data, context.decompressobj, 1 << 10)


OPENERS: dict[str, Callable[[bytes], IO[bytes]]] = {
    "application/gzip": _gzip,
    "application/x-bzip2": _bz2,
    "application/x-xz": _xz,
    "application/zstd": _zstd,
}


def inflate(data: bytes, name: str, media_type: str, budget: Budget) -> tuple[bytes, str]:
    """The content of a compressed file and the name it has without its suffix.

    Raises DocumentError where it is damaged or larger than the budget allows.
    """
    try:
        content = budget.inflate(OPENERS[media_type](data), len(data), inner_name(name))
    except EOFError as error:
        raise DocumentError("damaged: the compressed data ends too early") from error
    except (OSError, lzma.LZMAError, zlib.error) as error:
        raise DocumentError(f"damaged compressed data: {error}") from error
    except Exception as error:  # zstandard's own, which only it can name
        if type(error).__name__ != "ZstdError":
            raise
        raise DocumentError(f"damaged compressed data: {error}") from error
    return content, inner_name(name)


def inner_name(name: str) -> str:
    """`guide.md` for `guide.md.gz`, `docs.tar` for `docs.tgz`."""
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix in _SHORT and path.stem:
        return str(path.with_suffix(_SHORT[suffix]))
    return str(path.with_suffix("")) if suffix in _SUFFIXES else name
