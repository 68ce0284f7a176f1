"""The original file of a document: its bytes, for whoever shows them. Renders nothing."""

from __future__ import annotations

import errno
import json
import sqlite3

from ragkit.errors import UsageError
from ragkit.records.overview import OriginalFile
from ragkit.retrieval.hits import is_stale
from ragkit.storage.source_files import read_source
from ragkit.storage.sqlite import documents, overview


def get_original(
    connection: sqlite3.Connection, document_id: int, max_bytes: int, secrets: str
) -> OriginalFile:
    """Return the file of a document, as it is on the disk now.

    Raises UsageError with the reason if there is no such document, if its file is gone, is larger
    than `max_bytes` or cannot be read, or if keys were masked in its text (`secrets` is "mask"):
    the original has them.
    """
    row = overview.original_row(connection, document_id)
    if row is None:
        raise UsageError(f"no document has the id {document_id}")
    documents.require_intact(connection, row, row["path"])
    if secrets == "mask" and row["secrets"]:
        raise UsageError("keys or passwords are masked in this document, so only its text is shown")
    try:
        data = read_source(row["root"], row["file_path"], max_bytes).data
    except OSError as error:
        if error.errno == errno.EFBIG:
            reason = f"it is larger than {max_bytes // 1_000_000:,} MB"
        elif isinstance(error, FileNotFoundError):
            reason = "it was deleted or moved since it was indexed"
        else:
            reason = error.strerror or "it cannot be opened"
        raise UsageError(f"the original cannot be shown: {reason}") from None
    return OriginalFile(
        data=data,
        path=row["file_path"],
        root=row["root"],
        record=row["record"],
        media_type=row["media_type"],
        text=row["text"],
        pages=tuple(json.loads(row["pages"])),
        stale=is_stale(row),
    )
