"""The numbered steps of the schema."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from ragkit.storage.sqlite import database, migrations
from ragkit.storage.sqlite.database import Database

TABLES = {
    "collection", "roots", "files", "documents", "passages", "models", "vectors", "removals",
    "index_files", "unreadable_texts", "judgements", "version_keys", "newer_versions",
}  # fmt: skip


@pytest.fixture
def connection():
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


def columns(connection, table):
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def test_all_steps_create_the_documented_tables(connection):
    migrations.apply(connection)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert names >= TABLES
    assert columns(connection, "vectors") == [
        "id", "model_id", "hash", "generation", "vector", "checksum",
    ]  # fmt: skip


def test_the_schema_version_is_the_number_of_steps(connection):
    migrations.apply(connection)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    assert version == database.SCHEMA_VERSION == len(migrations.STEPS)


def _schema(connection):
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()


def test_a_new_database_is_what_sqlite_utils_makes_of_an_empty_one(connection):
    with closing(sqlite3.connect(":memory:")) as upgraded:
        migrations._upgrade(upgraded)
        migrations.apply(connection)
        assert _schema(connection) == _schema(upgraded)
        names = "SELECT id, migration_set, name FROM _sqlite_migrations"
        assert connection.execute(names).fetchall() == upgraded.execute(names).fetchall()
        rows = "SELECT * FROM collection WHERE key != 'id' ORDER BY key"
        assert connection.execute(rows).fetchall() == upgraded.execute(rows).fetchall()


def test_sqlite_utils_finds_nothing_to_do_in_a_new_database(connection):
    migrations.apply(connection)
    before = connection.execute("SELECT * FROM _sqlite_migrations").fetchall()
    assert len(before) == len(migrations.STEPS)
    migrations._upgrade(connection)
    assert connection.execute("SELECT * FROM _sqlite_migrations").fetchall() == before


def test_a_new_collection_imports_neither_sqlite_utils_nor_pandas(tmp_path):
    code = (
        "import sys; from ragkit import Collection; "
        f"Collection({str(tmp_path / 'kit')!r}).close(); "
        "assert not {'sqlite_utils', 'pandas'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_collection_that_another_process_has_just_made_is_not_upgraded():
    # The import takes seconds, for which every other writer would wait for the lock.
    code = (
        "import sqlite3, sys; from ragkit.storage.sqlite import migrations; "
        "connection = sqlite3.connect(':memory:'); "
        "migrations.apply(connection); migrations.apply(connection); "
        "assert not {'sqlite_utils', 'pandas'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_upgrader_is_imported_before_others_wait_for_the_upgrade(tmp_path, monkeypatch):
    store = Database(tmp_path / "kit", create=True)
    with store.writing() as connection:
        connection.execute("PRAGMA user_version = 6")
    store.close()
    seen = []

    def import_while_another_writes():
        with closing(sqlite3.connect(tmp_path / "kit" / "ragkit.db", timeout=0)) as other:
            other.execute("UPDATE collection SET value = 1 WHERE key = 'generation'")
            other.commit()
        seen.append("imported")

    monkeypatch.setattr(migrations, "import_upgrader", import_while_another_writes)
    Database(tmp_path / "kit").close()
    assert seen == ["imported"]


def test_applying_twice_changes_nothing(connection):
    migrations.apply(connection)
    before = connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    migrations.apply(connection)
    assert connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before


def test_a_database_of_the_first_schema_keeps_its_rows(tmp_path):
    (tmp_path / "kit").mkdir()
    old = sqlite3.connect(tmp_path / "kit" / "ragkit.db")
    for statement in migrations._M001.split("\n\n"):
        old.execute(statement)
    old.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
    old.execute("CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, applied_at TEXT)")
    old.execute("INSERT INTO _sqlite_migrations VALUES ('ragkit', 'm001_collection', '2025-01-01')")
    old.execute("INSERT INTO roots (path, folder) VALUES ('/home/notes', '/home/notes')")
    old.commit()
    old.close()
    store = Database(tmp_path / "kit")
    with store.reading() as connection:
        assert connection.execute("SELECT path FROM roots").fetchone()[0] == "/home/notes"
        assert "locator" in columns(connection, "passages")
        assert "details" in columns(connection, "files")
    store.close()


def test_deleting_a_passage_records_its_removal(connection):
    migrations.apply(connection)
    connection.execute("UPDATE collection SET value = 7 WHERE key = 'generation'")
    connection.execute(
        "INSERT INTO passages (id, document_id, start, 'end', text, header, heading, tokens, hash, "
        "generation) VALUES (3, 1, 0, 1, 'x', '', '[]', 1, x'00', 1)"
    )
    connection.execute("DELETE FROM passages")
    assert connection.execute("SELECT * FROM removals").fetchall() == [(3, 7)]
