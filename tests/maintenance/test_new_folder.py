"""A folder appears complete or not at all."""

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


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CollectionError, match="cannot write"),
        new_folder(tmp_path / "file" / "a", "x"),
    ):
        pass
