"""User paths resolved to stored files: absolute, relative, folders, records of archives."""

import pytest

from ragkit.errors import UsageError
from ragkit.ingest.known_paths import absolute_path, list_files, resolve_path
from tests.documents.files import make_zip


@pytest.fixture
def listed(collection, folder):
    (folder / "docs.zip").write_bytes(make_zip({"in/tea.md": "Green tea."}))
    collection.index(folder)

    def paths(*user_paths, statuses=()):
        with collection._store.reading() as connection:
            return [row.path for row in list_files(connection, user_paths, statuses)]

    return paths


def test_without_paths_all_files_are_listed(listed):
    assert listed() == ["docs.zip", "keys.md", "leave.txt", "sub/cats.txt"]
    assert listed(statuses=["failed"]) == []


def test_absolute_paths_and_folders(listed, folder):
    assert listed(folder / "keys.md") == ["keys.md"]
    assert listed(folder / "sub", folder / "keys.md") == ["keys.md", "sub/cats.txt"]
    assert listed(folder.parent) == listed()


def test_a_path_relative_to_a_root(listed):
    assert listed("sub/cats.txt") == ["sub/cats.txt"]


def test_a_record_names_its_archive(listed, folder):
    assert listed(folder / "docs.zip" / "in" / "tea.md") == ["docs.zip"]


def test_an_unknown_path_is_an_error_that_names_the_command(listed, folder):
    with pytest.raises(UsageError, match=r"ragkit ls --why .*other\.txt"):
        listed(folder / "other.txt")


def test_a_path_is_resolved_in_its_root(collection, folder):
    collection.index(folder, include=["*.md"])
    with collection._store.reading() as connection:
        (place,) = resolve_path(connection, str(folder / "keys.md"))
    assert (place.path, place.absolute) == ("keys.md", folder / "keys.md")


def test_the_last_link_of_a_path_is_not_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert absolute_path(str(tmp_path / "link")) == tmp_path / "link"
    assert absolute_path(str(tmp_path / "link" / "a")) == tmp_path / "real" / "a"


def test_a_path_with_nul_is_an_error():
    with pytest.raises(UsageError, match="is not a path"):
        absolute_path("a\0/b")
