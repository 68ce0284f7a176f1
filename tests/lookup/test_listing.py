"""Lists of paths."""

import zipfile

import pytest

from ragkit import UsageError
from ragkit.lookup.listing import expand_braces


@pytest.fixture
def filled(collection, folder):
    with zipfile.ZipFile(folder / "old.zip", "w") as archive:
        archive.writestr("2019/birds.txt", "Birds sing.\n")
        archive.writestr("2020.txt", "Nothing.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    collection.index(folder)
    return collection


def paths(listing):
    return [entry.path for entry in listing.entries]


def test_glob_lists_documents_by_path(filled):
    assert paths(filled.glob("**/*.txt")) == [
        "leave.txt", "old.zip/2019/birds.txt", "old.zip/2020.txt", "sub/cats.txt",
    ]  # fmt: skip
    assert paths(filled.glob("*.{md,rst}")) == ["keys.md"]
    assert paths(filled.glob("sub/*")) == ["sub/cats.txt"]
    assert paths(filled.glob("*.pdf")) == []  # not read, so no document
    (entry,) = filled.glob("cats.txt").entries
    assert (entry.kind, entry.characters, entry.media_type) == ("document", 32, "text/plain")


def test_glob_respects_filters(filled):
    assert paths(filled.glob("*", where="type = markdown")) == ["keys.md"]


def test_ls_lists_folders_archives_documents_and_what_was_not_read(filled):
    entries = {entry.path: entry for entry in filled.ls().entries}
    assert list(entries) == ["broken.pdf", "keys.md", "leave.txt", "old.zip", "sub/"]
    kinds = {path: (entry.kind, entry.documents) for path, entry in entries.items()}
    assert kinds == {
        "broken.pdf": ("unread", 0),
        "keys.md": ("document", 1),
        "leave.txt": ("document", 1),
        "old.zip": ("container", 2),
        "sub/": ("folder", 1),
    }
    assert entries["broken.pdf"].reason


def test_ls_of_a_folder_and_of_an_archive(filled):
    assert paths(filled.ls("sub")) == paths(filled.ls("sub/")) == ["sub/cats.txt"]
    assert paths(filled.ls("old.zip")) == ["old.zip/2019/", "old.zip/2020.txt"]
    assert paths(filled.ls("old.zip/2019")) == ["old.zip/2019/birds.txt"]


def test_ls_with_a_depth_is_a_tree(filled):
    assert paths(filled.ls(depth=2, where="path ~ 'old.zip/**'")) == [
        "old.zip", "old.zip/2019/", "old.zip/2020.txt",
    ]  # fmt: skip
    assert "sub/cats.txt" in paths(filled.ls(depth=3))


def test_cursors_walk_through_the_list(filled):
    everything = paths(filled.ls(depth=5))
    walked, cursor = [], None
    while True:
        page = filled.ls(depth=5, limit=2, cursor=cursor)
        assert page.total == len(everything)
        walked += paths(page)
        cursor = page.cursor
        if cursor is None:
            break
    assert walked == everything


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("sup", "no folder sup in this collection; the nearest is sub"),
        ("keys.md", "keys.md is a file, not a folder"),
        ("../etc", "no folder"),
    ],
)
def test_a_folder_that_does_not_exist_is_reported(filled, path, message):
    with pytest.raises(UsageError, match=message):
        filled.ls(path)


def test_files_of_two_roots_with_the_same_path_are_both_listed(collection, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "leave.txt").write_text("Others may not.\n")
    collection.index([folder, other])
    page = collection.ls(limit=2)
    assert paths(page) == ["keys.md", "leave.txt", "leave.txt"]
    assert {entry.root for entry in page.entries} == {str(folder), str(other)}


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.md", ["*.md"]),
        ("*.{md,txt}", ["*.md", "*.txt"]),
        ("{a,b{1,2}}", ["a", "b1", "b2", "a", "b2"]),
        ("{x}", ["{x}"]),
    ],
)
def test_braces_are_alternatives(glob, expected):
    assert set(expand_braces(glob)) == set(expected)


@pytest.mark.parametrize("glob", ["", "x" * 2000, "{a,b}" * 10])
def test_globs_out_of_range_are_refused(glob):
    with pytest.raises(UsageError, match="glob"):
        expand_braces(glob)
