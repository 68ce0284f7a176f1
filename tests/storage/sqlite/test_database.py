"""The database file: creation, errors, transactions and snapshots."""

import sqlite3
import threading
from pathlib import Path

import pytest

from ragkit.errors import CollectionError
from ragkit.storage.sqlite import database, passages, state
from ragkit.storage.sqlite.connection import report_damage
from ragkit.storage.sqlite.database import Database


def test_a_missing_collection_names_the_command_that_creates_one(tmp_path):
    with pytest.raises(CollectionError, match=r"Make one with: ragkit -c .*nowhere index FOLDER"):
        Database(tmp_path / "nowhere")


def test_a_new_collection_is_ignored_by_git(store):
    assert (store.folder / ".gitignore").read_text() == "*\n"


def test_a_file_that_is_not_a_database_is_a_collection_error(tmp_path):
    (tmp_path / "ragkit.db").write_text("no database " * 100)
    with pytest.raises(CollectionError, match="not a SQLite database"):
        Database(tmp_path)


@pytest.mark.parametrize("create", [False, True])
def test_a_folder_without_permission_is_a_collection_error(tmp_path, make_read_only, create):
    closed = tmp_path / "closed"
    (closed / "kit").mkdir(parents=True)
    closed.chmod(0o700)
    message = r"cannot open .*kit: Permission denied"
    with make_read_only(tmp_path), pytest.raises(CollectionError, match=message):
        Database(closed / "kit", create=create)


def test_a_database_of_another_program_is_refused(tmp_path):
    other = sqlite3.connect(tmp_path / "ragkit.db")
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(CollectionError, match="not a ragkit collection"):
        Database(tmp_path)


def test_a_newer_schema_says_to_upgrade(store):
    with store.writing() as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(
        CollectionError, match=r"schema 99; this one knows 7.*pip install --upgrade"
    ):
        Database(store.folder)


def test_a_damaged_file_raises_collection_error(store):
    with store.changing() as (connection, _):
        connection.executemany(
            "INSERT INTO roots (path, folder) VALUES (?, '')", ((f"{n:0200}",) for n in range(2000))
        )
    store.close()
    data = bytearray(store.path.read_bytes())
    data[16384 * 2 :] = b"\xa5" * (len(data) - 16384 * 2)
    store.path.write_bytes(data)
    with pytest.raises(CollectionError, match="damaged"):
        damaged = Database(store.folder)
        try:
            with damaged.reading() as connection:
                connection.execute("SELECT * FROM roots ORDER BY path").fetchall()
        finally:
            damaged.close()


def test_an_error_rolls_the_transaction_back(store):
    with pytest.raises(ZeroDivisionError), store.changing() as (connection, _):
        state.set_value(connection, "name", "x")
        raise ZeroDivisionError
    with store.reading() as connection:
        assert state.value(connection, "name") is None
        assert state.generation(connection) == 0


def test_a_reader_keeps_its_snapshot_while_another_thread_writes(store):
    def write():
        with store.changing():
            pass

    with store.reading() as connection:
        before = state.generation(connection)
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert state.generation(connection) == before
    with store.reading() as connection:
        assert state.generation(connection) == before + 1


def test_deleting_a_root_deletes_its_rows_and_records_the_removals(store):
    with store.changing() as (connection, _):
        connection.execute("INSERT INTO roots VALUES (1, '/a', '/a', '[]', '[]')")
        connection.execute(
            "INSERT INTO files (id, root_id, path, status) VALUES (1, 1, 'x', 'indexed')"
        )
        connection.execute("INSERT INTO documents (id, file_id, text) VALUES (1, 1, 'hello')")
        connection.execute(
            'INSERT INTO passages (id, document_id, start, "end", text, header, heading, tokens, '
            "hash, generation) VALUES (7, 1, 0, 5, 'hello', '', '[]', 1, x'00', 1)"
        )
    with store.changing() as (connection, generation):
        connection.execute("DELETE FROM roots")
    with store.reading() as connection:
        assert connection.execute("SELECT count(*) FROM passages").fetchone()[0] == 0
        removals = connection.execute("SELECT * FROM removals").fetchall()
        assert [tuple(row) for row in removals] == [(7, generation)]


def test_a_full_disk_is_named():
    error = database.to_collection_error(
        sqlite3.OperationalError("database or disk is full"), Path("x")
    )
    assert "the disk is full" in str(error)


