"""Pictures in the streams of Word and PowerPoint files → members ([MS-ODRAW] 2.2.23).

Each picture is a record of its own with a header that is found wherever the record lies, so the
shapes that refer to it need not be read. Knows no shapes.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator

from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget

# The first four bytes of a record: kind of the picture → (extension, bytes before its content).
_RECORDS = {
    b"\x00\x6e\x1e\xf0": ("png", 17),
    b"\x10\x6e\x1e\xf0": ("png", 33),
    b"\xa0\x46\x1d\xf0": ("jpg", 17),
    b"\xb0\x46\x1d\xf0": ("jpg", 33),
    b"\x20\x6e\x1d\xf0": ("jpg", 17),
    b"\x30\x6e\x1d\xf0": ("jpg", 33),
    b"\x40\x6e\x29\xf0": ("tif", 17),
    b"\x50\x6e\x29\xf0": ("tif", 33),
}
_UNREAD = {
    b"\x40\x3d\x1a\xf0": "EMF",
    b"\x50\x3d\x1a\xf0": "EMF",
    b"\x60\x21\x1b\xf0": "WMF",
    b"\x70\x21\x1b\xf0": "WMF",
    b"\x20\x54\x1c\xf0": "PICT",
    b"\x30\x54\x1c\xf0": "PICT",
    b"\x80\x7a\x1f\xf0": "DIB",
    b"\x90\x7a\x1f\xf0": "DIB",
}
_HEADER = re.compile(b"|".join(map(re.escape, (*_RECORDS, *_UNREAD))))


def picture_members(streams: Iterator[bytes], budget: Budget) -> Iterator[Member]:
    """Yield the pictures in streams, each content once. Vector pictures have a reason."""
    seen: set[bytes] = set()
    number = 0
    for stream in streams:
        at = 0
        while (match := _HEADER.search(stream, at)) is not None:
            size = struct.unpack_from("<I", stream, match.end())[0] if _fits(stream, match) else 0
            start = match.end() + 4
            if not size or start + size > len(stream):
                at = match.end()
                continue
            at = start + size
            content = stream[start:at]
            digest = hashlib.sha256(content).digest()
            if digest in seen:
                continue
            seen.add(digest)
            budget.count_member()
            number += 1
            yield _member(number, match.group(), content)


def _fits(stream: bytes, match: re.Match[bytes]) -> bool:
    return match.end() + 4 <= len(stream)


def _member(number: int, header: bytes, content: bytes) -> Member:
    if header in _RECORDS:
        extension, skipped_bytes = _RECORDS[header]
        return Member(f"picture {number}.{extension}", content[skipped_bytes:])
    kind = _UNREAD[header]
    name = f"picture {number}.{kind.lower()}"
    return Member(name, reason=f"{kind} picture: not read", skipped=True, kind="image")
