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
