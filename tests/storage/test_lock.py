"""The writer lock of a collection."""

import json
import os

import pytest

from ragkit.errors import BusyError, CollectionError
from ragkit.storage.lock import writer_lock


def test_the_lock_names_its_holder_while_it_is_held(tmp_path):
    with writer_lock(tmp_path, "ragkit index"):
        holder = json.loads((tmp_path / "writer.json").read_text())
        assert (holder["pid"], holder["purpose"]) == (os.getpid(), "ragkit index")
    assert not (tmp_path / "writer.json").exists()


def test_a_second_writer_raises_busy_error_with_the_holder(tmp_path):
    expected = rf"is being written by process {os.getpid()} on .* \(ragkit index, since .*try again"
    with (
        writer_lock(tmp_path, "ragkit index"),
        pytest.raises(BusyError, match=expected),
        writer_lock(tmp_path, "ragkit remove"),
    ):
        pass


def test_a_holder_that_left_no_note_is_another_process(tmp_path):
    with writer_lock(tmp_path, "ragkit index"):
        (tmp_path / "writer.json").write_text("{")
        with (
            pytest.raises(BusyError, match="written by another process"),
            writer_lock(tmp_path, "x"),
        ):
            pass


def test_the_lock_is_free_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), writer_lock(tmp_path, "ragkit index"):
        raise ZeroDivisionError
    with writer_lock(tmp_path, "ragkit index"):
        assert (tmp_path / "writer.json").exists()


def test_a_folder_that_cannot_be_written_is_a_collection_error(tmp_path, make_read_only):
    folder = tmp_path / "kit"
    folder.mkdir()
    with (
        make_read_only(folder),
        pytest.raises(CollectionError, match="cannot write to"),
        writer_lock(folder, "ragkit index"),
    ):
        pass


@pytest.fixture
def precious(tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("years of work")
    yield path
    assert path.read_text() == "years of work"


def put_in_place(path, kind, precious):
    """Create at `path` what somebody else may have put there."""
    if kind == "symbolic link":
        path.symlink_to(precious)
    elif kind == "hard link":
        os.link(precious, path)
    elif kind == "dangling link":
        path.symlink_to(path.parent.parent / "new.txt")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "dangling link", "pipe", "folder"])
def test_the_note_replaces_what_has_its_name_and_follows_no_link(tmp_path, precious, kind):
    collection_folder = tmp_path / "kit"
    collection_folder.mkdir()
    note = collection_folder / "writer.json"
    put_in_place(note, kind, precious)
    with writer_lock(collection_folder, "ragkit index"):
        assert json.loads(note.read_text())["pid"] == os.getpid()
        assert not note.is_symlink()
    assert not (tmp_path / "new.txt").exists()


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "dangling link", "pipe", "folder"])
def test_a_lock_file_that_is_not_its_own_is_refused(tmp_path, precious, kind):
    collection_folder = tmp_path / "kit"
    collection_folder.mkdir()
    lock = collection_folder / "writer.lock"
    put_in_place(lock, kind, precious)
    with (
        pytest.raises(CollectionError, match=r"writer\.lock is a link or a special file. Delete"),
        writer_lock(collection_folder, "ragkit index"),
    ):
        pass
    assert not (tmp_path / "new.txt").exists()


@pytest.mark.parametrize("kind", ["pipe", "large", "wrong types", "deep"])
def test_a_note_of_somebody_else_is_not_waited_for_nor_trusted(tmp_path, kind):
    with writer_lock(tmp_path, "ragkit index"):
        note = tmp_path / "writer.json"
        note.unlink()
        if kind == "pipe":
            os.mkfifo(note)
        elif kind == "large":
            note.touch()
            os.truncate(note, 1 << 40)
        else:
            note.write_text("[" * 4000 if kind == "deep" else '{"pid": [], "host": {}}')
        with (
            pytest.raises(BusyError, match="written by another process"),
            writer_lock(tmp_path, "x"),
        ):
            pass


def test_a_note_shows_no_control_characters(tmp_path):
    note = {"pid": 7, "host": "\x1b[2Jhost", "purpose": "p" * 999, "since": "now\nforged"}
    with writer_lock(tmp_path, "ragkit index"):
        (tmp_path / "writer.json").write_text(json.dumps(note))
        with pytest.raises(BusyError) as error, writer_lock(tmp_path, "x"):
            pass
    assert f"process 7 on ?[2Jhost ({'p' * 80}, since now?forged)" in str(error.value)
