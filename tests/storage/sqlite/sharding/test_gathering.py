import pytest

from ragkit.errors import UnavailableError
from ragkit.storage.shards.database import open_sharded
from ragkit.storage.shards.placement import first_id
from ragkit.storage.sqlite import documents, file_status, files, filters, passages, state
from ragkit.storage.sqlite.sharding import gathering


@pytest.fixture
def connection(published):
    store = open_sharded(published[0].folder)
    with store.reading() as connection:
        yield connection
    store.close()


def test_results_of_shards_become_one(connection):
    ids = passages.place_rows(connection)
    assert [row.id for row in ids] == [
        first_id(0) + 1, first_id(0) + 2, first_id(1) + 1, first_id(1) + 2
    ]  # fmt: skip
    assert passages.count(connection) == 4
    assert passages.texts(connection, [first_id(1) + 2, 1, 999]) == {
        1: "the quick fox", first_id(1) + 2: "the red house",
    }  # fmt: skip
    assert passages.texts(connection, []) == {}
    assert [root.path for root in files.roots(connection)] == ["/data"]
    assert len({root.id for root in files.roots(connection)}) == 1
    assert [entry.path for entry in documents.list_entries(connection, 1, 2)] == [
        "sleeps.md", "dog.md"
    ]  # fmt: skip
    assert file_status.count_files(connection)[0] == {"indexed": 4}
    assert {row.path for row in documents.path_rows(connection)} == {
        "fox.md", "sleeps.md", "dog.md", "house.md",
    }  # fmt: skip
    assert filters.known_fields(connection)[0] in filters.known_fields(connection)


def test_an_id_of_no_shard_is_in_none(connection):
    assert passages.existing_ids(connection, [first_id(7) + 1, 2]) == {2}
    assert passages.texts(connection, [first_id(7) + 1, -3]) == {}
    assert passages.existing_ids(connection, [first_id(7) + 1]) == set()
    assert documents.get_entry(connection, first_id(9) + 1, 0, 9) is None


def test_a_shard_that_does_not_answer_has_no_rows(connection):
    connection.ask = lambda function, arguments, options: []
    assert passages.texts(connection, [1]) == {}
    assert passages.existing_ids(connection, [1]) == set()
    with pytest.raises(UnavailableError, match="shard 1 does not answer"):
        documents.get_entry(connection, first_id(1) + 1, 0, 9)


def test_values_of_the_manifest_count_for_the_whole(connection, published):
    assert state.generation(connection) == 1
    assert state.value(connection, "id") == published[1].id
    assert state.value(connection, "none") is None


def test_a_function_that_does_not_know_shards_fails(connection):
    with pytest.raises(Exception, match="no such table"):
        connection.execute("SELECT * FROM passages")


def test_ways_to_combine():
    assert gathering.joined([{1}, {2}]) == {1, 2}
    assert gathering.joined([]) == []
    assert gathering.first_found([None, 0, 3]) == 0
    assert gathering.lists_by_key([{"a": [2]}, {"a": [1], "b": [3]}]) == {"a": [1, 2], "b": [3]}
    assert list(gathering.counts_by_key([{"a": 1}, {"b": 3, "a": 1}])) == ["b", "a"]
    assert gathering.distinct([["b", "a"], ["a", "c"]]) == ["b", "a", "c"]
