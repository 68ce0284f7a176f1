"""Removal of roots, files and records."""

import pytest

from ragkit.errors import UsageError
from tests.documents.files import make_zip


def paths(collection):
    return [file.path for file in collection.files()]


def test_removing_a_root_removes_all_its_files(collection, folder):
    collection.index(folder)
    assert collection.remove([folder]) == 3
    assert paths(collection) == []
    assert collection.status().roots == ()


def test_removing_a_file_leaves_the_others(collection, folder):
    collection.index(folder)
    assert collection.remove(["keys.md"]) == 1
    assert paths(collection) == ["leave.txt", "sub/cats.txt"]


def test_removing_a_folder_removes_what_is_below(collection, folder):
    collection.index(folder)
    assert collection.remove([folder / "sub"]) == 1
    assert paths(collection) == ["keys.md", "leave.txt"]


def test_removing_a_record_leaves_its_archive(collection, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.zip").write_bytes(make_zip({"b.md": "Tea.", "c.md": "Cats."}))
    collection.index(tmp_path / "in")
    assert collection.remove(["a.zip/b.md"]) == 1
    assert [document.path for document in collection.documents()] == ["a.zip/c.md"]


def test_one_unknown_path_removes_nothing(collection, folder):
    collection.index(folder)
    with pytest.raises(UsageError, match="neither a root nor a document"):
        collection.remove(["keys.md", "other.md"])
    assert len(paths(collection)) == 3


def test_a_path_in_two_roots_is_ambiguous(collection, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
        collection.index(tmp_path / name)
    with pytest.raises(UsageError, match="is in several roots"):
        collection.remove(["a.txt"])
