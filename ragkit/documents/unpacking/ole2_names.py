"""The names in the root storage of an OLE2 file ([MS-CFB]), which decide what kind of file it is.

A message or a sheet may contain a Word document with streams of its own, so only the root counts.
Reads the directory with bounds of its own: damaged and cyclic chains end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_HEADER_BYTES = 512
_ENTRY_BYTES = 128
_MAX_SECTORS = 2000  # of the directory, and of the table that chains them
_MAX_ENTRIES = 20_000
_NO_ENTRY = 0xFFFFFFFF


def root_names(data: bytes) -> frozenset[str] | None:
    """Return the names of streams and storages at the root; None if the directory is damaged."""
    try:
        entries = _directory(data)
        return frozenset(_siblings(entries, struct.unpack_from("<I", entries, 76)[0]))
    except (struct.error, ValueError, IndexError):
        return None


def _directory(data: bytes) -> bytes:
    """Return the directory: 128 bytes for each entry. Raises ValueError if it is incomplete."""
    sector_bytes = 1 << struct.unpack_from("<H", data, 30)[0]
    if sector_bytes not in {512, 4096}:
        raise ValueError("sector size")
    sector = struct.unpack_from("<I", data, 48)[0]
    table = list(_table_sectors(data, sector_bytes))
    per_sector = sector_bytes // 4
    pieces: list[bytes] = []
    for _ in range(_MAX_SECTORS):
        piece = data[(sector + 1) * sector_bytes : (sector + 2) * sector_bytes]
        if len(piece) < _ENTRY_BYTES:
            raise ValueError("cut off")
        pieces.append(piece)
        place = (table[sector // per_sector] + 1) * sector_bytes + sector % per_sector * 4
        sector = struct.unpack_from("<I", data, place)[0]
        if sector >= 0xFFFFFFFA:
            return b"".join(pieces)
    raise ValueError("too many sectors")


def _table_sectors(data: bytes, sector_bytes: int) -> Iterator[int]:
    """Yield the sectors of the allocation table: those in the header, then the chained ones."""
    yield from struct.unpack_from("<109I", data, 76)
    following = struct.unpack_from("<I", data, 68)[0]
    count = sector_bytes // 4 - 1
    for _ in range(_MAX_SECTORS // 100):
        if following >= 0xFFFFFFFA:
            return
        *sectors, following = struct.unpack_from(
            f"<{count + 1}I", data, (following + 1) * sector_bytes
        )
        yield from sectors


def _siblings(entries: bytes, first: int) -> Iterator[str]:
    """Yield the names in the tree of siblings below the root."""
    waiting, seen = [first], set[int]()
    while waiting and len(seen) < _MAX_ENTRIES:
        number = waiting.pop()
        if number == _NO_ENTRY or number in seen:
            continue
        seen.add(number)
        start = number * _ENTRY_BYTES
        length = struct.unpack_from("<H", entries, start + 64)[0]
        name = entries[start : start + min(max(length - 2, 0), 64)]
        yield name.decode("utf-16-le", "replace").rstrip("\0")
        waiting += struct.unpack_from("<2I", entries, start + 68)
