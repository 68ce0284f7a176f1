"""What can be read of a damaged database is rescued: each row on its own."""

import contextlib
import os
import shutil
import sqlite3

import pytest

from ragkit import Collection
from ragkit.storage.sqlite import judgements, salvage
from ragkit.storage.sqlite.database import Database
from tests.conftest import WordEncoder


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The folder of a collection with some hundred vectors. Not to be changed."""
    base = tmp_path_factory.mktemp("salvage")
    (base / "notes").mkdir()
    for number in range(400):
        (base / "notes" / f"{number}.txt").write_text(f"Text {number} about subject {number}.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGKIT_DATA_DIR", str(base / "data"))
        with Collection(base / "kit", encoder=WordEncoder()) as collection:
            collection.index(base / "notes")
    return base / "kit"


@pytest.fixture
def collection_folder(template, tmp_path):
    shutil.copytree(template, tmp_path / "kit")
    return tmp_path / "kit"


def rootpage(path, table):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        [size] = connection.execute("PRAGMA page_size").fetchone()
        return (connection.execute(sql, (table,)).fetchone()[0] - 1) * size, size


def rows(path, table):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()


@pytest.fixture
def new(tmp_path):
    with contextlib.closing(Database(tmp_path / "new", create=True)) as store:
        yield store


def test_everything_is_rescued_from_an_intact_database(collection_folder, new):
    expected = {
        table: rows(collection_folder / "ragkit.db", table)
        for table in ("roots", "models", "vectors")
    }
    rescued = salvage.rescue(collection_folder / "ragkit.db", new)
    assert (rescued.roots, rescued.models) == (1, 1)
    assert rescued.vectors == len(expected["vectors"]) == 400
    assert rows(new.path, "roots") == expected["roots"]
    assert rows(new.path, "models") == expected["models"]


def test_intact_vectors_on_both_sides_of_a_damaged_page_are_rescued(collection_folder, new):
    path = collection_folder / "ragkit.db"
    total = len(rows(path, "vectors"))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        [digest] = connection.execute("SELECT vector FROM vectors WHERE id = 200").fetchone()
    data = path.read_bytes()
    position = data.index(digest)
    _, size = rootpage(path, "vectors")
    page = position // size * size
    path.write_bytes(data[:page] + b"\xff" * size + data[page + size :])
    with pytest.raises(sqlite3.DatabaseError):
        rows(path, "vectors")
    rescued = salvage.rescue(path, new)
    assert rescued.roots == 1
    assert total // 2 < rescued.vectors < total
    ids = {row[0] for row in rows(new.path, "vectors")}
    assert 1 in ids
    assert total in ids
    assert 200 not in ids


def test_vectors_that_have_changed_are_not_rescued(collection_folder, new):
    path = collection_folder / "ragkit.db"
    total = len(rows(path, "vectors"))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE vectors SET vector = randomblob(256) WHERE id = 7")
        connection.execute("UPDATE vectors SET checksum = NULL WHERE id = 8")
        connection.execute("UPDATE vectors SET model_id = 99 WHERE id = 9")
    assert salvage.rescue(path, new).vectors == total - 3


def test_only_a_database_of_ragkit_with_readable_folders_is_rescuable(collection_folder, tmp_path):
    path = collection_folder / "ragkit.db"
    assert salvage.is_rescuable(path)
    data = path.read_bytes()
    start, size = rootpage(path, "roots")
    other = tmp_path / "other.db"
    for damaged in (
        b"",
        b"no database",
        data[:50],
        bytes(size) + data[size:],
        data[:start] + bytes(size) + data[start + size :],
    ):
        other.write_bytes(damaged)
        assert not salvage.is_rescuable(other)
        assert other.read_bytes() == damaged
    foreign = tmp_path / "foreign.db"
    with contextlib.closing(sqlite3.connect(foreign)) as connection, connection:
        connection.execute("CREATE TABLE roots (id, path)")
        connection.execute("INSERT INTO roots VALUES (1, '/')")
    assert not salvage.is_rescuable(foreign)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
    assert not salvage.is_rescuable(path)


def test_tables_that_cannot_be_read_are_named(collection_folder):
    path = collection_folder / "ragkit.db"
    start, size = rootpage(path, "documents")
    data = path.read_bytes()
    path.write_bytes(data[:start] + bytes(size) + data[start + size :])
    counts = salvage.readable_counts(path)
    assert counts["documents"] is None
    assert counts["files"] == 400


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal"])
def test_a_pipe_instead_of_a_database_is_not_waited_for(tmp_path, suffix):
    (tmp_path / "ragkit.db").touch()
    (tmp_path / f"ragkit.db{suffix}").unlink(missing_ok=True)
    os.mkfifo(tmp_path / f"ragkit.db{suffix}")
    assert not salvage.is_rescuable(tmp_path / "ragkit.db")
    assert set(salvage.readable_counts(tmp_path / "ragkit.db").values()) == {None}


def test_judgements_are_rescued_and_wait_for_their_document(collection_folder, new):
    with Collection(collection_folder, encoder=WordEncoder()) as collection:
        collection.judge("which?", "7.txt", relevant=True)
    salvage.rescue(collection_folder / "ragkit.db", new)
    with new.reading() as connection:
        [judgement] = judgements.all_judgements(connection)
    assert (judgement.query, judgement.path, judgement.relevant) == ("which?", "7.txt", True)
    assert judgement.document_id is None
