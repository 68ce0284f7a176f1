"""Folders, newest files and headings of a small collection."""

import os

import numpy as np

from ragkit.storage.sqlite import overview, passages


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


def test_rows_are_replaced_and_read_and_go_with_their_passage(collection, folder):
    collection.index(folder)
    store = collection._store
    with store.reading() as connection:
        model_id = passages.model(connection)["id"]
        first, second, *_ = [row.id for row in passages.place_rows(connection)]
    center = np.array([0.6, 0.8], np.float32)
    parent = overview.TopicRow(7, None, "all", (), center)
    own = overview.TopicRow(3, 7, "keys, vault", ("keys", "vault", "größe"), center)
    for _ in range(2):
        with store.writing() as connection:
            overview.save_topics(connection, model_id, [parent, own], {first: 3, second: 3})
    with store.reading() as connection:
        rows = overview.topic_rows(connection, model_id, 2)
        assert [row[:4] for row in rows] == [own[:4], parent[:4]]
        np.testing.assert_array_equal(rows[0].center, center)
        assert overview.topic_rows(connection, model_id, 3) == []  # not of this size
        assert overview.topic_of_passages(connection) == {first: 3, second: 3}
    with store.writing() as connection:
        connection.execute("DELETE FROM passages WHERE id = ?", (first,))
        assert overview.topic_of_passages(connection) == {second: 3}
        connection.execute("DELETE FROM topics")
        assert overview.topic_of_passages(connection) == {}
