"""Collections of versions that gave a vector to every text."""

import pytest

from ragkit.storage.sqlite import passages
from tests.test_unreadable_texts import QUESTION, TEXTS, FullEncoder, LatinEncoder, texts

__all__ = ["texts"]  # a fixture


class EarlierEncoder(FullEncoder):
    """The same model in a version that gives every text a vector."""

    name, fingerprint = LatinEncoder.name, LatinEncoder.fingerprint


@pytest.fixture
def earlier(open_collection, texts):
    """A collection with vectors of all seven texts, as an earlier version left it."""
    collection = open_collection(other=EarlierEncoder())
    assert collection.index(texts).embedded == 7
    with collection._store.writing() as connection:
        connection.execute("DELETE FROM collection WHERE key = 'unreadable_checked'")
    return collection


def unread(collection):
    return {file.path.removesuffix(".md") for file in collection.files() if file.unreadable}


def test_the_first_run_withdraws_their_vectors(earlier, open_collection, texts):
    reader = open_collection(other=LatinEncoder())
    assert len(reader.search("Employee handbook", k=20)) == 7
    collection = open_collection(other=LatinEncoder())
    report = collection.index(texts)
    assert (report.embedded, len(report.warnings)) == (0, 1)
    assert unread(collection) == set(TEXTS)
    for opened in (collection, reader, open_collection(other=LatinEncoder())):
        hits = opened.search("Employee handbook", k=20)
        assert {hit.path.removesuffix(".md") for hit in hits} & set(TEXTS) == set()
        assert [hit.score for hit in opened.search(QUESTION, k=1)] == [None]
    with collection._store.reading() as connection:
        assert passages.is_complete(connection)


def test_it_looks_only_once(earlier, open_collection, texts):
    open_collection(other=LatinEncoder()).index(texts)

    class Counting(LatinEncoder):
        def find_unreadable(self, texts, starts):
            raise AssertionError("looked again")

    report = open_collection(other=Counting()).index(texts)
    assert report.warnings == ()


def test_a_collection_without_such_texts_loads_no_encoder(open_collection, folder):
    collection = open_collection(other=EarlierEncoder())
    collection.index(folder)
    with collection._store.writing() as connection:
        connection.execute("DELETE FROM collection WHERE key = 'unreadable_checked'")

    class Never(LatinEncoder):
        def find_unreadable(self, texts, starts):
            raise AssertionError("no text has other letters")

    assert open_collection(other=Never()).index(folder).warnings == ()


def test_an_encoder_that_reads_everything_keeps_its_vectors(earlier, open_collection, texts):
    collection = open_collection(other=EarlierEncoder())
    assert collection.index(texts).warnings == ()
    assert unread(collection) == set()
