"""Folders, newest files and headings of a small collection."""

import os

from ragkit.storage.sqlite import overview


def test_the_newest_files_come_first_and_folders_are_counted(collection, folder):
    for age, name in enumerate(("sub/cats.txt", "keys.md", "leave.txt")):
        os.utime(folder / name, (2e9 - 1000 * age, 1e9 - 1000 * age))
    collection.index(folder)
    found = collection.overview(newest=2)
    assert [file.path for file in found.newest] == ["sub/cats.txt", "keys.md"]
    assert found.newest[1].title == "Keys"
    assert found.newest[1].changed == 1e9 - 1000
    (only,) = found.folders
    assert (only.root, only.documents) == (str(folder), 3)


def test_headings_come_with_their_titles(collection, folder):
    collection.index(folder)
    rows = [row for rows in collection._read(overview.headed_passages) for row in rows]
    assert {(row.title, row.heading) for row in rows} >= {("Keys", "Storage"), ("leave.txt", "")}
