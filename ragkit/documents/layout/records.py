"""Records of data (a row, a JSON object, an XML element) → Document: "name: value" lines.

Knows neither where the fields come from nor how they were written.
"""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.documents.decoding import without_controls
from ragkit.records.documents import Document

# What names a record, the best first.
_TITLES = ("title", "name", "subject", "headline", "label", "question", "key", "id", "_id")
_LONGEST = 200  # characters of a title, and of a value that is kept as metadata
_MOST = 50  # fields that are kept as metadata


def record(pairs: Sequence[tuple[str, str]], media_type: str) -> Document:
    """One document from names and values; short values are its metadata too."""
    pairs = [(_line(name), without_controls(value).strip()) for name, value in pairs]
    pairs = [(name, value.replace("\r\n", "\n").replace("\r", "\n")) for name, value in pairs]
    by_name = {name.casefold(): value for name, value in reversed(pairs)}
    titles = (" ".join(by_name.get(name, "").split()) for name in _TITLES)
    title = next((each for each in titles if each and len(each) <= _LONGEST), None)
    short = [(name, value) for name, value in pairs if name and 0 < len(value) <= _LONGEST]
    return Document(
        "\n".join(f"{name}: {value}" if name else value for name, value in pairs if value),
        media_type,
        title=title,
        metadata=dict(short[:_MOST]),
    )


def _line(name: str) -> str:
    return " ".join(without_controls(name).split())[:_LONGEST]
