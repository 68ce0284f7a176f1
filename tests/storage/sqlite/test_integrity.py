"""The check of a whole database. Every damage is made with SQL, as a changed bit would make it."""

import sqlite3

import numpy as np
import pytest

from ragkit.storage.sqlite import files, integrity, passages, state
from ragkit.storage.sqlite.checksums import DOCUMENT_COLUMNS, PASSAGE_COLUMNS, fields_checksum


@pytest.fixture
def filled(store, add):
    """Return a database with two documents and a vector for each of three passages."""
    add("a.txt", "Cats sleep. Dogs bark", title="Pets", metadata={"author": "Ann"}, mtime_ns=1)
    add("b.txt", "Birds sing", mtime_ns=2)
    with store.changing() as (connection, generation):
        model_id = passages.use_model(connection, "mini", "f" * 64, 2, 256)
        hashes = [row[0] for row in connection.execute("SELECT hash FROM passages ORDER BY id")]
        vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
        passages.save_vectors(connection, model_id, generation, hashes, vectors)
        passages.mark_complete(connection)
    return store


def change(store, *statements):
    store.close()
    connection = store._connect()
    connection.execute("PRAGMA foreign_keys = OFF")  # a changed bit ignores them, too
    for statement in statements:
        connection.execute(statement)
    connection.close()


def check(store):
    with store.reading() as connection:
        return integrity.check(connection)


def test_an_intact_database_has_no_findings(filled):
    assert check(filled) == []


def test_an_empty_collection_has_no_findings(store):
    assert check(store) == []


@pytest.mark.parametrize(
    ("statement", "kind", "ids"),
    [
        ("UPDATE documents SET text = 'Cats Sleep. Dogs bark' WHERE id = 1", "document_text", (1,)),
        ("UPDATE documents SET title = 'Pet' WHERE id = 1", "document_fields", (1,)),
        ("UPDATE documents SET metadata = '{' WHERE id = 1", "document_fields", (1,)),
        ("UPDATE documents SET pages = 7 WHERE id = 2", "document_fields", (2,)),
        ("UPDATE passages SET text = 'Dogs bar_' WHERE id = 2", "passage", (1,)),
        ("UPDATE passages SET header = 'x' WHERE id = 2", "passage", (1,)),
        ("UPDATE passages SET text = x'ff' WHERE id = 3", "passage", (2,)),
        ("UPDATE passages SET start = 1 WHERE id = 3", "passage", (2,)),
        ("UPDATE passages SET start = 'x' WHERE id = 3", "passage", (2,)),
        ("UPDATE passages SET heading = '[' WHERE id = 3", "passage", (2,)),
        ("UPDATE passages SET page = 7 WHERE id = 3", "passage", (2,)),
        ("UPDATE passages SET hash = x'00' WHERE id = 3", "passage", (2,)),
        ("UPDATE passages SET generation = 99 WHERE id = 3", "generation", ()),
        ("UPDATE vectors SET vector = x'0000803f00000000' WHERE id = 2", "vector", (2,)),
        ("UPDATE vectors SET vector = x'00' WHERE id = 2", "vector", (2,)),
        ("UPDATE vectors SET vector = 0 WHERE id = 2", "vector", (2,)),
        ("DELETE FROM vectors WHERE id = 1", "pending", ()),
        ("UPDATE files SET details = '{'", "json", ()),
        ("UPDATE files SET status = 'empty' WHERE id = 2", "file", (2,)),
        ("UPDATE files SET media_type = 'text/plaiN' WHERE id = 2", "file", (2,)),
        ("UPDATE files SET mtime_ns = 'x'", "type", ()),
        ("UPDATE models SET dimension = 'x'", "model", ()),
        ("UPDATE models SET options = '['", "model", ()),
        ("DELETE FROM models", "model", ()),
        ("DELETE FROM collection WHERE key = 'model_id'", "model", ()),
        ("UPDATE collection SET value = 'x' WHERE key = 'generation'", "generation", ()),
        ("ALTER TABLE passages RENAME COLUMN page TO pagf", "schema", ()),
        ("UPDATE files SET warnings = '{}'", "json", ()),
        ("UPDATE documents SET file_id = 99 WHERE id = 2", "document_fields", (2,)),
        ("DROP TRIGGER passages_removed", "schema", ()),
        ("DROP TABLE removals", "schema", ()),
        ("UPDATE roots SET path = path || char(0)", "type", ()),
        ("UPDATE files SET path = path || char(0)", "type", ()),
        ("UPDATE roots SET include = '[7]'", "json", ()),
    ],
)
def test_damage_is_found(filled, statement, kind, ids):
    change(filled, statement)
    findings = check(filled)
    assert (kind, ids) in [(finding.kind, finding.ids) for finding in findings]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("metadata", "[" * 9999),
        ("metadata", "[]"),
        ("pages", '["1"]'),
        ("locators", '[["slide", 1, 2]]'),
        ("heading", "7"),
    ],
    ids=["nested", "array", "text", "order", "number"],
)
def test_values_of_another_form_are_found_even_with_their_checksum(filled, column, value):
    table, columns, checksum = "documents", DOCUMENT_COLUMNS, "fields_checksum"
    if column == "heading":
        table, columns, checksum = "passages", PASSAGE_COLUMNS, "checksum"
    with filled.writing() as connection:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = 1", (value,))
        row = connection.execute(f"SELECT * FROM {table} WHERE id = 1").fetchone()
        own = fields_checksum(row[name] for name in columns)
        connection.execute(f"UPDATE {table} SET {checksum} = ? WHERE id = 1", (own,))
    (finding,) = check(filled)
    assert (finding.is_damage, finding.ids) == (True, (1,))


