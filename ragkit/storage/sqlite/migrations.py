"""The schema of a collection, as numbered steps. A released step is never edited.

`PRAGMA user_version` repeats the number of the last step, so that opening an up-to-date
collection needs neither this module nor sqlite-utils, which brings an older one up to date. A new
collection is made without it: where pandas is installed, sqlite-utils imports that, which costs
more time and memory than indexing a small folder. The schema is public: docs/storage.md.
"""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from ragkit.storage.sqlite import checksums

if TYPE_CHECKING:
    import sqlite_utils

_SET = "ragkit"  # the name of these steps among those of other programs
# As sqlite-utils makes it; every step that was applied has a row.
_APPLIED = (
    'CREATE TABLE "_sqlite_migrations" (\n   "id" INTEGER PRIMARY KEY,\n   "migration_set" TEXT,\n'
    '   "name" TEXT,\n   "applied_at" TEXT\n)',
    'CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"\n'
    '    ON "_sqlite_migrations" ("migration_set", "name")',
)


def apply(connection: sqlite3.Connection) -> None:
    """Apply the steps that are missing, in the caller's transaction: all of them or none.

    Another process may have applied them before this transaction began.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
        _create(connection)
    elif version < len(STEPS):
        _upgrade(connection)


def import_upgrader() -> None:
    """Import what upgrades a database, which can take seconds: call it before the transaction, as
    others wait for that."""
    import sqlite_utils.migrations  # noqa: F401


def _create(connection: sqlite3.Connection) -> None:
    """Apply all steps to an empty database."""
    for statement in _APPLIED:
        connection.execute(statement)
    for step in STEPS:
        step(connection)
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)",
            (_SET, step.__name__, str(datetime.datetime.now(datetime.UTC))),
        )


def _upgrade(connection: sqlite3.Connection) -> None:
    """Apply the steps that a database does not have."""
    import sqlite_utils
    from sqlite_utils.migrations import Migrations

    migrations = Migrations(_SET)
    for step in STEPS:
        migrations(name=step.__name__)(_for_sqlite_utils(step))
    migrations.apply(sqlite_utils.Database(connection, recursive_triggers=False))


def _for_sqlite_utils(
    step: Callable[[sqlite3.Connection], None],
) -> Callable[[sqlite_utils.Database], None]:
    def apply_step(db: sqlite_utils.Database) -> None:
        step(db.conn)

    return apply_step


def m001_collection(connection: sqlite3.Connection) -> None:
    """Create roots, files, documents, passages, models, vectors, removals and index files."""
    _execute(connection, _M001)


def m002_places(connection: sqlite3.Connection) -> None:
    """Add locators for formats without pages and lines, details of each file, and model options."""
    _execute(connection, _M002)


def m003_integrity(connection: sqlite3.Connection) -> None:
    """Add checksums of texts and vectors, times of change, unreadable texts and a collection id."""
    _execute(connection, _M003)
    _compute_checksums(connection)


def m004_unsupported(connection: sqlite3.Connection) -> None:
    """Allow the status `unsupported`, and give it to files of formats without a reader."""
    connection.create_function("ragkit_fields_checksum", -1, _checksum_of_fields)
    _execute(connection, _M004)


def m005_judgements(connection: sqlite3.Connection) -> None:
    """Add the user's judgements of what answers a query."""
    _execute(connection, _M005)


def m006_topics(connection: sqlite3.Connection) -> None:
    """Add the topics of passages, which `ragkit topics` can make again."""
    _execute(connection, _M006)


def m007_versions(connection: sqlite3.Connection) -> None:
    """Add which documents are older versions of others, which `ragkit index` can find again."""
    _execute(connection, _M007)


STEPS = (
    m001_collection,
    m002_places,
    m003_integrity,
    m004_unsupported,
    m005_judgements,
    m006_topics,
    m007_versions,
)


def _execute(connection: sqlite3.Connection, statements: str) -> None:
    """Execute statements with a blank line behind each: triggers hold ";"."""
    for statement in statements.split("\n\n"):
        connection.execute(statement)


def _checksum_of_fields(*values: object) -> bytes:
    """`checksums.fields_checksum` for SQL. Text is passed as bytes, because SQLite cannot pass a
    text that is no UTF-8."""
    return checksums.fields_checksum(
        value.decode(errors="replace") if isinstance(value, bytes) else value for value in values
    )


