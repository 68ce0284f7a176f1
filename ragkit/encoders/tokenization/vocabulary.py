"""Vocabularies as arrays, and the copies of large `tokenizer.json` files in the cache folder.

Contract: a copy has what `pack` joined, and is named by the checksum of the file it was made of, so
another file has another copy. Parsing 30,000 pieces of JSON and filling a dictionary with them
takes 10 ms, a quarter of a million ten times as much; arrays are used as they are read. Errors of
the cache are ignored: the file is parsed again. Knows no kind of tokenizer.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any
from zlib import crc32

from ragkit import user_dirs
from ragkit.encoders import digests

_LOOKED_UP = 20_000  # strings whose ids are kept, or that they are no pieces
_CHECKSUM_BYTES = 4  # a CRC-32 before the content of a copy


class Vocabulary:
    """Pieces in the order of their CRC-32: `keys` (the CRC-32 of each in UTF-8, ascending), `ids`,
    and `ends`, where each piece ends in `pieces`. Safe to share between threads."""

    def __init__(
        self, keys: Sequence[int], ids: Sequence[int], ends: Sequence[int], pieces: bytes
    ) -> None:
        self.keys, self.ids, self.ends, self.pieces = keys, ids, ends, pieces
        # Texts repeat words; a look-up costs ten times as much as one in a dictionary.
        self.get: Callable[[str], int | None] = lru_cache(_LOOKED_UP)(self._find)

    @classmethod
    def of(cls, ids: Mapping[str, int]) -> Vocabulary:
        """Return the vocabulary with these ids."""
        encoded = {piece.encode(): id_ for piece, id_ in ids.items()}
        order = sorted(encoded, key=crc32)
        return cls(
            keys=array("I", map(crc32, order)),
            ids=array("I", map(encoded.__getitem__, order)),
            ends=array("I", accumulate(map(len, order))),
            pieces=b"".join(order),
        )

    def _find(self, piece: str) -> int | None:
        """The id of a piece; None if it is none."""
        encoded = piece.encode()
        key = crc32(encoded)
        index = bisect_left(self.keys, key)
        while index < len(self.keys) and self.keys[index] == key:
            start = self.ends[index - 1] if index else 0
            if self.pieces[start : self.ends[index]] == encoded:
                return self.ids[index]
            index += 1
        return None


def pack(
    vocabulary: Vocabulary, header: Mapping[str, Any], parts: Mapping[str, bytes] | None = None
) -> bytes:
    """Return the content of a copy: a line of JSON, then arrays in the machine's byte order.

    `header`: values of JSON. `parts`: further bytes by name.
    """
    blocks = {
        name: array("I", getattr(vocabulary, name)).tobytes() for name in ("keys", "ids", "ends")
    } | {"pieces": vocabulary.pieces, **(parts or {})}
    line = {
        **header,
        "sizes": {name: len(block) for name, block in blocks.items()},
        "byteorder": sys.byteorder,
    }
    return b"".join([json.dumps(line).encode(), b"\n", *blocks.values()])


def unpack(content: bytes) -> tuple[Vocabulary, dict[str, Any], dict[str, memoryview]]:
    """Return what was given to `pack`."""
    start = content.index(b"\n") + 1
    header = json.loads(content[:start])
    parts = {}
    for name, size in header["sizes"].items():
        parts[name] = memoryview(content)[start : start + size]
        start += size
    vocabulary = Vocabulary(
        keys=parts.pop("keys").cast("I"),
        ids=parts.pop("ids").cast("I"),
        ends=parts.pop("ends").cast("I"),
        pieces=bytes(parts.pop("pieces")),
    )
    return vocabulary, header, parts


def copy_path(path: Path, kind: str) -> Path:
    """Return where the copy of a `tokenizer.json` is; `kind` names its content and format. Raises
    OSError if the file cannot be read."""
    return user_dirs.cache() / "tokenizers" / f"{digests.file_digest(path)}.{kind}"


def read_copy(path: Path) -> bytes | None:
    """Return the content of a copy; None if there is none, or a damaged one."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    content = stored[_CHECKSUM_BYTES:]
    if not content or crc32(content) != int.from_bytes(stored[:_CHECKSUM_BYTES], "little"):
        return None
    # A home folder may be shared by machines of both byte orders.
    header = json.loads(content[: content.index(b"\n")])
    return content if header["byteorder"] == sys.byteorder else None


def write_copy(path: Path, make_content: Callable[[], bytes]) -> None:
    """Write a temporary file and rename it: another process never reads half of it.

    `make_content` is not called where nothing can be written. What it raises is raised.
    """
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        import tempfile

        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix="writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                content = make_content()
                file.write(crc32(content).to_bytes(_CHECKSUM_BYTES, "little"))
                file.write(content)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
