"""Java properties → Document: the text with its letters, which old files write as \\uXXXX.

Each line stays a line, so line numbers stay valid.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ragkit.documents.decoding import read_text
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.records.documents import Document

_ESCAPE = re.compile(r"((?:\\u+[0-9a-fA-F]{4})+)")


def read_properties_file(data: bytes, name: str) -> Document:
    """Read a properties file. Never raises."""
    document = read_text(data, name)
    if "\\u" not in document.text:
        return document
    return replace(document, text=_ESCAPE.sub(_characters, document.text))


def _characters(match: re.Match[str]) -> str:
    """Return the characters of a run of escapes, which may be surrogate pairs."""
    units = b"".join(
        int(code, 16).to_bytes(2, "little") for code in re.findall(r"u([0-9a-fA-F]{4})", match[1])
    )
    text = strip_invalid_characters(units.decode("utf-16-le", "replace"))
    return match[1] if "\n" in text or "\r" in text else text
