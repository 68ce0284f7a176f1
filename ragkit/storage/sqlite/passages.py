"""Rows of passages, of their vectors, and of the encoder that computed them.

Passages are written with their document and read to show hits. Vectors are little-endian float32
blobs keyed by (model, hash of the embedded text), so an equal text is never embedded twice. A
passage without a vector of the current model is *pending*, unless the encoder cannot read its text:
that is recorded, and such a text stays without a vector. Functions over a connection of
`database`; they neither begin nor commit a transaction. Knows no FAISS and no encoder.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ragkit.errors import ModelError
from ragkit.records.text import embedded_text
from ragkit.storage.sqlite import documents
from ragkit.storage.sqlite.checksums import (
    DOCUMENT_COLUMNS,
    PASSAGE_COLUMNS,
    blob_checksum,
    fields_checksum,
    text_hash,
)
from ragkit.storage.sqlite.connection import (
    IDS_PER_STATEMENT,
    by_id,
    fetch_by_id,
    remembered,
    report_damage,
)
from ragkit.storage.sqlite.sharding.gathering import (
    by_ids,
    constant,
    from_all,
    from_any,
    joined,
    limited,
    lists_by_key,
)
from ragkit.storage.sqlite.sharding.row_ids import first_row_id, shared_row_id
from ragkit.storage.sqlite.state import generation, set_value, value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.records.documents import Passage

UNIT_TOLERANCE = 1e-3  # how far the length of a vector may be from 1


class Pending(NamedTuple):
    """A passage without a vector of the current model, with the text to embed."""

    position: tuple[int, int]  # generation and passage id
    hash: bytes
    text: str  # header and text, as the encoder gets them
    start: int  # of the passage's own text in `text`, after header and headings
    tokens: int


def save_passages(
    connection: sqlite3.Connection, document_id: int, passages: Sequence[Passage], generation: int
) -> None:
    """Replace the passages of a document by these; new ones get this generation.

    A passage whose embedded text the document had before keeps its id and its vector, wherever it
    is in the text now. Only new texts are inserted, and only missing ones are deleted. A stored
    passage whose text has been damaged counts as missing.
    """
    ids_by_text: dict[tuple[bytes, str, str], list[int]] = defaultdict(list)
    stored_ids: set[int] = set()
    for digest, header, text, id_ in connection.execute(
        "SELECT hash, header, text, id FROM passages WHERE document_id = ? ORDER BY id DESC",
        (document_id,),
    ):
        ids_by_text[digest, header, text].append(id_)
        stored_ids.add(id_)
    next_id = _next_id(connection)
    for passage in passages:
        digest = text_hash(embedded_text(passage.header, passage.text))
        position = (
            document_id, passage.start, passage.end, passage.page, passage.locator,
            passage.start_line, passage.end_line,
            json.dumps(passage.heading, ensure_ascii=False), passage.tokens,
        )  # fmt: skip
        if same_text := ids_by_text[digest, passage.header, passage.text]:
            passage_id = same_text.pop()
            stored_ids.remove(passage_id)
            connection.execute(
                'UPDATE passages SET document_id = ?, start = ?, "end" = ?, page = ?, locator = ?, '
                "start_line = ?, end_line = ?, heading = ?, tokens = ?, checksum = ? WHERE id = ?",
                (*position, fields_checksum((passage_id, *position)), passage_id),
            )
        else:
            passage_id, next_id = next_id, next_id + 1
            connection.execute(
                'INSERT INTO passages (document_id, start, "end", page, locator, start_line, '
                "end_line, heading, tokens, checksum, id, text, header, hash, generation) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *position, fields_checksum((passage_id, *position)), passage_id,
                    passage.text, passage.header, digest, generation,
                ),
            )  # fmt: skip
    connection.executemany("DELETE FROM passages WHERE id = ?", ((id,) for id in stored_ids))


def _next_id(connection: sqlite3.Connection) -> int:
    """Return the id that AUTOINCREMENT would give to the next passage: never one used before."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'passages'").fetchone()
    largest = connection.execute("SELECT max(id) FROM passages").fetchone()[0]
    base = first_row_id(connection) or 0
    return max(base, 0 if row is None else int(row[0]), largest or 0) + 1


