"""A folder appears complete or not at all."""

import itertools
import subprocess
import sys

import pytest

from ragkit import CollectionError, UsageError
from ragkit.maintenance.new_folder import new_folder, size


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_at_the_end(tmp_path):
    with new_folder(tmp_path / "a" / "b", "a test") as folder:
        (folder / "c").write_text("12345")
        assert not (tmp_path / "a" / "b").exists()
    assert names(tmp_path / "a") == ["b"]
    assert size(tmp_path / "a") == 5


def test_an_exception_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "a", "a test") as folder:
        (folder / "c").write_text("12345")
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_an_error_of_the_disk_names_the_folder(tmp_path):
    with (
        pytest.raises(CollectionError, match=r"cannot write a test to .*/a: full\. Remove"),
        new_folder(tmp_path / "a", "a test"),
    ):
        raise OSError(28, "full")


def test_what_is_there_is_kept_or_set_aside(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("")
    with pytest.raises(UsageError, match="not an empty folder"), new_folder(tmp_path / "a", "x"):
        pass
    with new_folder(tmp_path / "a", "x", tmp_path / "aside") as folder:
        (folder / "new").write_text("")
    assert names(tmp_path / "a") == ["new"]
    assert names(tmp_path / "aside") == ["old"]


# Dies as by SIGKILL before or after the call number `sys.argv[2]` that renames folders.
RESTORE = """
import os, sys
from pathlib import Path
from ragkit.maintenance import new_folder
folder, number, moment, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
calls = []
def watched(rename):
    def call(*paths):
        calls.append(paths)
        if len(calls) == number and moment == "before":
            os._exit(9)
        result = rename(*paths)
        if len(calls) == number:
            os._exit(9)
        return result
    return call
Path.rename = watched(Path.rename)
new_folder.exchange = watched(new_folder.exchange if how == "at once" else lambda *paths: False)
with new_folder.new_folder(folder / "a", "x", folder / "aside") as new:
    (new / "new").write_text("")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere two names cannot be exchanged")
def test_a_process_that_is_killed_leaves_the_old_folder_or_the_new_one(tmp_path):
    left = set()
    for number, moment in itertools.product((1, 2), ("before", "after")):
        folder = tmp_path / f"{number}-{moment}"
        (folder / "a").mkdir(parents=True)
        (folder / "a" / "old").write_text("")
        command = [sys.executable, "-c", RESTORE, str(folder), str(number), moment, "at once"]
        assert subprocess.run(command, check=False).returncode == 9
        left.add(str(names(folder / "a")))
        assert folder.glob("*/old")
        with new_folder(folder / "a", "x", folder / "again") as new:  # and the next one works
            (new / "newer").write_text("")
        assert names(folder / "a") == ["newer"]
        assert str(names(folder / "again")) in left
    assert left == {"['old']", "['new']"}


def test_where_names_cannot_be_exchanged_the_folder_that_was_set_aside_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("")
    command = [sys.executable, "-c", RESTORE, str(tmp_path), "4", "after", "one by one"]
    subprocess.run(command, check=False)
    assert names(tmp_path / "aside") == ["old"]
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CollectionError, match="cannot write"),
        new_folder(tmp_path / "file" / "a", "x"),
    ):
        pass
