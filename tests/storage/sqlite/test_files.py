"""Roots and files in the database, and the stamps of files."""

import hashlib
import os

import pytest

from ragkit.storage.sqlite import files


def test_the_content_hash_is_blake2b_of_20_bytes():
    assert files.content_hash(b"x") == hashlib.blake2b(b"x", digest_size=20).digest()


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.txt"
    path.write_bytes(b"Cats sleep")
    status = path.stat()
    return path, status.st_size, status.st_mtime_ns, files.content_hash(b"Cats sleep")


def test_a_file_with_the_same_size_and_time_is_not_read(note):
    path, size, mtime_ns, _ = note
    assert not files.has_changed(path, size, mtime_ns, b"another hash")


def test_a_touched_file_is_compared_by_content(note):
    path, size, mtime_ns, digest = note
    os.utime(path, ns=(1, 1))
    assert not files.has_changed(path, size, mtime_ns, digest)
    assert files.has_changed(path, size, mtime_ns, b"another hash")
    assert files.has_changed(path, size, mtime_ns, None)


def test_a_file_of_another_size_and_a_missing_file_have_changed(note):
    path, size, mtime_ns, digest = note
    assert files.has_changed(path, size + 1, mtime_ns, digest)
    path.unlink()
    assert files.has_changed(path, size, mtime_ns, digest)


def test_a_root_saved_again_keeps_its_id_and_takes_the_new_globs(store):
    with store.writing() as connection:
        first = files.save_root(connection, "/home/notes", "/home/notes", ["*.md"], [])
        again = files.save_root(connection, "/home/notes", "/home/notes", ["*.txt"], ["old/"])
        (root,) = files.roots(connection)
    assert first == again == root.id
    assert (root.include, root.exclude) == (("*.txt",), ("old/",))


def test_files_below_a_path_are_those_of_the_folder_alone(store, add):
    for path in ("a.txt", "sub/one.txt", "sub/deep/two.txt", "sub-other/x.txt", "sub0.txt"):
        add(path)
    with store.reading() as connection:
        below = [row.path for row in files.files(connection, 1, "sub")]
        assert sorted(below) == ["sub/deep/two.txt", "sub/one.txt"]
        assert len(list(files.files(connection, 1))) == 5


def test_skipped_folders_above_a_path_are_found_too(store, add):
    add("node_modules/", status="skipped", reason="ignored")
    with store.reading() as connection:
        under = "node_modules/pkg/readme.md"
        assert list(files.files(connection, 1, under)) == []
        (row,) = files.files(connection, 1, under, above=True)
    assert row.path == "node_modules/"


def test_a_file_is_unchanged_if_size_time_and_inode_are(store, add):
    add("a.txt", size=10, mtime_ns=5, inode=3)
    with store.reading() as connection:
        (row,) = files.files(connection, 1)
    assert row.is_unchanged(10, 5, 3)
    assert not row.is_unchanged(10, 5, 4)


def test_a_file_recorded_again_keeps_its_id(store, add):
    add("a.txt", "Text")
    with store.writing() as connection:
        (before,) = files.files(connection, 1)
        file_id = files.record_file(
            connection, 1, "a.txt", status="failed", reason="encrypted", details={"kind": "x"}
        )
        (after,) = files.files(connection, 1)
    assert file_id == before.id == after.id
    assert (after.status, after.reason, after.kind, after.has_text) == (
        "failed",
        "encrypted",
        "x",
        True,
    )


def test_a_touched_file_keeps_everything_but_its_stamp(store, add):
    add("a.txt", "Text", size=1, recipe="r")
    with store.writing() as connection:
        files.touch_file(connection, 1, 2, 3, 4)
        (row,) = files.files(connection, 1)
    assert (row.size, row.mtime_ns, row.inode, row.recipe) == (2, 3, 4, "r")


def test_clearing_the_read_settings_makes_every_file_due(store, add):
    add("a.txt", recipe="r")
    with store.writing() as connection:
        files.clear_recipes(connection)
        assert [row.recipe for row in files.files(connection, 1)] == [None]


def test_a_moved_file_replaces_the_row_at_its_new_path(store, add):
    add("old.txt", "Text")
    add("new.txt", status="skipped", reason="ignored")
    with store.changing() as (connection, _):
        files.move_file(connection, 1, 1, "new.txt")
        (row,) = files.files(connection, 1)
    assert (row.id, row.path, row.has_text) == (1, "new.txt", True)


def test_an_inner_root_is_absorbed_with_its_files(store, add):
    add("a.txt", "Text", root="/home/notes/sub")
    add("b.txt", "Text", root="/home/notes")
    with store.writing() as connection:
        outer, inner = files.roots(connection)
        files.absorb_root(connection, inner, outer.id, "sub/")
        assert [root.path for root in files.roots(connection)] == ["/home/notes"]
        paths = sorted(row.path for row in files.files(connection, outer.id))
    assert paths == ["b.txt", "sub/a.txt"]


def test_deleting_files_or_a_root_deletes_their_passages(store, add):
    add("a.txt", "One. Two")
    add("b.txt", "Three")
    with store.changing() as (connection, _):
        files.remove_files(connection, [1])
        assert connection.execute("SELECT count(*) FROM passages").fetchone()[0] == 1
        files.remove_root(connection, 1)
        assert connection.execute("SELECT count(*) FROM passages").fetchone()[0] == 0


def test_whether_tables_are_read_by_record_is_kept_with_the_collection(store):
    with store.writing() as connection:
        assert not files.has_table_records(connection)
        files.set_table_records(connection, True)
        assert files.has_table_records(connection)
