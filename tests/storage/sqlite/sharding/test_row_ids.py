import pytest

from ragkit.storage.sqlite import files
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.sharding.row_ids import first_row_id, set_first_row_id, shared_row_id


@pytest.fixture
def store(tmp_path):
    opened = Database(tmp_path / "kit", create=True)
    yield opened
    opened.close()


def record(connection, name):
    root = files.save_root(connection, "/data", "/data", (), ())
    return root, files.record_file(connection, root, name, status="indexed")


def test_ids_of_a_shard_begin_at_its_number(store):
    with store.writing() as connection:
        set_first_row_id(connection, 5 << 40)
        root, first = record(connection, "a")
        assert first == (5 << 40) + 1
        assert record(connection, "b") == (root, first + 1)
        assert record(connection, "a") == (root, first)
        assert root == shared_row_id(connection, "/data")
        assert first_row_id(connection) == 5 << 40


def test_sqlite_chooses_the_ids_of_an_ordinary_collection(store):
    with store.writing() as connection:
        assert first_row_id(connection) is None
        assert shared_row_id(connection, "/data") is None
        assert record(connection, "a") == (1, 1)