def _compute_checksums(connection: sqlite3.Connection) -> None:
    """Store checksums of the rows that are there. From now on a change of them is noticed."""
    connection.create_function("ragkit_blob_checksum", 1, checksums.blob_checksum)
    connection.create_function("ragkit_fields_checksum", -1, _checksum_of_fields)
    connection.execute(
        "UPDATE documents SET checksum = ragkit_blob_checksum(CAST(text AS BLOB)), "
        "fields_checksum = ragkit_fields_checksum(file_id, CAST(record AS BLOB), "
        "CAST(title AS BLOB), CAST(pages AS BLOB), CAST(locators AS BLOB), lines, "
        "CAST(metadata AS BLOB))"
    )
    connection.execute(
        'UPDATE passages SET checksum = ragkit_fields_checksum(id, document_id, start, "end", '
        "page, CAST(locator AS BLOB), start_line, end_line, CAST(heading AS BLOB), tokens)"
    )
    connection.execute(
        "UPDATE files SET checksum = ragkit_fields_checksum(CAST(status AS BLOB), "
        "CAST(reason AS BLOB), CAST(media_type AS BLOB), CAST(encoding AS BLOB), "
        "CAST(warnings AS BLOB))"
    )
    connection.execute("UPDATE vectors SET checksum = ragkit_blob_checksum(vector)")


_M001 = """
-- generation: counts the commits that changed passages or vectors; trimmed: removals up to it
-- are forgotten; model_id: the encoder in use
CREATE TABLE collection (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,          -- absolute: a folder, or a single file
    folder TEXT NOT NULL,               -- what the paths of its files are relative to
    include TEXT NOT NULL DEFAULT '[]', -- JSON array of globs
    exclude TEXT NOT NULL DEFAULT '[]'
);

-- the ledger: every file of every root, also those that were not read
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    root_id INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
    path TEXT NOT NULL,                 -- relative to the root's folder, "/" between parts
    size INTEGER NOT NULL DEFAULT 0,    -- bytes
    mtime_ns INTEGER,                   -- NULL: read it again next time
    inode INTEGER,
    hash BLOB,                          -- of the bytes; NULL where they were not read
    status TEXT NOT NULL CHECK (status IN ('indexed', 'empty', 'skipped', 'failed')),
    reason TEXT,
    recipe TEXT,                        -- how it was read and cut; another recipe reads again
    media_type TEXT,
    encoding TEXT,
    warnings TEXT NOT NULL DEFAULT '[]',
    UNIQUE (root_id, path)
);

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    file_id INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE,
    record TEXT NOT NULL DEFAULT '',    -- which record of the file; '' is the whole of it
    title TEXT,
    text TEXT NOT NULL,
    pages TEXT NOT NULL DEFAULT '[]',   -- JSON array: offset at which each page starts
    lines INTEGER NOT NULL DEFAULT 0,   -- 1: line numbers of the text are those of the file
    metadata TEXT NOT NULL DEFAULT '{}',
    UNIQUE (file_id, record)
);

-- AUTOINCREMENT: an id is never used again, so an index file can never name another passage
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    start INTEGER NOT NULL,             -- characters into documents.text
    "end" INTEGER NOT NULL,
    text TEXT NOT NULL,
    header TEXT NOT NULL,               -- embedded before the text
    heading TEXT NOT NULL,              -- JSON array, outermost first
    page INTEGER,
    start_line INTEGER,
    end_line INTEGER,
    tokens INTEGER NOT NULL,            -- of header and text
    hash BLOB NOT NULL,                 -- of what is embedded: header and text
    generation INTEGER NOT NULL         -- in which it came
);

CREATE INDEX passages_document ON passages (document_id);

CREATE INDEX passages_hash ON passages (hash);

CREATE INDEX passages_generation ON passages (generation);

CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    window INTEGER NOT NULL
);

CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    hash BLOB NOT NULL,                 -- of the embedded text
    generation INTEGER NOT NULL,
    vector BLOB NOT NULL,               -- little-endian float32, unit length
    UNIQUE (model_id, hash)
);

CREATE INDEX vectors_generation ON vectors (generation);

-- passages that index files of an older generation still name
CREATE TABLE removals (passage_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);

-- the caches: which file holds which generation
CREATE TABLE index_files (
    kind TEXT PRIMARY KEY,              -- vectors, words
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    model_id INTEGER
) WITHOUT ROWID;

CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
    INSERT OR REPLACE INTO removals
    VALUES (old.id, (SELECT value FROM collection WHERE key = 'generation'));
END;

INSERT INTO collection VALUES ('generation', 0), ('trimmed', 0);

PRAGMA user_version = 1
"""

_M002 = """
-- JSON array of [start, kind, value]
ALTER TABLE documents ADD COLUMN locators TEXT NOT NULL DEFAULT '[]';

-- "slide=3", "sheet=Budget!A2:F9": what a citation says behind the path
ALTER TABLE passages ADD COLUMN locator TEXT;

-- JSON object: precision, dimensions, base_url, …
ALTER TABLE models ADD COLUMN options TEXT NOT NULL DEFAULT '{}';

-- JSON object: how the type was told, how sure the encoding is, pages, tables, seconds, …
ALTER TABLE files ADD COLUMN details TEXT NOT NULL DEFAULT '{}';

PRAGMA user_version = 2
"""

