"""Backups: complete, checked, online, and never at the cost of what is there."""

import shlex
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest

from ragkit import Collection, CollectionError, UsageError, trust
from ragkit.maintenance import backup as backup_module
from ragkit.storage.lock import writer_lock
from tests.maintenance.tables import SETTINGS, collection_id, content, hits


@pytest.fixture
def filled(collection, folder):
    collection.index(folder)
    return collection


def tree(folder):
    """Path below the folder → bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "writer.lock"
    }


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_is_a_collection_with_the_same_content(filled, tmp_path, encoder):
    report = filled.backup(tmp_path / "copy")
    assert (report.documents, report.vectors) == (3, report.passages)
    assert report.path == str(tmp_path / "copy")
    assert report.bytes == sum(len(data) for data in tree(tmp_path / "copy").values())
    assert content(tmp_path / "copy") == content(filled.folder)
    assert not [name for name in names(tmp_path / "copy") if "ragkit.db-" in name]
    with Collection(tmp_path / "copy", encoder=encoder, settings=SETTINGS, create=False) as copy:
        assert hits(copy) == hits(filled)
        assert copy.index().unchanged == 3


def test_index_files_are_part_of_it_only_where_they_are_intact(filled, tmp_path, encoder):
    [vectors] = filled.folder.glob("vectors-*")
    vectors.write_bytes(vectors.read_bytes()[:-9] + b"damaged!!")
    filled.backup(tmp_path / "copy")
    assert not list((tmp_path / "copy").glob("vectors-*"))
    assert list((tmp_path / "copy").glob("words-*"))
    filled.backup(tmp_path / "without", index_files=False)
    assert names(tmp_path / "without") == [".gitignore", "ragkit.db"]
    for name in ("copy", "without"):
        notices = []
        with Collection(tmp_path / name, encoder=encoder, notify=notices.append) as copy:
            assert hits(copy)["dense"]
            assert hits(copy)["lexical"] == hits(filled)["lexical"]
        assert notices == []  # nothing is damaged in it


def test_a_backup_of_a_collection_that_another_connection_writes_is_one_moment_of_it(
    filled, tmp_path
):
    """A writer adds two rows in each transaction: no copy may have an odd number of them."""
    path, done = filled.folder / "ragkit.db", threading.Event()

    def write():
        connection = sqlite3.connect(path, isolation_level=None)
        number = 0
        while not done.is_set():
            connection.execute("BEGIN IMMEDIATE")
            for half in ("a", "b"):
                connection.execute(
                    "INSERT INTO roots (path, folder) VALUES (?, ?)", (f"/{number}{half}", "/")
                )
            connection.execute("COMMIT")
            number += 1
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            filled.backup(tmp_path / f"copy{number}")
    finally:
        done.set()
        writer.join()
    counts = [len(content(tmp_path / f"copy{number}")["roots"]) - 1 for number in range(5)]
    assert all(count % 2 == 0 for count in counts)
    assert counts == sorted(counts)


def test_a_backup_needs_a_new_folder(filled, tmp_path):
    (tmp_path / "empty").mkdir()
    filled.backup(tmp_path / "empty")
    before = tree(tmp_path / "empty")
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        filled.backup(tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        filled.backup(tmp_path / "file")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="exists"):
        filled.backup(tmp_path / "link")
    with pytest.raises(UsageError, match="inside the collection"):
        filled.backup(filled.folder / "copy")
    assert tree(tmp_path / "empty") == before
    assert not [name for name in names(tmp_path) if "partial" in name]


def test_a_failed_backup_leaves_nothing(filled, tmp_path, monkeypatch):
    from ragkit.storage.sqlite import transfer

    def disk_full(connection, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "copy_to", disk_full)
    before = names(tmp_path)
    with pytest.raises(CollectionError, match="No space left on device"):
        filled.backup(tmp_path / "copy")
    assert names(tmp_path) == before


def test_what_a_killed_backup_left_is_deleted_by_the_next(filled, tmp_path):
    left = tmp_path / ".copy.ragkit-partial-4194305"  # more than any process number
    left.mkdir()
    (left / "ragkit.db").write_bytes(b"half")
    others = tmp_path / ".copy.ragkit-partial-mine"
    others.mkdir()
    filled.backup(tmp_path / "copy")
    assert not left.exists()
    assert others.exists()


def test_a_damaged_collection_is_not_backed_up(filled, tmp_path):
    with closing(sqlite3.connect(filled.folder / "ragkit.db")) as connection, connection:
        connection.execute("UPDATE documents SET text = 'other' WHERE id = 1")
    with pytest.raises(CollectionError, match=r"damaged: .*ragkit doctor --repair"):
        filled.backup(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_backup_is_restored_where_there_is_nothing(filled, tmp_path, encoder):
    filled.backup(tmp_path / "copy")
    before = tree(tmp_path / "copy")
    for source, name in ((tmp_path / "copy", "a"), (tmp_path / "copy" / "ragkit.db", "b")):
        report = Collection.restore(source, tmp_path / name)
        assert report.set_aside is None
        assert report.documents == 3
        assert content(tmp_path / name) == content(filled.folder)
        with Collection(
            tmp_path / name, encoder=encoder, settings=SETTINGS, create=False
        ) as restored:
            assert hits(restored) == hits(filled)
    assert tree(tmp_path / "copy") == before


def test_restoring_keeps_the_collection_that_is_there(filled, folder, tmp_path, encoder):
    filled.backup(tmp_path / "copy")
    (folder / "new.md").write_text("# New\n\nParrots talk all day.\n")
    filled.index()
    filled.close()
    before = content(filled.folder)
    with pytest.raises(UsageError, match=r"there is a collection .*--force"):
        Collection.restore(tmp_path / "copy", filled.folder)
    assert content(filled.folder) == before
    report = Collection.restore(tmp_path / "copy", filled.folder, force=True)
    aside = tmp_path / Path(report.set_aside).name
    assert content(aside) == before
    assert content(filled.folder) == content(tmp_path / "copy")
    with Collection(aside, encoder=encoder) as old:
        assert "new.md" in [document.path for document in old.documents()]


def test_a_collection_that_a_killed_restoration_left_aside_is_named(filled, tmp_path):
    filled.close()
    aside = filled.folder.with_name(f"{filled.folder.name}.before-restore-20260101-120000")
    filled.folder.rename(aside)
    with pytest.raises(CollectionError, match="no collection at") as caught:
        Collection(filled.folder, create=False)
    command = str(caught.value).partition("still there: ")[2]
    assert command == f"mv {aside} {filled.folder}"
    subprocess.run(shlex.split(command), check=True)
    with Collection(filled.folder, create=False) as collection:
        assert collection.status().documents == 3


def test_an_index_file_that_is_too_large_is_not_copied(filled, tmp_path, monkeypatch):
    [vectors] = filled.folder.glob("vectors-*")
    with vectors.open("r+b") as file:
        file.truncate(1 << 32)  # a sparse file
    copied = []
    copy = backup_module._copy

    def watched(source, target, limit):
        copy(source, target, limit)
        copied.append(target.stat().st_size)

    monkeypatch.setattr(backup_module, "_copy", watched)
    report = filled.backup(tmp_path / "copy")
    assert not list((tmp_path / "copy").glob("vectors-*"))
    assert copied and sum(copied) < report.bytes


def test_a_collection_with_an_unmerged_log_is_restored_with_it(filled, tmp_path):
    """A copy of all files of a collection whose process was killed."""
    connection = sqlite3.connect(filled.folder / "ragkit.db")
    connection.execute("INSERT INTO roots (path, folder) VALUES ('/more', '/')")
    connection.commit()
    source = tmp_path / "killed"
    source.mkdir()
    for name in ("ragkit.db", "ragkit.db-wal"):
        (source / name).write_bytes((filled.folder / name).read_bytes())
    assert (source / "ragkit.db-wal").stat().st_size
    connection.close()
    before = tree(source)
    Collection.restore(source, tmp_path / "restored")
    assert len(content(tmp_path / "restored")["roots"]) == 2
    assert tree(source) == before


def test_nothing_is_restored_from_what_is_no_intact_backup(filled, tmp_path):
    filled.backup(tmp_path / "copy")
    with pytest.raises(UsageError, match="no backup at"):
        Collection.restore(tmp_path / "nowhere", tmp_path / "a")
    data = bytearray((tmp_path / "copy" / "ragkit.db").read_bytes())
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for name, content_ in {
        "cut": data[: len(data) // 2],
        "zeros": bytes(len(data)),
        "text": b"no database " * 1000,
        "empty": b"",
        "head": bytes(4096) + data[4096:],
    }.items():
        (damaged / "ragkit.db").write_bytes(content_)
        with pytest.raises(CollectionError):
            Collection.restore(damaged, tmp_path / f"from-{name}")
        assert not (tmp_path / f"from-{name}").exists()


def test_a_backup_with_parts_that_ragkit_does_not_make_is_refused(filled, tmp_path):
    filled.backup(tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "ragkit.db")) as connection, connection:
        connection.execute(
            "CREATE TRIGGER more AFTER INSERT ON files BEGIN DELETE FROM documents; END"
        )
    with pytest.raises(CollectionError, match=r"contains 'more', which no version"):
        Collection.restore(tmp_path / "copy", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_folder_of_something_else_is_never_replaced(filled, tmp_path):
    filled.backup(tmp_path / "copy")
    other = tmp_path / "photos"
    other.mkdir()
    (other / "one.jpg").write_bytes(b"mine")
    for force in (False, True):
        with pytest.raises(UsageError, match="not empty, and no collection"):
            Collection.restore(tmp_path / "copy", other, force=force)
    assert names(other) == ["one.jpg"]


def test_a_collection_that_is_being_written_is_not_replaced(filled, tmp_path):
    filled.backup(tmp_path / "copy")
    filled.close()
    before = names(tmp_path)
    with (
        writer_lock(filled.folder, "a test"),
        pytest.raises(CollectionError, match="is being written by"),
    ):
        Collection.restore(tmp_path / "copy", filled.folder, force=True, wait=0)
    assert names(tmp_path) == before


def test_a_copy_is_trusted_where_it_was_made(filled, tmp_path):
    """Also in a checkout, where an unknown collection is only read."""
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    filled.backup(tmp_path / "copy")
    target = tmp_path / "repository" / ".ragkit"
    Collection.restore(tmp_path / "copy", target)
    entry = trust.find(trust.canonical(target))
    assert (entry.id, entry.how) == (collection_id(filled.folder), "trusted")
    with Collection(target, create=False) as restored:
        assert restored.is_trusted
