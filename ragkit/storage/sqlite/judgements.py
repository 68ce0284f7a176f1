"""Rows of judgements: which parts of which documents a user found relevant to a query, or not.

A judgement refers to a text, not to a passage, because passages are cut anew when a file or the
passage size changes. Functions over a connection of `database`; they neither begin nor commit a
transaction. Knows no ranking.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ragkit.errors import UsageError
from ragkit.records.reports import Judgement
from ragkit.storage.sqlite.documents import DISPLAY_PATH, cited_path, document_at
from ragkit.storage.sqlite.sharding.gathering import from_all, joined

_DOCUMENTS_AT = (
    "SELECT documents.id, documents.text FROM documents JOIN files ON files.id = documents.file_id "
)


def save(
    connection: sqlite3.Connection,
    query: str,
    document: sqlite3.Row,
    span: tuple[int, int],
    *,
    relevant: bool,
    at: str,
) -> None:
    """Store a judgement of `span` (characters) of a document, in place of an earlier one.

    `document` has id, root, path and text. A span that is the whole text means the whole document.
    `at` is the time: UTC, ISO 8601.
    """
    # Documents of several roots may have the same relative path.
    path = cited_path(connection, document["root"], document["path"])
    quote = _quote(document, span)
    connection.execute(
        "DELETE FROM judgements WHERE query = ? AND document_id = ? AND quote = ? AND path != ?",
        (query, document["id"], quote, path),
    )
    connection.execute(
        "INSERT INTO judgements (query, document_id, path, start, quote, relevant, judged_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (query, path, quote) DO UPDATE SET "
        "document_id = excluded.document_id, start = excluded.start, "
        "relevant = excluded.relevant, judged_at = excluded.judged_at",
        (query, document["id"], path, span[0], quote, relevant, at),
    )


def remove(
    connection: sqlite3.Connection, query: str, document: sqlite3.Row, span: tuple[int, int]
) -> int:
    """Delete the judgements of this query whose text overlaps `span` of a document; return their
    number."""
    rows = connection.execute(
        "SELECT id, start, quote FROM judgements WHERE query = ? "
        "AND (document_id = ? OR (document_id IS NULL AND path IN (?, ?)))",
        (
            query,
            document["id"],
            document["path"],
            cited_path(connection, document["root"], document["path"]),
        ),
    ).fetchall()
    removed = []
    for id_, start, quote in rows:
        found = find_quote(document["text"], quote, start)
        if found is not None and found[0] < span[1] and span[0] < found[1]:
            removed.append((id_,))
    connection.executemany("DELETE FROM judgements WHERE id = ?", removed)
    return len(removed)


@from_all(joined)
def all_judgements(connection: sqlite3.Connection, query: str | None = None) -> list[Judgement]:
    """Return all judgements, or those of one query, by query in the order of their first judgement.

    Each has the place of its text now; the place is None if the document, or the text in it, is no
    longer there.
    """
    rows = connection.execute(
        "SELECT id, query, document_id, path, start, quote, relevant, judged_at FROM judgements "
        "WHERE ?1 IS NULL OR query = ?1 "
        "ORDER BY (SELECT min(id) FROM judgements AS first WHERE first.query = judgements.query), "
        "id",
        (query,),
    ).fetchall()
    return [_judgement(connection, row) for row in rows]


def _judgement(connection: sqlite3.Connection, row: Sequence[object]) -> Judgement:
    _, query, document_id, path, start, quote, relevant, judged_at = row
    document, span = None, None
    for candidate_id, text in _candidates(connection, document_id, str(path)):
        span = find_quote(text, str(quote), int(str(start)))
        if span is not None:
            document = candidate_id
            break
    return Judgement(
        query=str(query), relevant=bool(relevant), path=str(path), quote=str(quote),
        judged_at=str(judged_at), document_id=document, span=span,
    )  # fmt: skip


def _candidates(
    connection: sqlite3.Connection, document_id: object, path: str
) -> Sequence[tuple[int, str]]:
    """Return id and text of the document that was judged; where it was removed, of those that are
    shown with the same path now."""
    rows = connection.execute(f"{_DOCUMENTS_AT} WHERE documents.id = ?", (document_id,)).fetchall()
    if not rows:
        rows = connection.execute(f"{_DOCUMENTS_AT} WHERE {DISPLAY_PATH} = ?", (path,)).fetchall()
    if not rows and (row := _cited_document(connection, path)) is not None:
        return [(row["id"], row["text"])]
    return [(row[0], row[1]) for row in rows]


def _cited_document(connection: sqlite3.Connection, path: str) -> sqlite3.Row | None:
    try:
        return document_at(connection, path, path)
    except UsageError:  # in several roots
        return None


def _quote(document: sqlite3.Row, span: tuple[int, int]) -> str:
    text: str = document["text"]
    return "" if text[span[0] : span[1]].strip() == text.strip() else text[span[0] : span[1]]


def find_quote(text: str, quote: str, start: int) -> tuple[int, int] | None:
    """Return the span of `quote` in a text, of several the one nearest to `start`; None if it is
    not there. An empty quote is the whole text."""
    if not quote:
        return 0, len(text)
    if text.startswith(quote, start):
        return start, start + len(quote)
    before = text.rfind(quote, 0, start + len(quote) - 1)
    found = [offset for offset in (before, text.find(quote, start)) if offset >= 0]
    if not found:
        return None
    offset = min(found, key=lambda place: abs(place - start))
    return offset, offset + len(quote)
