"""Files and folders that appear complete or not at all."""

import os

import pytest

from ragkit.storage.atomic_files import (
    delete_unused_files,
    disk_size,
    link_files,
    new_file,
    new_folder,
    set_aside,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "vectors-x-1.faiss"
    with new_file(path) as file:
        file.write(b"first half, ")
        assert not path.exists()
        file.write(b"second half")
    assert path.read_bytes() == b"first half, second half"
    assert names(tmp_path) == ["vectors-x-1.faiss"]


def test_an_error_leaves_the_old_file_and_nothing_temporary(tmp_path):
    path = tmp_path / "vectors-x-1.faiss"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), new_file(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["vectors-x-1.faiss"]


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
    (source / "segment").write_text("terms")
    if not has_hard_links:
        monkeypatch.setattr("os.link", refuse)
    link_files(source, target)
    assert (target / "segment").read_text() == "terms"
    assert (target / "segment").samefile(source / "segment") is has_hard_links


def test_disk_size_counts_the_bytes_of_a_file_or_of_a_folder(tmp_path):
    (tmp_path / "one").write_bytes(b"12345")
    (tmp_path / "two").write_bytes(b"678")
    assert disk_size(tmp_path / "one") == 5
    assert disk_size(tmp_path) == 8
    assert disk_size(tmp_path / "missing") == 0


def test_a_damaged_file_is_set_aside_and_then_deleted(tmp_path):
    (tmp_path / "vectors-x-1.faiss").write_bytes(b"bad")
    set_aside(tmp_path / "vectors-x-1.faiss")
    assert names(tmp_path) == ["damaged-vectors-x-1.faiss"]
    delete_unused_files(tmp_path, set())
    assert names(tmp_path) == []


def test_setting_aside_a_missing_file_does_nothing(tmp_path):
    set_aside(tmp_path / "vectors-x-1.faiss")
    assert names(tmp_path) == []


def test_only_index_files_and_temporary_files_are_deleted(tmp_path):
    expected = ["ragkit.db", "ragkit.db-wal", "writer.lock", "notes.txt", "vectors-x-2.faiss"]
    for name in [*expected, "vectors-x-1.faiss", "vectors-x-1.codes", ".tmp-7-vectors-x-3.faiss"]:
        (tmp_path / name).write_text("x")
    (tmp_path / "words-v1-1").mkdir()
    delete_unused_files(tmp_path, {"vectors-x-2.faiss"})
    assert names(tmp_path) == sorted(expected)
