"""Which collections are opened as the user's own, adopted, or only read."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ragkit import Collection, Settings, trust
from ragkit.errors import CollectionError, ModelError
from ragkit.storage.opening import open_database
from ragkit.storage.sqlite.database import Database, stored_id
from ragkit.trust import TrustLevel
from tests.conftest import WordEncoder

OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture
def open_kit(encoder, notices):
    """Return a function that opens the collection in a folder, like a new process."""
    opened = []

    def open_(path, own_encoder=encoder, **settings):
        opened.append(
            Collection(
                path,
                settings=Settings(passage_tokens=40, overlap=0.0, **settings),
                encoder=own_encoder,
                notify=notices.append,
            )
        )
        return opened[-1]

    yield open_
    for collection in opened:
        collection.close()


@pytest.fixture
def repository(tmp_path, folder, open_kit):
    """Return a git repository with notes, in which this user has made a collection."""
    (tmp_path / "mine" / ".git").mkdir(parents=True)
    shutil.copytree(folder, tmp_path / "mine" / "notes")
    with open_kit(tmp_path / "mine" / ".ragkit") as indexed_collection:
        indexed_collection.index(tmp_path / "mine" / "notes")
    return tmp_path / "mine"


@pytest.fixture
def clone(repository, tmp_path):
    """Return a checkout of the repository, in which somebody has committed the collection."""
    shutil.copytree(repository, tmp_path / "clone")
    return tmp_path / "clone"


def snapshot(folder):
    """Name, content and times of everything in a folder."""
    entries = sorted([folder, *folder.rglob("*")])
    return [
        (str(path), path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in entries
    ]


def level(folder):
    store = open_database(folder, create=False, notify=lambda line: None)
    store.close()
    return store.trust


def test_a_collection_that_this_user_makes_in_a_checkout_is_his_own(repository, open_kit, notices):
    indexed_collection = open_kit(repository / ".ragkit")
    assert indexed_collection.is_trusted
    assert indexed_collection.index().unchanged == 3
    assert trust.find(str(repository / ".ragkit")).id == stored_id(repository / ".ragkit")
    assert notices == []


def test_a_collection_that_came_with_a_checkout_is_searched_and_nothing_is_written(
    clone, open_kit, notices
):
    before = snapshot(clone)
    indexed_collection = open_kit(clone / ".ragkit")
    assert not indexed_collection.is_trusted
    assert indexed_collection.search("parents at home", k=1)[0].path == "leave.txt"
    for mode in ("lexical", "hybrid"):
        assert indexed_collection.search("signing keys", k=1, mode=mode)[0].path == "keys.md"
    assert indexed_collection.ask("when are the signing keys rotated?", llm=False).hits
    assert indexed_collection.get("leave.txt").text.startswith("Parents")
    assert len(indexed_collection.files()) == len(indexed_collection.documents()) == 3
    assert indexed_collection.status().passages == 4
    indexed_collection.close()
    assert snapshot(clone) == before
    assert [line for line in notices if f"ragkit trust {clone / '.ragkit'}" in line] == notices[:1]


def test_an_untrusted_collection_refuses_every_change_and_names_the_command(clone, open_kit):
    before = snapshot(clone)
    indexed_collection = open_kit(clone / ".ragkit")
    changes = [
        indexed_collection.index,
        lambda: indexed_collection.index(clone / "notes"),
        lambda: indexed_collection.index(clone / "notes", dry_run=True),
        lambda: indexed_collection.index_rows(clone / "rows.jsonl", []),
        lambda: indexed_collection.remove(clone / "notes"),
        lambda: next(indexed_collection.watch()),
        lambda: indexed_collection.explain("leave.txt"),
        lambda: indexed_collection._store.writing().__enter__(),
    ]
    for change in changes:
        with pytest.raises(CollectionError, match=f"ragkit trust {clone / '.ragkit'}"):
            change()
    assert snapshot(clone) == before


def test_no_index_file_of_an_untrusted_collection_is_opened(clone, open_kit, monkeypatch):
    for name in ("verify_file", "verify_folder"):
        monkeypatch.setattr(f"ragkit.storage.checksums.ChecksumCache.{name}", None)
    for path in (clone / ".ragkit").rglob("*"):
        if path.is_file() and path.name != "ragkit.db":
            path.write_bytes(b"not what it says")
    indexed_collection = open_kit(clone / ".ragkit")
    for mode in ("dense", "lexical", "hybrid"):
        assert indexed_collection.search("parents at home", k=1, mode=mode)[0].path == "leave.txt"


def test_the_scores_are_those_of_the_trusted_collection(repository, clone, open_kit):
    own, cloned = open_kit(repository / ".ragkit"), open_kit(clone / ".ragkit")
    for mode in ("dense", "lexical", "hybrid"):
        expected = own.search("keys of cats", mode=mode)
        hits = cloned.search("keys of cats", mode=mode)
        assert [hit.passage_id for hit in hits] == [hit.passage_id for hit in expected]
        np.testing.assert_allclose(
            [hit.score for hit in hits], [hit.score for hit in expected], atol=1e-6
        )


def test_the_files_that_an_untrusted_collection_names_are_not_looked_at(
    clone, open_kit, monkeypatch
):
    indexed_collection = open_kit(clone / ".ragkit")
    indexed_collection.search("parents")

    def look(*arguments):
        raise AssertionError(arguments)

    for module in ("retrieval.hits", "storage.sqlite.file_status"):
        monkeypatch.setattr(f"ragkit.{module}.has_changed", look)
    assert all(hit.stale for hit in indexed_collection.search("parents"))
    assert indexed_collection.get("leave.txt").stale
    assert all(file.stale for file in indexed_collection.files())


def test_trust_makes_it_the_users_own_at_once_and_for_later_processes(clone, open_kit):
    indexed_collection = open_kit(clone / ".ragkit")
    assert indexed_collection.search("parents at home", k=1)
    indexed_collection.trust()
    assert indexed_collection.is_trusted
    assert indexed_collection.index(clone / "notes").passages
    indexed_collection.close()
    later = open_kit(clone / ".ragkit")
    assert later.index().unchanged
    later.close()
    trust.forget(str(clone / ".ragkit"))
    assert not open_kit(clone / ".ragkit").is_trusted


def test_another_collection_at_a_trusted_path_is_not_trusted(repository, clone, open_kit):
    indexed_collection = open_kit(clone / ".ragkit")
    indexed_collection.trust()
    indexed_collection.close()
    with closing(sqlite3.connect(clone / ".ragkit" / "ragkit.db")) as connection, connection:
        connection.execute("UPDATE collection SET value = 'another' WHERE key = 'id'")
    assert level(clone / ".ragkit") is TrustLevel.UNTRUSTED
    assert level(repository / ".ragkit") is TrustLevel.OWN


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="no list of open files")
def test_a_database_whose_id_cannot_be_read_is_closed(tmp_path, open_kit):
    folder = tmp_path / "elsewhere"
    open_kit(folder).close()
    with closing(sqlite3.connect(folder / "ragkit.db")) as connection:
        connection.execute("DROP TABLE collection")
    with pytest.raises(CollectionError):
        open_kit(folder)
    opened = [str(link.readlink()) for link in OPEN_FILES.iterdir() if os.path.lexists(link)]
    assert [name for name in opened if str(folder) in name] == []


def test_a_link_to_ones_own_collection_in_a_checkout_is_not_trusted(repository, tmp_path):
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    (other / ".ragkit").symlink_to(repository / ".ragkit")
    assert level(other / ".ragkit") is TrustLevel.UNTRUSTED


def test_an_older_schema_in_a_checkout_is_not_migrated_until_it_is_trusted(clone, open_kit):
    path = clone / ".ragkit" / "ragkit.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 2")
    before = snapshot(clone)
    with pytest.raises(CollectionError, match=r"schema 2 is not migrated.*ragkit trust"):
        open_kit(clone / ".ragkit")
    assert snapshot(clone) == before


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE roots RENAME TO hidden; CREATE VIEW roots AS SELECT * FROM hidden",
        "CREATE VIRTUAL TABLE words USING fts5(text)",
        "CREATE TABLE computed (a INTEGER, b TEXT AS (hex(zeroblob(a))))",
        "CREATE TRIGGER extra AFTER INSERT ON files BEGIN DELETE FROM passages; END",
        "DROP TRIGGER passages_removed; CREATE TRIGGER passages_removed AFTER DELETE ON passages "
        "BEGIN DELETE FROM roots; END",
    ],
)
def test_a_database_with_parts_that_ragkit_does_not_make_is_refused(clone, open_kit, statement):
    with closing(sqlite3.connect(clone / ".ragkit" / "ragkit.db")) as connection, connection:
        connection.executescript(statement)
    with pytest.raises(CollectionError, match="no version of ragkit makes"):
        open_kit(clone / ".ragkit")
    store = Database(clone / ".ragkit")
    store.trust = TrustLevel.UNTRUSTED
    with pytest.raises(CollectionError, match="no version of ragkit makes"):
        store.accept()
    assert store.is_untrusted
    store.close()


def test_a_log_beside_an_untrusted_database_is_refused(clone, open_kit):
    (clone / ".ragkit" / "ragkit.db-wal").write_bytes(b"something")
    with pytest.raises(CollectionError, match=r"write-ahead log is not merged.*ragkit trust"):
        open_kit(clone / ".ragkit")
    (clone / ".ragkit" / "ragkit.db-wal").unlink()
    os.mkfifo(clone / ".ragkit" / "ragkit.db-wal")
    with pytest.raises(CollectionError, match=r"log is not merged|not a regular file"):
        open_kit(clone / ".ragkit")


def test_outside_of_version_control_a_collection_is_adopted_and_stays_so(
    repository, tmp_path, open_kit, notices
):
    shutil.rmtree(repository / ".git")
    trust.list_path().unlink()
    indexed_collection = open_kit(repository / ".ragkit")
    assert (indexed_collection.is_trusted, level(repository / ".ragkit")) == (
        True,
        TrustLevel.ADOPTED,
    )
    assert len(notices) == 1
    assert "was not made by you on this machine" in notices[0]
    assert indexed_collection.index().unchanged == 3
    (repository / ".git").mkdir()  # the user puts his notes under version control
    assert open_kit(repository / ".ragkit").index().unchanged == 3
    assert len(notices) == 1


def test_a_copy_outside_of_version_control_is_adopted_silently(
    repository, tmp_path, open_kit, notices
):
    shutil.copytree(repository / ".ragkit", tmp_path / "copy")
    assert open_kit(tmp_path / "copy").index().unchanged == 3
    assert level(tmp_path / "copy") is TrustLevel.ADOPTED
    assert level(repository / ".ragkit") is TrustLevel.OWN
    assert notices == []
    open_kit(tmp_path / "copy").trust()
    assert level(tmp_path / "copy") is TrustLevel.OWN


def test_a_creation_that_was_interrupted_is_still_the_users_own(repository, open_kit):
    trust.record(str(repository / ".ragkit"), "", "created")  # as before the first commit
    assert level(repository / ".ragkit") is TrustLevel.OWN
    assert trust.find(str(repository / ".ragkit")).id == stored_id(repository / ".ragkit")


def test_a_creation_that_failed_leaves_no_entry(repository, open_kit, monkeypatch):
    def fail(self):
        raise CollectionError("the disk is full")

    monkeypatch.setattr(Database, "_make_folder", fail)
    with pytest.raises(CollectionError, match="the disk is full"):
        open_kit(repository / "new" / ".ragkit")
    assert trust.find(str(repository / "new" / ".ragkit")) is None


def test_the_environment_trusts_a_checkout_without_an_entry(clone, open_kit, monkeypatch):
    monkeypatch.setenv("RAGKIT_TRUST", "1")
    indexed_collection = open_kit(clone / ".ragkit")
    indexed_collection.index(clone / "notes")
    indexed_collection.close()
    monkeypatch.delenv("RAGKIT_TRUST")
    assert level(clone / ".ragkit") is TrustLevel.UNTRUSTED


def test_without_a_writable_data_folder_a_new_collection_works_and_says_what_follows(
    repository, tmp_path, open_kit, notices, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RAGKIT_DATA_DIR", str(tmp_path / "file"))
    indexed_collection = open_kit(repository / "sub" / ".ragkit")
    assert indexed_collection.index(repository / "notes").added == 3
    indexed_collection.close()
    assert len(notices) == 1
    assert "RAGKIT_TRUST=1" in notices[0]
    assert not open_kit(repository / "sub" / ".ragkit").is_trusted
    shutil.rmtree(repository / ".git")
    assert open_kit(repository / "sub" / ".ragkit").index().unchanged == 3
    assert len(notices) == 1


def test_a_model_that_is_not_here_is_neither_downloaded_nor_taken_from_a_folder(
    clone, open_kit, tmp_path
):
    def name_model(name, options="{}"):
        with closing(sqlite3.connect(clone / ".ragkit" / "ragkit.db")) as connection, connection:
            connection.execute("UPDATE models SET name = ?, options = ?", (name, options))
        connection.close()

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    for name, options, says in [
        ("someone/model", "{}", "would be downloaded"),
        (str(tmp_path / "model"), "{}", "a folder on this machine that your settings do not name"),
        ("m", '{"base_url": "http://127.0.0.1:9/v1"}', "on a server that your settings do not na"),
        ("m", '{"base_url": "http://127.0.0.1:9/v1", "tokenizer": "a/b"}', "on a server"),
    ]:
        name_model(name, options)
        indexed_collection = open_kit(clone / ".ragkit", own_encoder=None)
        for use in (
            lambda indexed_collection=indexed_collection: indexed_collection.search("parents"),
            indexed_collection.encoder,
            indexed_collection.model,
        ):
            with pytest.raises(ModelError, match=f"{says}.*ragkit trust"):
                use()


def test_a_model_folder_in_the_working_folder_is_not_what_a_collection_names(
    repository, open_kit, monkeypatch, tmp_path
):
    with closing(sqlite3.connect(repository / ".ragkit" / "ragkit.db")) as connection, connection:
        connection.execute("UPDATE models SET name = 'tuned'")
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "config.json").write_text("{}")
    (tmp_path / "all-MiniLM-L6-v2").mkdir()
    (tmp_path / "all-MiniLM-L6-v2" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="contains a model folder 'tuned'"):
        open_kit(repository / ".ragkit", own_encoder=None).search("parents")
    new = open_kit(tmp_path / "new", own_encoder=None)
    with pytest.raises(ModelError, match="contains a model folder 'all-MiniLM-L6-v2'"):
        new.index(repository / "notes")


def test_what_the_user_configures_is_used(clone, open_kit, monkeypatch):
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: WordEncoder())
    assert open_kit(clone / ".ragkit", own_encoder=None, model="words").search("parents at home")
