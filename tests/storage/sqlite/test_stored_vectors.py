import numpy as np
import pytest

from ragkit.errors import ModelError
from ragkit.storage.sqlite import passages, state
from ragkit.storage.sqlite.state import IndexFile


def unit(*numbers):
    row = np.array([numbers], dtype=np.float32)
    return row / np.linalg.norm(row)


@pytest.fixture
def model_id(store):
    with store.writing() as connection:
        return passages.use_model(connection, "mini", "f" * 64, 2, 256)


def save(store, model_id, text, vector):
    with store.changing() as (connection, generation):
        digest = passages.text_hash(text)
        passages.save_vectors(connection, model_id, generation, [digest], vector)


def test_a_new_collection_has_no_model(store):
    with store.reading() as connection:
        assert passages.model(connection) is None


def test_the_same_fingerprint_is_the_same_model_under_a_new_name(store, model_id):
    with store.writing() as connection:
        again = passages.use_model(connection, "renamed", "f" * 64, 2, 256, '{"precision": "int8"}')
        row = passages.model(connection)
    assert again == model_id
    assert (row["name"], row["options"]) == ("renamed", '{"precision": "int8"}')


def test_a_vector_is_stored_as_little_endian_float32(store, model_id, add):
    add("a.txt", "Cats sleep")
    save(store, model_id, "Cats sleep", unit(3, 4))
    with store.reading() as connection:
        blob = connection.execute("SELECT vector FROM vectors").fetchone()[0]
        stored = passages.stored_vectors(connection, model_id, [1, 99])
    assert blob == np.array([0.6, 0.8], dtype="<f4").tobytes()
    assert list(stored) == [1]
    np.testing.assert_array_equal(stored[1], np.array([0.6, 0.8], dtype=np.float32))


def test_equal_texts_share_one_vector(store, model_id, add):
    add("a.txt", "Cats sleep")
    add("b.txt", "Cats sleep")
    save(store, model_id, "Cats sleep", unit(1, 0))
    with store.reading() as connection:
        assert sorted(passages.stored_vectors(connection, model_id, [1, 2])) == [1, 2]
        assert not passages.has_pending(connection, model_id)


def test_pending_passages_are_counted_by_text_and_listed_by_generation(store, model_id, add):
    first = add("a.txt", "Cats sleep. Dogs bark")
    second = add("b.txt", "Cats sleep. Birds sing")
    save(store, model_id, "Dogs bark", unit(1, 0))
    with store.reading() as connection:
        assert passages.has_pending(connection, model_id)
        assert passages.count_pending(connection, model_id) == 2
        assert passages.count_pending_in_document(connection, model_id, first) == 1
        in_second = passages.pending_in_document(connection, model_id, second)
        assert [row.text for row in in_second] == ["Cats sleep", "Birds sing"]
        page = passages.pending_after(connection, model_id, (0, 0), 2)
        assert [row.position for row in page] == [(1, 1), (2, 3)]
        rest = passages.pending_after(connection, model_id, page[-1].position, 2)
        assert [row.position for row in rest] == [(2, 4)]


def test_completeness_holds_until_passages_change_or_the_model_does(store, model_id, add):
    add("a.txt", "Cats sleep")
    save(store, model_id, "Cats sleep", unit(1, 0))
    with store.writing() as connection:
        assert not passages.is_complete(connection)
        passages.mark_complete(connection)
        assert passages.is_complete(connection)
        assert passages.count_pending(connection, model_id) == 0
    add("b.txt", "Dogs bark")
    with store.writing() as connection:
        assert not passages.is_complete(connection)
        assert passages.count_pending(connection, model_id) == 1
        passages.mark_complete(connection)
        other = passages.use_model(connection, "other", "e" * 64, 2, 256)
        assert passages.count_pending(connection, other) == 2


def test_vectors_of_another_dimension_raise_model_error(store, model_id):
    with pytest.raises(
        ModelError, match=r"mini made vectors of 3 numbers; expected 2\. None of them"
    ):
        save(store, model_id, "x", np.ones((1, 3), dtype=np.float32))


@pytest.mark.parametrize("factor", [np.nan, np.inf, 0.0, 1.01])
def test_vectors_that_are_not_of_unit_length_raise_model_error(store, model_id, factor):
    with pytest.raises(ModelError, match="mini made 1 of 1 vectors that cannot be compared"):
        save(store, model_id, "x", unit(1, 1) * np.float32(factor))


def test_deleting_the_vectors_deletes_their_index_files(store, model_id, add):
    add("a.txt", "Cats sleep")
    save(store, model_id, "Cats sleep", unit(1, 0))
    with store.changing() as (connection, generation):
        for kind in ("vectors", "codes", "words"):
            state.record_index_file(connection, kind, IndexFile(kind, 1, "{}", model_id))
        passages.delete_vectors(connection, generation)
        assert state.index_names(connection) == ["words"]
        assert passages.count_pending(connection, model_id) == 1
        assert state.value(connection, "trimmed") == generation
