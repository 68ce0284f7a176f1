"""Files and folders that appear complete or not at all."""

import errno
import os
import stat

import pytest

from ragkit.storage.atomic_files import (
    delete_unused_files,
    disk_size,
    fsync_folder,
    link_files,
    new_file,
    new_folder,
    set_aside,
)

FILE = "vectors-aaaaaaaaaaaa-1.faiss"
FOLDER = "words-v1-1"
SEGMENT = f"{'0a' * 16}.term"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "vectors-aaaaaaaaaaaa-1.faiss"
    with new_file(path) as file:
        file.write(b"first half, ")
        assert not path.exists()
        file.write(b"second half")
    assert path.read_bytes() == b"first half, second half"
    assert names(tmp_path) == ["vectors-aaaaaaaaaaaa-1.faiss"]


def test_an_error_leaves_the_old_file_and_nothing_temporary(tmp_path):
    path = tmp_path / "vectors-aaaaaaaaaaaa-1.faiss"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), new_file(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["vectors-aaaaaaaaaaaa-1.faiss"]


def test_a_new_folder_replaces_an_unrecorded_one(tmp_path):
    path = tmp_path / "words-v1-2"
    path.mkdir()
    (path / "left-over").write_text("x")
    new_folder(path, lambda folder: (folder / "segment").write_text("terms"))
    assert names(path) == ["segment"]
    assert names(tmp_path) == ["words-v1-2"]


def test_a_folder_that_cannot_be_filled_does_not_appear(tmp_path):
    def fill(folder):
        (folder / "segment").write_text("terms")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        new_folder(tmp_path / "words-v1-2", fill)
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_files_of_a_new_folder_are_as_readable_as_the_folder(tmp_path):
    def fill(folder):
        (folder / "private").write_text("x")
        (folder / "private").chmod(0o600)

    previous = os.umask(0o022)
    try:
        new_folder(tmp_path / "words-v1-2", fill)
    finally:
        os.umask(previous)
    assert (tmp_path / "words-v1-2" / "private").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_linked_files_have_the_same_content(tmp_path, monkeypatch, has_hard_links):
    def refuse(source, target):
        raise OSError("Operation not permitted")

    source, target = tmp_path / "a", tmp_path / "b"
    source.mkdir()
    target.mkdir()
    (source / SEGMENT).write_text("terms")
    if not has_hard_links:
        monkeypatch.setattr("os.link", refuse)
    link_files(source, target)
    assert (target / SEGMENT).read_text() == "terms"
    assert (target / SEGMENT).samefile(source / SEGMENT) is has_hard_links


def test_disk_size_counts_the_bytes_of_a_file_or_of_a_folder(tmp_path):
    (tmp_path / FILE).write_bytes(b"12345")
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / SEGMENT).write_bytes(b"678")
    (tmp_path / FOLDER / "meta.json").write_bytes(b"90")
    assert disk_size(tmp_path, FILE) == 5
    assert disk_size(tmp_path, FOLDER) == 5
    assert disk_size(tmp_path, "words-v1-7") == 0


@pytest.mark.parametrize("name", ["../precious", "precious", ".", "", 5, None])
def test_disk_size_examines_no_file_with_another_name(tmp_path, name):
    (tmp_path / "precious").write_bytes(b"12345")
    assert disk_size(tmp_path, name) == 0


def test_a_damaged_file_is_set_aside_and_then_deleted(tmp_path):
    (tmp_path / "vectors-aaaaaaaaaaaa-1.faiss").write_bytes(b"bad")
    set_aside(tmp_path, "vectors-aaaaaaaaaaaa-1.faiss")
    assert names(tmp_path) == ["damaged-vectors-aaaaaaaaaaaa-1.faiss"]
    delete_unused_files(tmp_path, set())
    assert names(tmp_path) == []


def test_setting_aside_a_missing_file_does_nothing(tmp_path):
    set_aside(tmp_path, "vectors-aaaaaaaaaaaa-1.faiss")
    assert names(tmp_path) == []


def test_only_index_files_and_temporary_files_are_deleted(tmp_path):
    kept = "vectors-aaaaaaaaaaaa-2.faiss"
    expected = ["ragkit.db", "ragkit.db-wal", "writer.lock", "notes.txt", kept]
    for name in [*expected, FILE, FILE.replace(".faiss", ".codes"), f".tmp-7-{FILE}"]:
        (tmp_path / name).write_text("x")
    (tmp_path / FOLDER).mkdir()
    delete_unused_files(tmp_path, {kept})
    assert names(tmp_path) == sorted(expected)


