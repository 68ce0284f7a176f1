"""One record of data (a row, a JSON object, an XML element) → Document with "name: value" lines.

Knows neither where the fields come from nor their syntax.
"""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.records.documents import Document

# Fields whose value is the record's title, the best first.
_TITLE_FIELDS = ("title", "name", "subject", "headline", "label", "question", "key", "id", "_id")
_MAX_VALUE_LENGTH = 200  # characters of a title, and of a value that becomes metadata
_MAX_METADATA = 50  # fields that become metadata


def record_document(pairs: Sequence[tuple[str, str]], media_type: str) -> Document:
    """Return a document of (name, value) pairs; short values are its metadata, too."""
    pairs = [(_clean_name(name), strip_invalid_characters(value).strip()) for name, value in pairs]
    pairs = [(name, value.replace("\r\n", "\n").replace("\r", "\n")) for name, value in pairs]
    by_name = {name.casefold(): value for name, value in reversed(pairs)}
    titles = (" ".join(by_name.get(name, "").split()) for name in _TITLE_FIELDS)
    title = next((text for text in titles if 0 < len(text) <= _MAX_VALUE_LENGTH), None)
    short = [(name, value) for name, value in pairs if name and 0 < len(value) <= _MAX_VALUE_LENGTH]
    return Document(
        "\n".join(f"{name}: {value}" if name else value for name, value in pairs if value),
        media_type,
        title=title,
        metadata=dict(short[:_MAX_METADATA]),
    )


def _clean_name(name: str) -> str:
    return " ".join(strip_invalid_characters(name).split())[:_MAX_VALUE_LENGTH]