@pytest.mark.parametrize("vector", [[np.nan, 1], [0.9, 0], [np.inf, 0]])
def test_a_vector_that_was_stored_without_unit_length_is_found(filled, vector):
    blob = np.array(vector, dtype="<f4").tobytes()
    with filled.writing() as connection:
        connection.execute("UPDATE vectors SET vector = ?, checksum = NULL WHERE id = 1", (blob,))
    (finding,) = check(filled)
    assert (finding.kind, finding.ids) == ("vector", (1,))
    assert "not of unit length" in finding.message


def test_an_index_that_differs_from_its_table_is_found_and_rebuilt(filled):
    filled.close()

    def run(*statements):
        connection = sqlite3.connect(filled.path, isolation_level=None)
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(*statement)
        connection.close()

    index = "type, name, tbl_name, rootpage, sql"
    connection = sqlite3.connect(filled.path)
    row = connection.execute(
        f"SELECT {index} FROM sqlite_master WHERE name = 'passages_generation'"
    ).fetchone()
    connection.close()
    run(("DELETE FROM sqlite_master WHERE name = 'passages_generation'",))
    run(  # without the index, which does not notice
        ("UPDATE passages SET generation = 1 WHERE id = 3",),
        (f"INSERT INTO sqlite_master ({index}) VALUES (?, ?, ?, ?, ?)", row),
    )
    findings = check(filled)
    assert {finding.kind for finding in findings} == {"sqlite_index"}
    with filled.changing() as (connection, generation):
        integrity.repair(connection, findings, generation)
    assert check(filled) == []


def test_a_vector_without_passage_is_no_damage(filled):
    change(filled, "DELETE FROM passages WHERE id = 3")
    (finding,) = check(filled)
    assert (finding.kind, finding.ids, finding.is_damage) == ("unused_vectors", (3,), False)
    with filled.changing() as (connection, generation):
        integrity.repair(connection, [finding], generation)
    assert check(filled) == []


def test_repair_lets_the_files_be_read_again_and_the_vectors_be_embedded_again(filled):
    change(
        filled,
        "UPDATE passages SET text = 'x' WHERE id = 1",
        "UPDATE vectors SET vector = x'00' WHERE id = 3",
    )
    findings = check(filled)
    with filled.changing() as (connection, generation):
        integrity.repair(connection, findings, generation)
    with filled.reading() as connection:
        rows = {row.path: row.mtime_ns for row in files.files(connection, 1)}
        assert rows == {"a.txt": None, "b.txt": 2}
        assert passages.count_pending(connection, 1) == 1
        assert passages.count(connection) == 3  # nothing is deleted that cannot be made again
        assert state.value(connection, "trimmed") == generation


def test_a_part_that_cannot_be_read_is_a_finding(filled):
    change(filled, "ALTER TABLE vectors DROP COLUMN checksum")
    assert {finding.kind for finding in check(filled)} == {"schema", "sqlite"}