_M003 = """
-- 8 bytes of BLAKE2b over the text as UTF-8; NULL: written by an earlier version, not checked
ALTER TABLE documents ADD COLUMN checksum BLOB;

-- the same over the other columns of the document (checksums.DOCUMENT_COLUMNS)
ALTER TABLE documents ADD COLUMN fields_checksum BLOB;

-- the same over what a list of files shows (checksums.FILE_COLUMNS)
ALTER TABLE files ADD COLUMN checksum BLOB;

-- the same over the columns of the passage but header and text (checksums.PASSAGE_COLUMNS)
ALTER TABLE passages ADD COLUMN checksum BLOB;

-- 8 bytes of BLAKE2b over the bytes of the vector; NULL: written by an earlier version
ALTER TABLE vectors ADD COLUMN checksum BLOB;

-- time of the last change of the inode; NULL: not known, size, mtime_ns and inode decide
ALTER TABLE files ADD COLUMN ctime_ns INTEGER;

-- texts that consist mostly of words that the tokenizer of a model does not know: no vector
CREATE TABLE unreadable_texts (
    model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    hash BLOB NOT NULL,                 -- of the embedded text, as in passages
    PRIMARY KEY (model_id, hash)
) WITHOUT ROWID;

-- a random name of this collection: the user's list of trusted collections refers to it
INSERT INTO collection VALUES ('id', lower(hex(randomblob(16))));

PRAGMA user_version = 3
"""

# The table keeps its rows: to drop and make it again would delete what refers to them.
_M004 = """
ALTER TABLE files RENAME COLUMN status TO old_status

ALTER TABLE files ADD COLUMN status TEXT NOT NULL DEFAULT 'skipped'
    CHECK (status IN ('indexed', 'empty', 'skipped', 'failed', 'unsupported'))

-- a checksum that does not fit stays wrong, so that damage of an earlier time is still noticed
UPDATE files SET status = 'unsupported', checksum = iif(
    checksum = ragkit_fields_checksum(CAST(old_status AS BLOB), CAST(reason AS BLOB),
        CAST(media_type AS BLOB), CAST(encoding AS BLOB), CAST(warnings AS BLOB)),
    ragkit_fields_checksum('unsupported', CAST(reason AS BLOB), CAST(media_type AS BLOB),
        CAST(encoding AS BLOB), CAST(warnings AS BLOB)),
    checksum)
WHERE old_status = 'skipped' AND json_valid(details)
    AND json_extract(details, '$.kind') = 'unsupported'

UPDATE files SET status = old_status WHERE status != 'unsupported'

ALTER TABLE files DROP COLUMN old_status

PRAGMA user_version = 4
"""

_M005 = """
-- what a user said about a part of a document; it stays when passages are cut anew
CREATE TABLE judgements (
    id INTEGER PRIMARY KEY,
    query TEXT NOT NULL,
    document_id INTEGER REFERENCES documents(id) ON DELETE SET NULL,
    path TEXT NOT NULL,                 -- of the document, as it was shown
    start INTEGER NOT NULL,             -- characters into its text, when it was judged
    quote TEXT NOT NULL,                -- the judged text; '' is the whole document
    relevant INTEGER NOT NULL CHECK (relevant IN (0, 1)),
    judged_at TEXT NOT NULL,            -- UTC, ISO 8601
    UNIQUE (query, path, quote)
)

CREATE INDEX judgements_document ON judgements (document_id)

PRAGMA user_version = 5
"""

_M006 = """
-- groups of passages with similar vectors; made again by `ragkit topics`
CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES topics(id) ON DELETE SET NULL,
    model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    name TEXT NOT NULL UNIQUE,          -- the first terms
    terms TEXT NOT NULL,                -- JSON array, by class-based TF-IDF
    center BLOB NOT NULL                -- float32, unit length
)

CREATE TABLE passage_topics (
    passage_id INTEGER PRIMARY KEY REFERENCES passages(id) ON DELETE CASCADE,
    topic_id INTEGER NOT NULL REFERENCES topics(id) ON DELETE CASCADE
)

CREATE INDEX passage_topics_topic ON passage_topics (topic_id)

PRAGMA user_version = 6
"""

_M007 = """
-- documents with the part of their names that all versions share; those without one are left out
CREATE TABLE version_keys (
    document_id INTEGER PRIMARY KEY REFERENCES documents(id) ON DELETE CASCADE,
    key TEXT NOT NULL
)

CREATE INDEX version_keys_key ON version_keys (key)

-- pairs of documents that are versions of each other; found again by `ragkit index`
CREATE TABLE newer_versions (
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    newer_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    PRIMARY KEY (document_id, newer_id)
) WITHOUT ROWID

CREATE INDEX newer_versions_newer ON newer_versions (newer_id)

PRAGMA user_version = 7
"""
