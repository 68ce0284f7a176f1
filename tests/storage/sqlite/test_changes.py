"""The change log: passages added and removed since a generation."""

import numpy as np
import pytest

from ragkit.storage.sqlite import changes, files, passages, state
from ragkit.storage.sqlite.state import IndexFile


@pytest.fixture
def model_id(store):
    with store.writing() as connection:
        return passages.use_model(connection, "mini", "f" * 64, 2, 256)


@pytest.fixture
def embed(store, model_id):
    """Store the vector (1, 0) of a text in a generation of its own."""

    def embed(text):
        with store.changing() as (connection, generation):
            row = np.array([[1, 0]], dtype=np.float32)
            digest = passages.text_hash(text)
            passages.save_vectors(connection, model_id, generation, [digest], row)
        return generation

    return embed


def test_vectors_since_generation_zero_are_all_by_passage_id(store, add, embed, model_id):
    add("a.txt", "Cats sleep. Dogs bark. Birds sing")
    for text in ("Birds sing", "Cats sleep"):
        embed(text)
    with store.reading() as connection:
        rows = list(changes.vectors_since(connection, model_id, 0))
    assert [passage_id for passage_id, _ in rows] == [1, 3]
    assert rows[0][1] == np.array([1, 0], dtype="<f4").tobytes()


def test_a_passage_becomes_searchable_with_its_vector_or_with_its_text(store, add, embed, model_id):
    add("a.txt", "Cats sleep. Dogs bark")  # generation 1
    generation = embed("Cats sleep")  # 2
    embed("Dogs bark")  # 3: a new vector of an old passage
    add("b.txt", "Cats sleep")  # 4: a new passage with an old vector
    with store.reading() as connection:
        rows = changes.vectors_since(connection, model_id, generation)
        assert sorted(passage_id for passage_id, _ in rows) == [2, 3]
        assert changes.count_changes_since(connection, model_id, generation) == (2, 0)
        assert list(changes.vectors_since(connection, 99, generation)) == []


def test_texts_come_with_their_header_and_the_language_of_their_document(store, add):
    add("de.html", "Katzen schlafen", metadata={"language": "de"})
    add("x.txt", "Cats sleep")
    with store.reading() as connection:
        assert list(changes.texts_since(connection, 0)) == [
            (1, "Katzen schlafen", "de"),
            (2, "Cats sleep", None),
        ]
        assert [row[0] for row in changes.texts_since(connection, 1)] == [2]
        assert changes.has_newer_text(connection, 1)
        assert not changes.has_newer_text(connection, 2)


def test_removals_are_remembered_by_generation(store, add):
    add("a.txt", "Cats sleep. Dogs bark")
    with store.reading() as connection:
        assert not changes.has_removals(connection)
    with store.changing() as (connection, generation):
        files.remove_files(connection, [1])
    with store.reading() as connection:
        assert changes.has_removals(connection)
        assert changes.has_removals_since(connection, generation - 1)
        assert not changes.has_removals_since(connection, generation)
        assert sorted(changes.removed_since(connection, 0)) == [1, 2]
        assert changes.removed_since(connection, generation) == []


def test_vectors_without_a_passage_are_deleted(store, add, embed, model_id):
    add("a.txt", "Cats sleep. Dogs bark")
    embed("Cats sleep")
    embed("Dogs bark")
    with store.changing() as (connection, generation):
        connection.execute("DELETE FROM passages WHERE id = 1")
        changes.delete_unused_rows(connection)
        assert connection.execute("SELECT count(*) FROM vectors").fetchone()[0] == 1
        assert state.value(connection, "swept") == generation


def test_removals_are_forgotten_once_both_index_files_contain_them(store, add):
    add("a.txt", "Cats sleep")
    with store.changing() as (connection, generation):
        files.remove_files(connection, [1])
    with store.writing() as connection:
        state.record_index_file(connection, "words", IndexFile("w", generation, "{}", None))
        changes.delete_unused_rows(connection)
        assert changes.has_removals(connection)
        state.record_index_file(connection, "vectors", IndexFile("v", generation, "{}", 1))
        changes.delete_unused_rows(connection)
        assert not changes.has_removals(connection)
        assert state.value(connection, "trimmed") == generation
