"""Databases are compared by rows; what a run without changes may write does not count."""

import contextlib
import sqlite3

import pytest

from ragkit.storage.sqlite.sharding.same_rows import have_same_rows

SCHEMA = """
CREATE TABLE collection (key TEXT PRIMARY KEY, value ANY) WITHOUT ROWID;
CREATE TABLE index_files (kind TEXT, name TEXT, generation INTEGER, checksum TEXT);
CREATE TABLE files (
  id INTEGER PRIMARY KEY, path TEXT, mtime_ns INTEGER, ctime_ns INTEGER, details TEXT
);
CREATE INDEX files_path ON files (path);
INSERT INTO collection VALUES ('generation', 4), ('complete', 4), ('trimmed', 0), ('id', 'a');
INSERT INTO index_files VALUES ('vectors', 'v', 3, '{"checksum": "ab", "stamp": [1, 2]}');
INSERT INTO files VALUES (1, 'b', 7, 8, '{"seconds": 2}'), (2, 'a', 7, -1, NULL);
"""


def database(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE collection SET value = 5 WHERE key IN ('generation', 'complete')",
        "UPDATE collection SET value = 2 WHERE key = 'trimmed'",
        """UPDATE index_files SET checksum = '{"checksum": "ab", "stamp": [3, 4]}'""",
        "UPDATE files SET ctime_ns = 9",
        "UPDATE files SET details = json_set(details, '$.sample', 'ab')",
        "UPDATE files SET details = json_remove(details, '$.sample')",
        "REINDEX",
    ],
)
def test_counts_of_generations_and_notes_about_files_are_not_compared(tmp_path, statement):
    assert have_same_rows(database(tmp_path / "a"), database(tmp_path / "b", statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE collection SET value = 'b' WHERE key = 'id'",
        """UPDATE index_files SET checksum = '{"checksum": "ac", "stamp": [1, 2]}'""",
        "UPDATE files SET path = 'c' WHERE id = 2",
        "DELETE FROM files WHERE id = 2",
        "UPDATE files SET mtime_ns = 9",
        "INSERT INTO files VALUES (3, 'c', 7, 8, NULL)",
        """UPDATE files SET details = '{"seconds": 3}' WHERE id = 1""",
        "CREATE TABLE more (id INTEGER)",
    ],
)
def test_every_other_difference_counts(tmp_path, statement):
    first, second = database(tmp_path / "a"), database(tmp_path / "b", statement)
    assert not have_same_rows(first, second)
    assert not have_same_rows(second, first)


def test_a_damaged_database_is_not_the_same(tmp_path):
    first, second = database(tmp_path / "a"), tmp_path / "b"
    second.write_bytes(first.read_bytes()[:4096] + bytes(8192))
    assert not have_same_rows(first, second)
