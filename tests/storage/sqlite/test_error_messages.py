"""SQLite's errors in words."""

import sqlite3
from pathlib import Path

import pytest

from ragkit.storage.sqlite.error_messages import damaged_message, to_collection_error

PATH = Path("/notes/.ragkit/ragkit.db")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (sqlite3.OperationalError("database is locked"), "stayed locked for 10 s"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "it is read-only"),
        (sqlite3.DatabaseError("file is not a database"), "is not a SQLite database"),
        (sqlite3.DatabaseError("database disk image is malformed"), "is damaged (database disk"),
        (sqlite3.OperationalError("no such table: files"), "is damaged (no such table: files)"),
        (sqlite3.IntegrityError("UNIQUE constraint failed: a.b"), "is damaged (UNIQUE"),
        (sqlite3.OperationalError("something else"), "cannot be used: something else"),
    ],
)
def test_a_message_says_what_was_found(error, expected):
    assert expected in str(to_collection_error(error, PATH))


def test_a_damaged_text_is_not_part_of_the_message():
    error = sqlite3.OperationalError("Could not decode to UTF-8 column 'text' with text 'secret'")
    assert "secret" not in str(to_collection_error(error, PATH))


def test_damage_has_a_remedy():
    message = damaged_message(PATH, "x")
    assert "ragkit doctor --repair" in message
    assert "move /notes/.ragkit away" in message
