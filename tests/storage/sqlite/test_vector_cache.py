"""Vectors shared between collections: the cache alone, and two collections that use it."""

import os
import sqlite3
import threading
from contextlib import closing

import numpy as np
import pytest

from ragkit import Collection, Settings
from ragkit.storage.sqlite import vector_cache
from ragkit.storage.sqlite.vector_cache import VectorCache

KEYS = [bytes([n]) * 20 for n in range(200)]


def rows(count, dimension=4, seed=1):
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def open_cache():
    """Returns caches, which are closed at the end."""
    opened = []

    def open_one(*arguments):
        opened.append(VectorCache(*arguments))
        return opened[-1]

    yield open_one
    for cache in opened:
        cache.close()


def test_vectors_come_back_exactly_and_only_for_their_encoder(open_cache):
    vectors = rows(3)
    open_cache("one", 4, 10**6).put(KEYS[:3], vectors)
    found = open_cache("one", 4, 10**6).get(KEYS)
    assert set(found) == set(KEYS[:3])
    assert all((found[key] == row).all() for key, row in zip(KEYS[:3], vectors, strict=True))
    assert open_cache("two", 4, 10**6).get(KEYS) == {}
    assert open_cache("one", 5, 10**6).get(KEYS) == {}


def test_a_changed_vector_counts_as_missing(open_cache):
    open_cache("one", 4, 10**6).put(KEYS[:2], rows(2))
    with closing(sqlite3.connect(vector_cache.path())) as connection, connection:
        connection.execute("UPDATE vectors SET vector = zeroblob(16) WHERE hash = ?", (KEYS[0],))
    assert set(open_cache("one", 4, 10**6).get(KEYS)) == {KEYS[1]}


def test_a_vector_under_the_key_of_another_text_counts_as_missing(open_cache):
    open_cache("one", 4, 10**6).put(KEYS[:1], rows(1))
    with closing(sqlite3.connect(vector_cache.path())) as connection, connection:
        connection.execute("UPDATE vectors SET hash = ?", (KEYS[9],))
    assert open_cache("one", 4, 10**6).get(KEYS) == {}


def test_the_size_is_bounded_and_the_least_recently_used_go_first(open_cache):
    cache = open_cache("one", 256, 150_000)
    for first in range(0, 200, 20):
        cache.put(KEYS[first : first + 20], rows(20, 256, first))
    cache.close()
    found = open_cache("one", 256, 150_000).get(KEYS)
    assert 40 <= len(found) < 140
    assert KEYS[199] in found
    assert KEYS[0] not in found


def test_zero_turns_it_off(open_cache):
    cache = open_cache("one", 4, 0)
    cache.put(KEYS[:1], rows(1))
    assert cache.get(KEYS) == {}
    assert not vector_cache.path().exists()


def test_state_and_clear_are_for_the_command_line(open_cache):
    assert vector_cache.state().vectors == vector_cache.state().file_bytes == 0
    open_cache("one", 4, 10**6).put(KEYS[:7], rows(7))
    state = vector_cache.state()
    assert (state.vectors, state.path) == (7, vector_cache.path())
    assert os.name == "nt" or state.path.stat().st_mode & 0o077 == 0
    assert vector_cache.clear() == state.file_bytes > 0
    assert vector_cache.state().file_bytes == vector_cache.clear() == 0


def damage_by_garbage(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not a database" * 100)


def damage_by_another_database(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA application_id = 7")


def damage_by_a_file_in_place_of_the_folder(path):
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.write_text("a file")


@pytest.mark.parametrize(
    "damage",
    [damage_by_garbage, damage_by_another_database, damage_by_a_file_in_place_of_the_folder],
)
def test_a_cache_that_cannot_be_used_is_only_not_used(open_cache, damage):
    damage(vector_cache.path())
    cache = open_cache("one", 4, 10**6)
    cache.put(KEYS[:1], rows(1))
    assert cache.get(KEYS) == {}
    assert vector_cache.state().vectors == 0


def test_several_writers_lose_nothing(open_cache):
    vectors = rows(200)

    def write(first):
        cache = open_cache("one", 4, 10**7)
        for at in range(first, 200, 4):
            cache.put(KEYS[at : at + 1], vectors[at : at + 1])

    threads = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(open_cache("one", 4, 10**7).get(KEYS)) == 200


@pytest.fixture
def make_collection(tmp_path, encoder, monkeypatch):
    """Opens a collection whose encoder ragkit loads by its name."""
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    opened = []

    def make(name, **settings):
        settings = Settings(passage_tokens=40, overlap=0.0, **settings)
        opened.append(Collection(tmp_path / name, settings=settings))
        return opened[-1]

    yield make
    for collection in opened:
        collection.close()


def test_a_second_collection_of_the_same_files_embeds_nothing(make_collection, folder, encoder):
    first = make_collection("a").index(folder)
    assert (first.embedded, first.reused) == (4, 0)
    encoder.encoded.clear()
    other = make_collection("b")
    (folder / "new.txt").write_text("Something new.\n")
    report = other.index(folder)
    assert (report.embedded, report.reused) == (1, 4)
    assert encoder.encoded == ["Something new."]
    assert report.tokens == 3
    found = [(hit.path, hit.score) for hit in other.search("who may stay at home?")]
    make_collection("c", vector_cache_mb=0).index(folder)
    again = make_collection("c").search("who may stay at home?")
    assert found == [(hit.path, hit.score) for hit in again]


def test_the_setting_turns_it_off(make_collection, folder, encoder):
    make_collection("a", vector_cache_mb=0).index(folder)
    assert not vector_cache.path().exists()
    assert make_collection("b", vector_cache_mb=0).index(folder).embedded == 4


def test_an_unchanged_collection_does_not_open_the_cache(make_collection, folder, monkeypatch):
    collection = make_collection("a")
    collection.index(folder)
    vector_cache.clear()
    assert collection.index(folder).unchanged == 3
    assert not vector_cache.path().exists()


def test_vectors_of_an_encoder_that_the_caller_made_are_not_shared(collection, folder):
    collection.index(folder)
    assert not vector_cache.path().exists()


def test_texts_that_the_encoder_cannot_read_are_not_cached(make_collection, folder, encoder):
    encode = encoder.encode_passages
    encoder.encode_passages = lambda texts: np.array(
        [row * ("Cats" not in text) for row, text in zip(encode(texts), texts, strict=True)]
    )
    make_collection("a").index(folder)
    assert vector_cache.state().vectors == 3
    assert make_collection("b").index(folder).embedded == 0


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_a_read_only_cache_folder_is_no_error(tmp_path, make_read_only, monkeypatch):
    locked = tmp_path / "locked"
    locked.mkdir()
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(locked))
    with make_read_only(locked):
        cache = VectorCache("one", 4, 10**6)
        cache.put(KEYS[:1], rows(1))
        assert cache.get(KEYS) == {}
