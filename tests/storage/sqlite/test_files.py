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
    return path


def has_changed(path, stored, digest, size=None):
    """Whether the file at `path` differs from the one with the status `stored`."""
    return files.has_changed(
        str(path.parent),
        path.name,
        stored.st_size if size is None else size,
        stored.st_mtime_ns,
        stored.st_ctime_ns,
        digest,
    )


def test_a_file_with_the_same_size_and_times_is_not_read(note):
    assert not has_changed(note, note.stat(), b"another hash")


def test_a_touched_file_is_compared_by_content(note):
    stored, digest = note.stat(), files.content_hash(b"Cats sleep")
    os.utime(note, ns=(1, 1))
    assert not has_changed(note, stored, digest)
    assert has_changed(note, stored, b"another hash")
    assert has_changed(note, stored, None)


def test_content_that_changed_under_the_same_size_and_time_is_noticed(note):
    stored, digest = note.stat(), files.content_hash(b"Cats sleep")
    note.write_bytes(b"Dogs sleep")
    os.utime(note, ns=(stored.st_atime_ns, stored.st_mtime_ns))
    assert has_changed(note, stored, digest)
    root, name, size = str(note.parent), note.name, stored.st_size
    # A row of an earlier version has no time of change: the others decide.
    assert not files.has_changed(root, name, size, stored.st_mtime_ns, None, digest)


def test_a_file_of_another_size_and_a_missing_file_have_changed(note):
    stored, digest = note.stat(), files.content_hash(b"Cats sleep")
    assert has_changed(note, stored, digest, size=11)
    note.unlink()
    assert has_changed(note, stored, digest)


def test_a_file_that_became_a_link_has_changed(note):
    stored = note.stat()
    other = note.rename(note.with_name("other.txt"))
    note.symlink_to(other)
    assert has_changed(note, stored, files.content_hash(b"Cats sleep"))


def test_mount_points_and_unfinished_removals_are_stored(store):
    with store.writing() as connection:
        assert files.mount_points(connection) == files.unfinished_removal(connection) == set()
        files.set_mount_points(connection, {"/b", "/a"})
        files.set_unfinished_removal(connection, {"/c"})
    with store.writing() as connection:
        assert files.mount_points(connection) == {"/a", "/b"}
        assert files.unfinished_removal(connection) == {"/c"}
        files.set_unfinished_removal(connection, ())
        assert files.unfinished_removal(connection) == set()


@pytest.mark.parametrize("value", ["no JSON", "[1, null]", 7, b"\xff"])
def test_a_damaged_list_of_paths_is_empty(store, value):
    with store.writing() as connection:
        connection.execute("INSERT INTO collection VALUES ('mounts', ?)", (value,))
        assert files.mount_points(connection) == set()


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
    add("a.txt", size=10, mtime_ns=5, inode=3, ctime_ns=7)
    add("b.txt", size=10, mtime_ns=5, inode=3)  # stored by an earlier version
    with store.reading() as connection:
        row, old_row = files.files(connection, 1)
    assert row.is_unchanged(10, 5, 3, 7)
    assert not row.is_unchanged(10, 5, 4, 7)
    assert not row.is_unchanged(10, 5, 3, 8)
    assert old_row.is_unchanged(10, 5, 3, 8)


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
        files.touch_file(connection, 1, 2, 3, 4, 5, "sample")
        (row,) = files.files(connection, 1)
        assert files.samples(connection, 1) == {1: "sample"}
        files.touch_file(connection, 1, 2, 3, 4, 5)
        assert files.samples(connection, 1) == {}
    assert (row.size, row.mtime_ns, row.inode, row.ctime_ns, row.recipe) == (2, 3, 4, 5, "r")


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
