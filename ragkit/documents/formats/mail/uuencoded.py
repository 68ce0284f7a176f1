"""Uuencoded files in the text of a message, as programs sent attachments before MIME."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

_FILE = re.compile(
    r"^begin(?:-base64)? [0-7]{3,4} (?P<name>[^\n]{1,200})\n(?P<lines>(?:[ -`]{1,64}\n){1,1000000})"
    r"(?:`?\n)?end[ \t]*$",
    re.MULTILINE,
)
_MARK = "begin "


def iter_files(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file in the text of a message."""
    if _MARK not in text:
        return
    for match in _FILE.finditer(text):
        try:
            content = b"".join(
                binascii.a2b_uu(line) for line in match["lines"].split("\n") if line.strip("` ")
            )
        except (binascii.Error, ValueError):
            continue
        yield match["name"].strip() or "unnamed", content


def without_files(text: str) -> str:
    """Return the text of a message without the files in it."""
    return _FILE.sub("", text) if _MARK in text else text
