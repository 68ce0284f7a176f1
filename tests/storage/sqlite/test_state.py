"""Generation, values by key, and the current index files."""

from ragkit.storage.sqlite import state
from ragkit.storage.sqlite.state import IndexFile


def test_a_value_is_none_until_it_is_set(store):
    with store.writing() as connection:
        assert state.value(connection, "trimmed") == 0
        assert state.value(connection, "color") is None
        state.set_value(connection, "color", "red")
        state.set_value(connection, "color", "blue")
        assert state.value(connection, "color") == "blue"


def test_a_snapshot_keeps_its_values_and_the_next_one_has_the_new_ones(store):
    with store.reading() as connection:
        before = state.generation(connection), state.value(connection, "color")
        with store.writing() as other:
            state.advance(other)
            state.set_value(other, "color", "red")
        assert (state.generation(connection), state.value(connection, "color")) == before
    with store.reading() as connection:
        now = state.generation(connection), state.value(connection, "color")
    assert (before, now) == ((0, None), (1, "red"))


def test_a_transaction_that_writes_reads_what_it_has_written(store):
    with store.reading() as connection:  # the writer gets this connection from the pool
        assert state.value(connection, "color") is None
    with store.writing() as connection:
        for color in ("red", "blue"):
            state.set_value(connection, "color", color)
            assert state.value(connection, "color") == color


def test_each_generation_is_one_more(store):
    with store.writing() as connection:
        assert [state.advance(connection), state.advance(connection)] == [1, 2]
        assert state.generation(connection) == 2


def test_the_names_of_all_index_files_are_listed(store):
    with store.writing() as connection:
        for kind, name in (("words", "words-v2-1"), ("vectors", "vectors-abc-1.faiss")):
            state.record_index_file(connection, kind, IndexFile(name, 1, "{}", None))
        assert state.index_names(connection) == ["vectors-abc-1.faiss", "words-v2-1"]


def test_an_index_file_is_replaced_by_a_newer_one_only(store):
    old, new = (IndexFile(f"vectors-x-{n}.faiss", n, "{}", 1) for n in (1, 2))
    other = IndexFile("vectors-y-1.faiss", 1, "{}", 2)
    with store.writing() as connection:
        assert state.index_file(connection, "vectors") is None
        for file, current in ((new, new), (old, new), (other, other)):
            state.record_index_file(connection, "vectors", file)
            assert state.index_file(connection, "vectors") == current
        state.forget_index_file(connection, "vectors")
        assert state.index_names(connection) == []