@pytest.fixture
def precious(tmp_path):
    """A folder of the user's beside the collection: nothing in it may change."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    yield folder
    assert (folder / "thesis.txt").read_text() == "years of work"
    assert names(folder) == ["thesis.txt"]


@pytest.fixture
def collection_folder(tmp_path):
    folder = tmp_path / "kit"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "name",
    ["../precious", "../precious/thesis.txt", "notes.txt", "..", "", "/", 7, None, b"words-v1-1"],
)
def test_only_index_files_are_set_aside(collection_folder, precious, name):
    (collection_folder / "notes.txt").write_text("mine")
    set_aside(collection_folder, name)
    assert names(collection_folder) == ["notes.txt"]


@pytest.mark.parametrize("name", [FILE, FOLDER])
def test_a_link_is_neither_set_aside_nor_deleted(collection_folder, precious, name):
    (collection_folder / name).symlink_to(precious if name == FOLDER else precious / "thesis.txt")
    set_aside(collection_folder, name)
    delete_unused_files(collection_folder, set())
    assert names(collection_folder) == [name]


@pytest.mark.parametrize("kind", ["file", "folder", "link to a folder", "link to a file"])
def test_setting_aside_replaces_whatever_was_set_aside_before(collection_folder, precious, kind):
    (collection_folder / FILE).write_bytes(b"bad")
    aside = collection_folder / f"damaged-{FILE}"
    if kind == "folder":
        aside.mkdir()
        (aside / "x").write_text("x")
    elif kind == "file":
        aside.write_text("x")
    else:
        aside.symlink_to(precious if kind == "link to a folder" else precious / "thesis.txt")
    set_aside(collection_folder, FILE)
    assert names(collection_folder) == [f"damaged-{FILE}"]
    assert aside.read_bytes() == b"bad"


def test_deleting_an_index_folder_follows_no_link_in_it(collection_folder, precious):
    (collection_folder / FOLDER).mkdir()
    (collection_folder / FOLDER / "link").symlink_to(precious)
    delete_unused_files(collection_folder, set())
    assert names(collection_folder) == []


@pytest.mark.parametrize("name", ["words-", "vectors-.faiss", "words-v1-1-mine", ".tmp-notes"])
def test_names_that_only_begin_like_ours_are_kept(collection_folder, name):
    (collection_folder / name).write_text("mine")
    delete_unused_files(collection_folder, set())
    assert names(collection_folder) == [name]


@pytest.mark.parametrize("is_temporary", [True, False])
@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "file", "pipe"])
def test_a_new_file_replaces_what_has_its_name_and_follows_no_link(
    collection_folder, precious, kind, is_temporary
):
    path = collection_folder / FILE
    occupied = collection_folder / f".tmp-{os.getpid()}-{FILE}" if is_temporary else path
    if kind == "link":
        occupied.symlink_to(precious / "thesis.txt")
    elif kind == "dangling link":
        occupied.symlink_to(precious / "new.txt")
    elif kind == "folder":
        occupied.mkdir()
    elif kind == "pipe":
        os.mkfifo(occupied)
    else:
        occupied.write_text("old")
    with new_file(path) as file:
        file.write(b"new")
    assert names(collection_folder) == [FILE]
    assert path.read_bytes() == b"new"
    assert not path.is_symlink()


@pytest.mark.parametrize("is_temporary", [True, False])
@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "file"])
def test_a_new_folder_replaces_what_has_its_name_and_follows_no_link(
    collection_folder, precious, kind, is_temporary
):
    path = collection_folder / FOLDER
    occupied = collection_folder / f".tmp-{os.getpid()}-{FOLDER}" if is_temporary else path
    if kind == "link":
        occupied.symlink_to(precious)
    elif kind == "dangling link":
        occupied.symlink_to(precious / "new")
    elif kind == "folder":
        occupied.mkdir()
        (occupied / "link").symlink_to(precious)
    else:
        occupied.write_text("old")
    new_folder(path, lambda folder: (folder / SEGMENT).write_text("terms"))
    assert names(collection_folder) == [FOLDER]
    assert names(path) == [SEGMENT]
    assert not path.is_symlink()


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_the_mode_of_a_file_with_another_name_elsewhere_is_kept(collection_folder, precious):
    """A collection that came from an archive may have hard links to the user's files."""
    (precious / "thesis.txt").chmod(0o600)
    new_folder(
        collection_folder / FOLDER,
        lambda folder: os.link(precious / "thesis.txt", folder / SEGMENT),
    )
    assert (precious / "thesis.txt").stat().st_mode & 0o777 == 0o600


def test_files_that_are_no_index_files_are_not_linked(tmp_path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.mkdir()
    target.mkdir()
    for name in (SEGMENT, "meta.json", ".tantivy-meta.lock", "notes.txt"):
        (source / name).write_text("")
    link_files(source, target)
    assert names(target) == sorted([SEGMENT, "meta.json"])


@pytest.mark.parametrize("call", ["chmod", "fsync"])
@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_a_file_system_without_modes_or_flushed_folders_is_used(
    collection_folder, monkeypatch, call
):
    """Network shares, memory cards and some containers refuse both."""
    plain = getattr(os, call)

    def refuse(target, *arguments, **options):
        is_folder = isinstance(target, int) and stat.S_ISDIR(os.fstat(target).st_mode)
        if call == "chmod" or is_folder:
            raise OSError(errno.EPERM if call == "chmod" else errno.EINVAL, "refused")
        return plain(target, *arguments, **options)

    monkeypatch.setattr(os, call, refuse)
    new_folder(collection_folder / FOLDER, lambda folder: (folder / SEGMENT).write_text("terms"))
    with new_file(collection_folder / FILE) as file:
        file.write(b"new")
    assert names(collection_folder) == [FILE, FOLDER]


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_a_disk_that_fails_while_a_folder_is_flushed_is_an_error(collection_folder, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        fsync_folder(collection_folder)
