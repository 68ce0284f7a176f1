"""Removal of roots, files and records."""

import pytest

from ragkit.errors import CollectionError, UsageError
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.lock import writer_lock
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


FULL = CollectionError("the disk is full")


@pytest.mark.parametrize("step", ["update_lexical", "update_vectors"])
def test_on_a_full_disk_the_removal_counts(collection, folder, monkeypatch, notices, step):
    """The removal is committed before the index files are updated."""
    collection.index(folder)

    def fail(*_, **__):
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(IndexWriter, step, fail)
        assert collection.remove(["keys.md", "sub"]) == 2
    assert paths(collection) == ["leave.txt"]
    (notice,) = notices
    assert notice.startswith("removed; ")
    assert "the disk is full" in notice
    assert {hit.path for hit in collection.search("keys cats", mode="hybrid")} == {"leave.txt"}
    notices.clear()
    assert collection.remove(["keys.md", "sub"]) == 0  # the same command finishes the work
    assert notices == ["keys.md was removed before", "sub was removed before"]
    with pytest.raises(UsageError, match="neither a root nor a document"):
        collection.remove(["keys.md"])


def test_a_removal_that_cannot_be_committed_removes_nothing(collection, folder, monkeypatch):
    from ragkit.storage.sqlite import files

    def fail(*_):
        raise FULL

    collection.index(folder)
    with monkeypatch.context() as patch:
        patch.setattr(files, "set_unfinished_removal", fail)
        with pytest.raises(CollectionError, match="full"):
            collection.remove(["keys.md"])
    assert len(paths(collection)) == 3
    assert collection.remove(["keys.md"]) == 1


def test_an_interrupted_removal_can_be_repeated(collection, folder, monkeypatch, notices):
    collection.index(folder)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(IndexWriter, "update_lexical", interrupt)
        with pytest.raises(KeyboardInterrupt):
            collection.remove([folder])
    assert collection.remove([folder]) == 0
    assert notices == [f"{folder} was removed before"]
    with pytest.raises(UsageError):
        collection.remove([folder])


def test_a_removal_waits_for_another_writer_as_long_as_it_is_told(collection, folder):
    import threading

    from ragkit.errors import BusyError

    collection.index(folder)
    held, free = threading.Event(), threading.Event()

    def hold():
        with writer_lock(collection.folder, "a long job"):
            held.set()
            free.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        for work in (collection.remove, collection.index):
            with pytest.raises(BusyError, match="--wait SECONDS"):
                work(folder, wait=0)
            for invalid in (-1, float("inf"), float("nan")):
                with pytest.raises(UsageError, match="wait is"):
                    work(folder, wait=invalid)
        threading.Timer(0.1, free.set).start()
        assert collection.remove(folder, wait=60) == 3
    finally:
        free.set()
        thread.join()
