"""What a query, a status and a run without changes ask of SQLite grows with no table."""

import sqlite3

import pytest

from ragkit.storage.sqlite.database import Database

# A look through all passages, or at all vectors of the model; counting over an index is fine.
WHOLE = ("SCAN passages", "SCAN vectors", "SCAN documents", "autoindex_vectors_1 (model_id=?)")
COUNT = "SELECT count(*) FROM "


@pytest.fixture
def whole_looks(monkeypatch):
    """Statements run since the last call, with their plans, that look at a whole table."""
    statements = []
    configured = Database._configured

    def traced(self, connection):
        configured(self, connection).set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(Database, "_configured", traced)

    def looks(collection):
        found = []
        with sqlite3.connect(collection.folder / "ragkit.db") as connection:
            for each in statements:
                if each.startswith("SELECT") and not each.startswith(COUNT):
                    plan = connection.execute(f"EXPLAIN QUERY PLAN {each}").fetchall()
                    steps = [row[3] for row in plan]
                    if any(part in f"{step} " for step in steps for part in WHOLE):
                        found.append((each, steps))
        statements.clear()
        connection.close()
        return found

    return looks


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_query_looks_through_no_table(open_collection, folder, whole_looks, mode):
    for number in range(60):  # for few ids SQLite chooses well by itself
        (folder / f"{number}.txt").write_text(f"Parents number{number} at home.")
    collection = open_collection()
    collection.index(folder)
    collection.search("keys")  # opens the index files
    (folder / "leave.txt").write_text("Parents may now stay for a year.")
    collection.index(folder)
    whole_looks(collection)
    assert collection.search("parents at home", mode=mode, k=50, context=1)
    assert whole_looks(collection) == []


def test_status_and_a_run_without_changes_look_through_no_table(
    open_collection, folder, whole_looks
):
    collection = open_collection()
    collection.index(folder)
    whole_looks(collection)
    collection.index(folder)
    collection.index(folder / "leave.txt")
    collection.status()
    assert whole_looks(collection) == []


def test_one_changed_file_looks_through_no_table(open_collection, folder, whole_looks):
    collection = open_collection()
    collection.index(folder)
    (folder / "leave.txt").write_text("Parents may now stay for a year.")
    whole_looks(collection)
    collection.index(folder)
    # A new vector file, as a tenth has changed, is written from all there is.
    looks = [each for each in whole_looks(collection) if "vectors.vector" not in each[0]]
    assert looks == []
