"""No SQL statement of a query, of a status or of a run without changes scans a large table."""

import sqlite3
from contextlib import closing

import pytest

from ragkit.storage.sqlite.database import Database

# Steps of a query plan that read all passages, documents or vectors; counting by an index is fine.
TABLE_SCANS = (
    "SCAN passages",
    "SCAN vectors",
    "SCAN documents",
    "autoindex_vectors_1 (model_id=?)",
)
COUNT = "SELECT count(*) FROM "
SAMPLE = "ORDER BY hash, id LIMIT"  # reads the first rows of an index


@pytest.fixture
def table_scans(monkeypatch):
    """Return a function: the statements since its last call that scan a table, with their plans."""
    statements = []
    configure = Database._configure

    def configure_with_trace(self, connection):
        configure(self, connection).set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(Database, "_configure", configure_with_trace)

    def scans(collection):
        scanning = []
        with closing(sqlite3.connect(collection.folder / "ragkit.db")) as connection, connection:
            for statement in statements:
                if SAMPLE in statement:
                    continue
                if statement.startswith("SELECT") and not statement.startswith(COUNT):
                    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
                    steps = [row[3] for row in plan]
                    if any(part in f"{step} " for step in steps for part in TABLE_SCANS):
                        scanning.append((statement, steps))
        statements.clear()
        connection.close()
        return scanning

    return scans


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_query_scans_no_table(open_collection, folder, table_scans, mode):
    for number in range(60):  # for few ids SQLite chooses well by itself
        (folder / f"{number}.txt").write_text(f"Parents number{number} at home.")
    collection = open_collection()
    collection.index(folder)
    collection.search("keys")  # opens the index files
    (folder / "leave.txt").write_text("Parents may now stay for a year.")
    collection.index(folder)
    table_scans(collection)
    assert collection.search("parents at home", mode=mode, k=50, context=1)
    assert table_scans(collection) == []


def test_status_and_a_run_without_changes_scan_no_table(open_collection, folder, table_scans):
    collection = open_collection()
    collection.index(folder)
    table_scans(collection)
    collection.index(folder)
    collection.index(folder / "leave.txt")
    collection.status()
    assert table_scans(collection) == []


def test_indexing_one_changed_file_scans_no_table(open_collection, folder, table_scans):
    collection = open_collection()
    collection.index(folder)
    (folder / "leave.txt").write_text("Parents may now stay for a year.")
    table_scans(collection)
    collection.index(folder)
    # A tenth has changed: new vector files and a new lexical index are written from all rows.
    whole = ("vectors.vector", "SELECT id, header, text, document_id FROM passages")
    scans = [
        statement
        for statement in table_scans(collection)
        if not any(words in statement[0] for words in whole)
    ]
    assert scans == []
