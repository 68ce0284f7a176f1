"""Checksums of rows: how a changed bit in a text, a vector or a citation is noticed.

SQLite has no checksums of its own: a bit that changed on the disk is read as if it had been
written. Each checksum is 8 bytes of BLAKE2b. NULL in a column `checksum` means that the row was
written before there were checksums. Knows no SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

SIZE = 8  # bytes

# The columns that a passage's checksum covers, in order; `hash` covers header and text.
PASSAGE_COLUMNS = (
    "id", "document_id", "start", "end", "page", "locator", "start_line", "end_line", "heading",
    "tokens",
)  # fmt: skip

# The columns that `fields_checksum` of a document covers, in order.
DOCUMENT_COLUMNS = ("file_id", "record", "title", "pages", "locators", "lines", "metadata")

# The columns that the checksum of a file's row covers, in order.
FILE_COLUMNS = ("status", "reason", "media_type", "encoding", "warnings")


def text_checksum(text: str) -> bytes:
    """Return the checksum of a document's text, over its UTF-8."""
    return blob_checksum(text.encode())


def blob_checksum(data: bytes) -> bytes:
    """Return the checksum of these bytes: a vector's, or a text's UTF-8."""
    return blake2b(data, digest_size=SIZE).digest()


def text_hash(embedded: str) -> bytes:
    """Return the key of a vector: 20 bytes of BLAKE2b over the embedded text."""
    return blake2b(embedded.encode(), digest_size=20).digest()


def fields_checksum(values: Iterable[object]) -> bytes:
    """Return the checksum of the values of PASSAGE_COLUMNS, DOCUMENT_COLUMNS or FILE_COLUMNS: over
    what Python's `str` makes of them, in UTF-8, with a NUL between them, which no text contains.

    Values of any type are accepted, because a damaged row may have any.
    """
    # Not through other functions: a search calls it for each hit.
    return blake2b("\0".join(map(str, values)).encode(), digest_size=SIZE).digest()