@from_all(sum)
def count(connection: sqlite3.Connection) -> int:
    """Return the number of passages."""
    return int(connection.execute("SELECT count(*) FROM passages").fetchone()[0])


class PlaceRow(NamedTuple):
    """Where a passage is, and the hash of its embedded text, which its copies share."""

    id: int
    document_id: int
    start: int  # characters into the document's text
    end: int
    hash: bytes


@from_all(joined)
def place_rows(connection: sqlite3.Connection) -> list[PlaceRow]:
    """Return the places of all passages, by ascending id. Reads no text."""
    sql = 'SELECT id, document_id, start, "end", hash FROM passages ORDER BY id'
    return [PlaceRow(*row) for row in map(tuple, connection.execute(sql))]


@by_ids()
def embedded_texts(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return id → header and text, as embedded, for those of `ids` that exist."""
    rows = by_id(connection, "SELECT id, header, text FROM passages WHERE id", ids)
    return {row[0]: embedded_text(row[1], row[2]) for row in rows}


@by_ids()
def texts(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return id → text without header for those of `ids` that exist."""
    return dict(map(tuple, by_id(connection, "SELECT id, text FROM passages WHERE id", ids)))


@from_all(joined)
def sample_texts(connection: sqlite3.Connection, limit: int) -> list[str]:
    """Return the texts of up to `limit` passages from all parts of the collection."""
    step = max(1, count(connection) // limit)
    rows = connection.execute("SELECT text FROM passages WHERE id % ? = 0 LIMIT ?", (step, limit))
    return [text for (text,) in rows]


@limited(1, order=lambda row: (row[1], row[0]))
def sample_by_hash(
    connection: sqlite3.Connection, model_id: int, limit: int
) -> list[tuple[int, bytes]]:
    """Return id and hash of up to `limit` passages with a vector, in the order of their hashes.

    A random sample that depends on the passages alone, not on when each was added.
    """
    rows = connection.execute(
        "SELECT id, hash FROM passages WHERE EXISTS (SELECT 1 FROM vectors "
        "WHERE vectors.model_id = ? AND vectors.hash = passages.hash) ORDER BY hash, id LIMIT ?",
        (model_id, limit),
    )
    return [(row[0], bytes(row[1])) for row in rows]


@by_ids()
def existing_ids(connection: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
    """Return those of `ids` that exist."""
    return {row[0] for row in by_id(connection, "SELECT id FROM passages WHERE id", ids)}


@by_ids()
def documents_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int]:
    """Return passage id → document id for those of `ids` that exist."""
    rows = by_id(connection, "SELECT id, document_id FROM passages WHERE id", ids)
    return {row[0]: row[1] for row in rows}


@by_ids()
def hashes_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return passage id → hash of the embedded text for those of `ids` that exist."""
    rows = by_id(connection, "SELECT id, hash FROM passages WHERE id", ids)
    return {row[0]: row[1] for row in rows}


@by_ids()
def hashes_of_documents(
    connection: sqlite3.Connection, document_ids: Sequence[int]
) -> dict[int, dict[int, bytes]]:
    """Return document id → passage id → hash of its embedded text; for documents with passages."""
    found: dict[int, dict[int, bytes]] = defaultdict(dict)
    sql = "SELECT document_id, id, hash FROM passages WHERE document_id"
    for document_id, id_, digest in by_id(connection, sql, document_ids):
        found[document_id][id_] = digest
    return dict(found)


def documents_changed_since(connection: sqlite3.Connection, generation: int) -> set[int]:
    """Return the documents with passages, or with vectors of passages, that came after this
    generation."""
    sql = (
        "SELECT document_id FROM passages WHERE generation > ?1 UNION SELECT document_id FROM "
        "passages WHERE hash IN (SELECT hash FROM vectors WHERE generation > ?1)"
    )
    return {row[0] for row in connection.execute(sql, (generation,))}


@from_all(lists_by_key)
def ids_by_hash(connection: sqlite3.Connection, hashes: Sequence[bytes]) -> dict[bytes, list[int]]:
    """Return hash of the embedded text → ids of all passages with that text, ascending."""
    ids: dict[bytes, list[int]] = defaultdict(list)
    for first in range(0, len(hashes), IDS_PER_STATEMENT):
        chunk = hashes[first : first + IDS_PER_STATEMENT]
        placeholders = ", ".join("?" * len(chunk))
        for digest, id_ in connection.execute(
            f"SELECT hash, id FROM passages WHERE hash IN ({placeholders})", tuple(chunk)
        ):
            ids[digest].append(id_)
    return {digest: sorted(same) for digest, same in ids.items()}


@by_ids()
def rows_by_id(connection: sqlite3.Connection, ids: Sequence[int]) -> Mapping[int, sqlite3.Row]:
    """Return id → the row that a hit shows: passage, document, file and root, joined.

    Ids that do not exist are left out, and so are passages that are not as they were written, which
    are reported.
    """
    rows: dict[int, sqlite3.Row] = {}
    intact_documents: dict[int, bool] = {}
    for row in fetch_by_id(connection, _HIT, ids):
        values = tuple(row)
        passage_id, document_id = values[:2]
        header, text, digest, checksum, document_checksum = values[_CHECKED_COLUMNS:_COMPARED]
        if document_id not in intact_documents:
            intact_documents[document_id] = (
                document_checksum is None
                or fields_checksum(values[_PASSAGE_COLUMNS:_CHECKED_COLUMNS]) == document_checksum
            )
        if (
            intact_documents[document_id]
            and (checksum is None or fields_checksum(values[:_PASSAGE_COLUMNS]) == checksum)
            and has_intact_text(header, text, digest)
        ):
            rows[passage_id] = row
        else:
            report_damage(connection, documents=[document_id])
    if len(rows) < len(ids):
        _report_missing(connection, set(ids) - rows.keys())
    return rows


# What the checksums cover comes first, in their order, and then what they are compared with.
_HIT = (
    "SELECT "
    + "".join(f'passages."{name}", ' for name in PASSAGE_COLUMNS)
    + "".join(f"documents.{name}, " for name in DOCUMENT_COLUMNS)
    + "passages.header, passages.text, passages.hash, passages.checksum, "
    "documents.fields_checksum, "
    f"files.path AS file_path, {documents.DISPLAY_PATH} AS path, files.size, files.mtime_ns, "
    "files.ctime_ns, files.hash AS file_hash, roots.folder AS root "
    "FROM passages JOIN documents ON documents.id = passages.document_id "
    "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
    "WHERE passages.id"
)
_PASSAGE_COLUMNS = len(PASSAGE_COLUMNS)
_CHECKED_COLUMNS = _PASSAGE_COLUMNS + len(DOCUMENT_COLUMNS)
_COMPARED = _CHECKED_COLUMNS + 5


def has_intact_text(header: object, text: object, digest: object) -> bool:
    """Whether header and text of a passage are those whose hash is `digest`."""
    try:
        return text_hash(embedded_text(header, text)) == digest  # type: ignore[arg-type]
    except AttributeError:  # a damaged row may have values of any type
        return False


def _report_missing(connection: sqlite3.Connection, ids: set[int]) -> None:
    """Report those of these passages that the database has lost: they were stored by this snapshot
    and neither deleted nor found damaged."""
    newest = _next_id(connection) - 1
    removed = by_id(connection, "SELECT passage_id FROM removals WHERE passage_id", list(ids))
    lost = {id_ for id_ in ids if id_ <= newest} - {row[0] for row in removed}
    rows = by_id(
        connection,
        "SELECT passages.id FROM passages JOIN documents ON documents.id = passages.document_id "
        "JOIN files ON files.id = documents.file_id WHERE passages.id",
        list(lost),
    )
    report_damage(connection, passages=lost - {row[0] for row in rows})


@by_ids()
def surrounding_span(
    connection: sqlite3.Connection, document_id: int, passage_id: int, reach: int
) -> sqlite3.Row:
    """Return the span from `reach` passages before a passage to `reach` after it.

    The row has `start` and `end` (characters), `start_line`, `end_line` and `text`. Raises
    ValueError if an index of the database is damaged; `Database` makes it a CollectionError.
    """
    row: sqlite3.Row = connection.execute(
        "WITH numbered AS (SELECT *, row_number() OVER (ORDER BY start, id) AS position "
        "FROM passages WHERE document_id = :document), "
        "center AS (SELECT position FROM numbered WHERE id = :passage), "
        'span AS (SELECT min(start) AS start, max("end") AS "end", '
        "min(start_line) AS start_line, max(end_line) AS end_line "
        "FROM numbered, center "
        "WHERE numbered.position BETWEEN center.position - :reach "
        "AND center.position + :reach) "
        'SELECT span.*, substr(documents.text, span.start + 1, span."end" - span.start) AS text '
        "FROM span, documents WHERE documents.id = :document",
        {"document": document_id, "passage": passage_id, "reach": reach},
    ).fetchone()
    if row is None or row["text"] is None:
        raise ValueError(f"the passage {passage_id} is not among those of its document")
    return row


@by_ids()
def spans_of_document(
    connection: sqlite3.Connection, document_id: int
) -> list[tuple[int, int, int]]:
    """Return id, start and end (characters) of the passages of a document, in the order of its
    text."""
    rows = connection.execute(
        'SELECT id, start, "end" FROM passages WHERE document_id = ? ORDER BY start, id',
        (document_id,),
    )
    return [(row[0], row[1], row[2]) for row in rows]


@by_ids()
def headers_and_spans(
    connection: sqlite3.Connection, document_id: int
) -> dict[int, tuple[str, int, int, str]]:
    """Return id → header, start, end and text of the passages of a document."""
    rows = connection.execute(
        'SELECT id, header, start, "end", text FROM passages WHERE document_id = ?', (document_id,)
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}


def use_model(
    connection: sqlite3.Connection,
    name: str,
    fingerprint: str,
    dimension: int,
    window: int,
    options: str = "{}",
) -> int:
    """Make this the encoder of the collection; return its row id.

    `window` is in tokens; `options` is a JSON object.
    """
    model_id = save_model(connection, name, fingerprint, dimension, window, options)
    if value(connection, "model_id") != model_id:
        set_value(connection, "model_id", model_id)
        set_value(connection, "complete", 0)
    return model_id


def save_model(
    connection: sqlite3.Connection,
    name: str,
    fingerprint: str,
    dimension: int,
    window: int,
    options: str = "{}",
) -> int:
    """Store an encoder without using it yet; return its row id. The values are as in
    `use_model`."""
    row = connection.execute(
        "INSERT INTO models (id, name, fingerprint, dimension, window, options) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE "
        "SET name = excluded.name, dimension = excluded.dimension, options = excluded.options "
        "RETURNING id",
        (
            shared_row_id(connection, fingerprint), name, fingerprint, dimension, window, options,
        ),
    ).fetchone()  # fmt: skip
    return int(row[0])


@from_any
def model_by_id(connection: sqlite3.Connection, model_id: int) -> sqlite3.Row | None:
    """Return the row of an encoder that the collection has used, as `model` does."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM models WHERE id = ?", (model_id,)
    ).fetchone()
    return row if row is not None and is_valid_model(row) else None


@from_all(sum)
def count_longer_than(connection: sqlite3.Connection, tokens: int) -> int:
    """Return the number of passages with more tokens, as they were counted when they were cut."""
    sql = "SELECT count(*) FROM passages WHERE tokens > ?"
    return int(connection.execute(sql, (tokens,)).fetchone()[0])


@constant
@from_any
@remembered
def model(connection: sqlite3.Connection) -> sqlite3.Row | None:
    """Return the row of the current encoder: id, name, fingerprint, dimension, window, options.

    None in a new collection. Raises ValueError for a row that no version of ragkit writes, which
    `Database` turns into a CollectionError.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT models.* FROM models JOIN collection ON collection.value = models.id "
        "WHERE collection.key = 'model_id'"
    ).fetchone()
    if row is None:
        if value(connection, "model_id") is not None or connection.execute(HAS_PASSAGES).fetchone():
            raise ValueError("the collection's model is missing")
    elif not is_valid_model(row):
        raise ValueError("the row of the collection's model is not valid")
    return row


HAS_PASSAGES = "SELECT 1 FROM passages LIMIT 1"


def is_valid_model(row: sqlite3.Row) -> bool:
    """Whether a row of `models` has values of the right types."""
    names = ("name", "fingerprint", "dimension", "window", "options")
    return _is_valid_model(*(row[name] for name in names))


@lru_cache(8, typed=True)  # every search asks several times
def _is_valid_model(
    name: object, fingerprint: object, dimension: object, window: object, options: object
) -> bool:
    try:
        return (
            isinstance(name, str)
            and isinstance(fingerprint, str)
            and all(isinstance(number, int) and number > 0 for number in (dimension, window))
            and isinstance(options, str)
            and isinstance(json.loads(options), dict)
        )
    except ValueError:
        return False


# Up to the generation `complete` nothing is pending, so no query has to scan the passages for that.
# Code that deletes vectors or changes the model sets it to 0.
_PENDING = (
    "FROM passages WHERE NOT EXISTS (SELECT 1 FROM vectors "
    "WHERE vectors.model_id = :model AND vectors.hash = passages.hash) "
    "AND NOT EXISTS (SELECT 1 FROM unreadable_texts AS unreadable "
    "WHERE unreadable.model_id = :model AND unreadable.hash = passages.hash) "
)


_PENDING_COLUMNS = "id, generation, hash, header, heading, text, tokens"


def _complete(connection: sqlite3.Connection, model_id: int | None = None) -> int:
    """Return the generation up to which nothing is pending: 0 for another than the current
    model."""
    if model_id is not None and value(connection, "model_id") != model_id:
        return 0
    return int(value(connection, "complete") or 0)


@from_all(all)
def is_complete(connection: sqlite3.Connection, model_id: int | None = None) -> bool:
    """Whether the database records that no passage is pending. Scans nothing.

    If it returns False, use `has_pending` to find out. `model_id`: default the current model.
    """
    return _complete(connection, model_id) == generation(connection)


@constant
@from_all(any)
@remembered
def has_pending(connection: sqlite3.Connection, model_id: int) -> bool:
    """Whether any passage has no vector. Fast if no passage is pending, or if the newest one is."""
    if is_complete(connection, model_id):
        return False
    sql = f"SELECT 1 {_PENDING} AND generation > :complete ORDER BY generation DESC LIMIT 1"
    rows = connection.execute(sql, {"model": model_id, "complete": _complete(connection, model_id)})
    return rows.fetchone() is not None


def mark_complete(connection: sqlite3.Connection) -> None:
    """Record that nothing is pending as of this generation."""
    set_value(connection, "complete", generation(connection))


@from_all(sum)
def count_pending(connection: sqlite3.Connection, model_id: int) -> int:
    """Return the number of different texts without a vector."""
    if is_complete(connection, model_id):
        return 0
    sql = f"SELECT count(DISTINCT hash) {_PENDING} AND generation > :complete"
    values = {"model": model_id, "complete": _complete(connection, model_id)}
    return int(connection.execute(sql, values).fetchone()[0])


@from_all(sum)
def count_with_vector(connection: sqlite3.Connection, model_id: int) -> int:
    """Return the number of passages with a vector: scans all of them."""
    sql = (
        "SELECT count(*) FROM passages WHERE EXISTS (SELECT 1 FROM vectors "
        "WHERE vectors.model_id = ? AND vectors.hash = passages.hash)"
    )
    return int(connection.execute(sql, (model_id,)).fetchone()[0])


@from_all(sum)
def count_without_vector(connection: sqlite3.Connection, model_id: int) -> int:
    """Return the number of pending passages, whatever `complete` says: scans all of them."""
    sql = f"SELECT count(*) {_PENDING}"
    return int(connection.execute(sql, {"model": model_id}).fetchone()[0])


@by_ids(1)
def count_pending_in_document(
    connection: sqlite3.Connection, model_id: int, document_id: int
) -> int:
    """Return the number of different texts of this document without a vector."""
    sql = f"SELECT count(DISTINCT hash) {_PENDING} AND document_id = :document"
    values = {"model": model_id, "document": document_id}
    return int(connection.execute(sql, values).fetchone()[0])


def pending_in_document(
    connection: sqlite3.Connection, model_id: int, document_id: int
) -> list[Pending]:
    """Return the pending passages of this document."""
    sql = f"SELECT {_PENDING_COLUMNS} {_PENDING} AND document_id = :document"
    rows = connection.execute(sql, {"model": model_id, "document": document_id})
    return [_pending(row) for row in rows]


def pending_after(
    connection: sqlite3.Connection, model_id: int, after: tuple[int, int], limit: int
) -> list[Pending]:
    """Return at most `limit` pending passages, sorted by (generation, id), that follow `after`.

    Begin with `after` = (0, 0), then pass the `position` of the last passage returned.
    """
    rows = connection.execute(
        f"SELECT {_PENDING_COLUMNS} {_PENDING} "
        "AND generation > :complete AND (generation, id) > (:generation, :id) "
        "ORDER BY generation, id LIMIT :limit",
        {
            "model": model_id,
            "complete": _complete(connection, model_id),
            "generation": after[0],
            "id": after[1],
            "limit": limit,
        },
    )
    return [_pending(row) for row in rows]


def _pending(row: sqlite3.Row) -> Pending:
    text = embedded_text(row["header"], row["text"])
    start = len(text) - len(row["text"]) + _headings_length(row["text"], json.loads(row["heading"]))
    return Pending((row["generation"], row["id"]), row["hash"], text, start, row["tokens"])


def _headings_length(text: str, heading: Sequence[str]) -> int:
    """Return the number of characters of the headings that a passage's text begins with; 0 if it
    consists of nothing else."""
    length = 0
    for line in text.splitlines(keepends=True):
        if line.strip("#=-* \t\r\n") not in ("", *heading):
            return length
        length += len(line)
    return 0


@by_ids(1)
def pending_among(
    connection: sqlite3.Connection, model_id: int, ids: Sequence[int]
) -> list[Pending]:
    """Return those of the passages `ids` that are pending."""
    sql = f"SELECT {_PENDING_COLUMNS} {_PENDING} AND id"
    rows = by_id(connection, sql.replace(":model", "?"), ids, model_id, model_id)
    return [_pending(row) for row in rows]


def save_unreadable(connection: sqlite3.Connection, model_id: int, hashes: Iterable[bytes]) -> None:
    """Record that the encoder cannot read the texts of these hashes, so that they stay without a
    vector and are not given to it again."""
    connection.executemany(
        "INSERT OR IGNORE INTO unreadable_texts (model_id, hash) VALUES (?, ?)",
        ((model_id, digest) for digest in hashes),
    )


@from_all(joined)
def embedded(connection: sqlite3.Connection, model_id: int) -> Iterator[Pending]:
    """Yield the different texts that have a vector of this model, as they were embedded."""
    rows = connection.execute(
        f"SELECT {_PENDING_COLUMNS} FROM passages WHERE EXISTS (SELECT 1 FROM vectors "
        "WHERE vectors.model_id = ? AND vectors.hash = passages.hash) GROUP BY hash",
        (model_id,),
    )
    return map(_pending, rows)


def replace_by_unreadable(
    connection: sqlite3.Connection, model_id: int, at_generation: int, hashes: Sequence[bytes]
) -> None:
    """Delete the vectors of these texts, and record that the encoder cannot read them.

    The vector files are written anew: they have no list of vectors that were deleted while their
    passages stay. `at_generation` is the generation of the deletion.
    """
    connection.executemany(
        "DELETE FROM vectors WHERE model_id = ? AND hash = ?",
        ((model_id, digest) for digest in hashes),
    )
    save_unreadable(connection, model_id, hashes)
    connection.execute("DELETE FROM index_files WHERE kind IN ('vectors', 'codes')")
    set_value(connection, "trimmed", at_generation)


@constant
@from_all(any)
@remembered
def has_unreadable(connection: sqlite3.Connection, model_id: int) -> bool:
    """Whether the encoder cannot read some text. Scans nothing."""
    sql = "SELECT 1 FROM unreadable_texts WHERE model_id = ? LIMIT 1"
    return connection.execute(sql, (model_id,)).fetchone() is not None


@from_all(sum)
def count_unreadable(connection: sqlite3.Connection, model_id: int) -> int:
    """Return the number of passages whose text the encoder cannot read."""
    row = connection.execute(
        "SELECT count(*) FROM unreadable_texts AS unreadable CROSS JOIN passages "
        "ON passages.hash = unreadable.hash WHERE unreadable.model_id = ?",
        (model_id,),
    ).fetchone()
    return int(row[0])


def save_vectors(
    connection: sqlite3.Connection,
    model_id: int,
    generation: int,
    hashes: Sequence[bytes],
    vectors: NDArray[np.float32],
) -> None:
    """Store one vector for each text hash; `vectors` is (n, d) float32, unit rows.

    Raises ModelError if the dimension or a row's length is wrong: a NaN would be similar to
    everything, a longer vector too similar.
    """
    _check(connection, model_id, vectors)
    rows = vectors.astype("<f4", copy=False)
    connection.executemany(
        "INSERT OR IGNORE INTO vectors (model_id, hash, generation, vector, checksum) "
        "VALUES (?, ?, ?, ?, ?)",
        (
            (model_id, digest, generation, blob := row.tobytes(), blob_checksum(blob))
            for digest, row in zip(hashes, rows, strict=True)
        ),
    )


def _check(connection: sqlite3.Connection, model_id: int, vectors: NDArray[np.float32]) -> None:
    import numpy as np

    sql = "SELECT name, dimension FROM models WHERE id = ?"
    name, dimension = connection.execute(sql, (model_id,)).fetchone()
    remedy = "None of them was stored. Use another model: ragkit index --rebuild --model NAME"
    if vectors.shape[1] != dimension:
        raise ModelError(
            f"{name} made vectors of {vectors.shape[1]} numbers; expected {dimension}. {remedy}"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    if (wrong := ~(np.abs(lengths - 1) < UNIT_TOLERANCE)).any():  # true for NaN as well
        raise ModelError(
            f"{name} made {wrong.sum()} of {len(vectors)} vectors that cannot be compared: one has "
            f"length {lengths[wrong][0]:.4g}; expected 1. {remedy}"
        )


@by_ids(1)
def stored_vectors(
    connection: sqlite3.Connection, model_id: int, ids: Sequence[int]
) -> dict[int, NDArray[np.float32]]:
    """Return the stored vectors of the passages `ids`: id → (d,) float32, unit length.

    Unknown ids and pending passages are left out, and so are vectors that are not as they were
    written, which are reported.
    """
    import numpy as np

    rows = by_id(  # CROSS JOIN: else SQLite would begin with all vectors of the model
        connection,
        "SELECT passages.id, vectors.vector, vectors.checksum, vectors.id "
        "FROM passages CROSS JOIN vectors ON vectors.hash = passages.hash "
        "AND vectors.model_id = ? WHERE passages.id",
        ids,
        model_id,
    )
    return {
        id_: np.frombuffer(blob, dtype="<f4")
        for id_, blob in intact_vectors(connection, model_id, rows)
    }


def intact_vectors(
    connection: sqlite3.Connection, model_id: int, rows: Iterable[Sequence[Any]]
) -> Iterator[tuple[int, bytes]]:
    """Yield (passage id, float32 blob) of rows (passage id, blob, checksum, vector id), without
    those whose vector is not as it was written, which are reported."""
    row = connection.execute("SELECT dimension FROM models WHERE id = ?", (model_id,)).fetchone()
    size = None if row is None else 4 * row[0]
    damaged: set[int] = set()
    for passage_id, blob, checksum, vector_id in rows:
        is_sound = isinstance(blob, bytes) and len(blob) == size
        if is_sound and (checksum is None or blob_checksum(blob) == checksum):
            yield passage_id, blob
        else:
            damaged.add(vector_id)
    report_damage(connection, vectors=damaged)


def delete_vectors(connection: sqlite3.Connection, at_generation: int) -> None:
    """Delete all vectors and the rows of their index files, so that everything is embedded again.

    `at_generation` is the generation of the deletion.
    """
    connection.execute("DELETE FROM vectors")
    connection.execute("DELETE FROM unreadable_texts")
    forget_vector_files(connection, at_generation)


def forget_vector_files(connection: sqlite3.Connection, at_generation: int) -> None:
    """Delete the rows of the vector files, because vectors that they may contain were deleted.

    Readers start again from the database, and pending passages are looked for.
    """
    connection.execute("DELETE FROM index_files WHERE kind IN ('vectors', 'codes')")
    set_value(connection, "trimmed", at_generation)
    set_value(connection, "complete", 0)
