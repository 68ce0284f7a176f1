"""What one file may unpack to, and reading the members of a zip within that.

A small file can inflate to what no machine holds, so sizes are counted as bytes come out, and never
taken from what the file says of itself. Knows zip and bytes; no format, and nothing on disk.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO

from ragkit.errors import DocumentError

MAX_INFLATED = 256_000_000  # bytes: all that is read of one file together
MAX_MEMBER = 64_000_000  # bytes: one member of it
MAX_RATIO = 200  # inflated over packed bytes; of XML, 5 to 50 is usual and 1,032 the most there is
MAX_ENTRIES = 20_000  # members
MAX_CHARACTERS = 20_000_000  # of text made from one file, where a format can repeat itself
_RATIO_FROM = 4_000_000  # bytes; below, no ratio hurts
_PIECE = 1 << 16  # bytes
_ENTRY = b"PK\x01\x02"  # opens each entry of a zip's directory

DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


@dataclass(slots=True)
class Allowance:
    """How many bytes one file may still unpack to, whatever it is that unpacks."""

    left: int = MAX_INFLATED


def bounded(
    pieces: Iterable[bytes],
    packed: int,
    what: str,
    allowance: Allowance,
    most: int = MAX_MEMBER,
) -> Iterator[bytes]:
    """The pieces as they are unpacked, until they are too many.

    `packed`: the bytes they are unpacked from; `what`: a name for them in the reason. Raises
    `DocumentError` at the first piece over `most` bytes, `MAX_RATIO` or the allowance.
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        allowance.left -= len(piece)
        if size > most:
            raise DocumentError(
                f"{what[-60:]} inflates to over {most // 1_000_000} MB", kind="limit"
            )
        if size > max(_RATIO_FROM, MAX_RATIO * packed):
            raise DocumentError(
                f"{what[-60:]} inflates to over {MAX_RATIO} times its size", kind="limit"
            )
        if allowance.left < 0:
            raise DocumentError(f"inflates to over {MAX_INFLATED // 1_000_000} MB", kind="limit")
        yield piece


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """What an open binary file holds, 64 kB at a time."""

    while piece := file.read(_PIECE):
        yield piece


@dataclass(slots=True)
class Package:
    """An open zip whose members are read within the limits."""

    archive: zipfile.ZipFile
    kind: str  # "docx", for reasons
    allowance: Allowance
    names: frozenset[str] = field(init=False)
    lost: list[str] = field(default_factory=list)  # what of it could not be read, as warnings

    def __post_init__(self) -> None:
        self.names = frozenset(self.archive.namelist())

    def pieces(self, name: str, most: int = MAX_MEMBER) -> Iterator[bytes]:
        """One member's content. Raises `DocumentError` where it is missing or too large."""
        if name not in self.names:
            raise DocumentError(f"damaged {self.kind}: it has no {name[-60:]}")
        info = self.archive.getinfo(name)
        if info.file_size > most:  # zipfile reads no further than this
            raise DocumentError(
                f"{name[-60:]} inflates to over {most // 1_000_000} MB", kind="limit"
            )
        with self.archive.open(info) as file:
            yield from bounded(pieces_of(file), info.compress_size, name, self.allowance, most)

    def read(self, name: str) -> bytes:
        """One member's content as a whole."""
        return b"".join(self.pieces(name))


def too_many_entries(data: bytes) -> bool:
    """Whether a zip's directory has more entries than anybody should look at."""
    return data.count(_ENTRY) > MAX_ENTRIES


@contextmanager
def opened(data: bytes, kind: str, allowance: Allowance | None = None) -> Iterator[Package]:
    """A zip to read from; what goes wrong with it inside becomes a `DocumentError`."""
    if too_many_entries(data):
        raise DocumentError(f"{kind} with over {MAX_ENTRIES} members: not read", kind="limit")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            yield Package(archive, kind, allowance or Allowance())
    except NotImplementedError as error:  # a way of packing that Python does not know
        raise DocumentError(f"damaged {kind}: {error}") from error
    except RuntimeError as error:  # what zipfile raises where a password is needed
        raise DocumentError(f"encrypted {kind}: needs a password", kind="encrypted") from error
    except DAMAGE as error:
        detail = str(error)[:120]
        if not detail or "not a zip file" in detail:  # its directory stands at its end
            detail = "cut off"
        raise DocumentError(f"damaged {kind}: {detail}") from error