def test_a_connection_that_is_in_use_while_the_database_is_closed_is_closed_afterwards(store):
    with store.reading() as connection:
        store.close()
        assert connection.execute("SELECT 1").fetchone()[0] == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_damaged_rows_are_reported_once_until_something_changes(tmp_path):
    notices = []
    store = Database(tmp_path, create=True)
    store.notify = notices.append
    for _ in range(2):
        with store.reading() as connection:
            report_damage(connection, passages=[7])
    assert len(notices) == 1
    with store.changing():
        pass
    with store.reading() as connection:
        report_damage(connection, passages=[7])
    assert len(notices) == 2
    store.close()


@pytest.mark.parametrize("statement", [1, 2, 3])
def test_a_collection_may_appear_while_another_process_looks_what_is_there(
    tmp_path, monkeypatch, statement
):
    folder = tmp_path / "kit"
    folder.mkdir()
    (folder / "ragkit.db").touch()
    connect = Database._connect

    def watched(self):
        connection = connect(self)
        statements = []

        def create_before(sql):
            statements.append(sql)
            if len(statements) == statement:
                monkeypatch.undo()
                Database(folder, create=True).close()

        connection.set_trace_callback(create_before)
        return connection

    monkeypatch.setattr(Database, "_connect", watched)
    store = Database(folder)
    with store.reading() as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == database.SCHEMA_VERSION
        assert state.generation(connection) == 0
    store.close()


def test_a_creation_waits_for_one_that_has_begun_and_was_given_up(tmp_path):
    (tmp_path / "kit").mkdir()
    other = sqlite3.connect(
        tmp_path / "kit" / "ragkit.db", isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")  # SQLite does not wait for it to change to a write-ahead log
    ending = threading.Timer(0.2, other.rollback)
    ending.start()
    store = Database(tmp_path / "kit", create=True)
    with store.reading() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    store.close()
    ending.join()
    other.close()


def statements(connection, read):
    """The SQL that `read` runs on this connection."""
    run = []
    connection.set_trace_callback(run.append)
    try:
        read(connection)
    finally:
        connection.set_trace_callback(None)
    return run


def test_a_result_is_remembered_until_somebody_commits(store):
    def name():
        with store.reading() as connection:
            return state.value(connection, "name")

    other = sqlite3.connect(store.path, isolation_level=None)  # as another process
    assert name() is None
    with store.reading() as connection:
        assert statements(connection, lambda c: state.value(c, "name")) == []
    for number in range(3):
        other.execute("INSERT OR REPLACE INTO collection VALUES ('name', ?)", (f"other {number}",))
        assert name() == f"other {number}"
        with store.writing() as connection:  # the connection that has just read
            assert state.value(connection, "name") == f"other {number}"
            state.set_value(connection, "name", f"own {number}")
            assert state.value(connection, "name") == f"own {number}"
        assert name() == f"own {number}"
    other.close()


def test_a_change_that_is_rolled_back_is_not_remembered(store):
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        state.set_value(connection, "name", "x")
        assert state.value(connection, "name") == "x"
        raise ZeroDivisionError
    with store.reading() as connection:
        assert state.value(connection, "name") is None


def test_what_is_remembered_belongs_to_the_snapshot_of_each_connection(store):
    with store.reading() as early:
        assert state.value(early, "name") is None
        with store.writing() as connection:
            state.set_value(connection, "name", "x")
        with store.reading() as late:
            assert late is not early
            assert state.value(late, "name") == "x"
            assert state.value(early, "name") is None
    for _ in range(2):
        with store.reading() as connection:
            assert state.value(connection, "name") == "x"


def test_results_that_searches_ask_for_are_remembered_by_their_arguments(store):
    with store.reading() as connection:
        assert passages.model(connection) is None
        assert state.index_file(connection, "words") is None
    file = state.IndexFile("words-1", 1, "{}", None)
    with store.writing() as connection:
        state.record_index_file(connection, "words", file)
        passages.use_model(connection, "m", "print", 4, 8)
    for _ in range(2):
        with store.reading() as connection:
            assert state.index_file(connection, "words") == file
            assert state.index_file(connection, "vectors") is None
            assert passages.model(connection)["fingerprint"] == "print"
