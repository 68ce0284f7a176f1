"""Rows as JSON and back: of every type, also those that JSON has in another form."""

import contextlib
import sqlite3

import pytest

from ragkit.storage.sqlite import transfer
from ragkit.storage.sqlite.database import Database


@pytest.fixture
def store(tmp_path):
    with contextlib.closing(Database(tmp_path / "kit", create=True)) as store:
        yield store


ROOT = {"id": 3, "path": "/a", "folder": "/a", "include": ["*.md"], "exclude": []}
FILE = {
    "id": 5, "root_id": 3, "path": "ö.md", "size": 1 << 40, "mtime_ns": None, "inode": 7,
    "hash": "00ff", "status": "indexed", "reason": None, "recipe": "x", "media_type": None,
    "encoding": None, "warnings": ["a"], "details": {"seconds": 0.1}, "ctime_ns": None,
    "checksum": None,
}  # fmt: skip


def test_rows_come_out_as_they_went_in(store):
    with store.writing() as connection:
        transfer.insert_rows(connection, "roots", [ROOT])
        transfer.insert_rows(connection, "files", [FILE])
    with store.reading() as connection:
        assert list(transfer.rows(connection, "roots")) == [ROOT]
        assert list(transfer.rows(connection, "files")) == [FILE]
        assert transfer.counts(connection)["files"] == 1
        [row] = connection.execute("SELECT hash, details FROM files").fetchall()
        assert tuple(row) == (b"\x00\xff", '{"seconds": 0.1}')


def test_a_json_text_that_is_written_in_another_way_stays_as_it_is(store):
    root = {**ROOT, "include": '["*.md" ]'}
    with store.writing() as connection:
        transfer.insert_rows(connection, "roots", [root])
    with store.reading() as connection:
        assert list(transfer.rows(connection, "roots")) == [root]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({**ROOT, "more": 1}, "has the fields"),
        ({"id": 3}, "has the fields"),
        ({**ROOT, "id": "3"}, "id is '3'; expected int"),
        ({**ROOT, "path": ["/a"]}, "path is a JSON list"),
        ({**ROOT, "path": 5}, "path is 5; expected str"),
        ({**ROOT, "path": None}, "NOT NULL"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(store, row, error):
    with (
        pytest.raises((ValueError, sqlite3.IntegrityError), match=error),
        contextlib.closing(sqlite3.connect(store.path)) as connection,
    ):
        transfer.insert_rows(connection, "roots", [row])


def test_a_copy_has_the_content_of_the_snapshot(store, tmp_path):
    with store.writing() as connection:
        transfer.insert_rows(connection, "roots", [ROOT])
    with store.reading() as connection:
        assert transfer.counts(connection)["roots"] == 1
        with store.writing() as other:
            other.execute("DELETE FROM roots")
        transfer.copy_to(connection, tmp_path / "copy.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT path FROM roots").fetchall() == [("/a",)]


def test_the_settings_of_a_collection_need_their_numbers(store):
    with store.reading() as connection:
        values = transfer.settings_of(connection)
    assert values["last_passage_id"] == 0
    with store.writing() as connection:
        transfer.set_settings(connection, {**values, "generation": 9, "last_passage_id": 70})
    with store.reading() as connection:
        assert transfer.settings_of(connection) == {"generation": 9, "last_passage_id": 70}
    for key in ("generation", "last_passage_id"):
        with pytest.raises(ValueError, match=f"{key} is None"), store.reading() as connection:
            transfer.set_settings(connection, {**values, key: None})
