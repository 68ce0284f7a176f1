"""Collections of versions that gave a vector to every text, and in languages that the encoder's
card does not name."""

import sqlite3
from collections.abc import Sequence

import pytest

from ragkit.ingest.unreadable import describe_foreign_languages
from ragkit.storage.sqlite import passages
from tests.test_unreadable_texts import QUESTION, TEXTS, FullEncoder, LatinEncoder, texts

__all__ = ["texts"]  # a fixture

RUSSIAN = "Родители могут отсутствовать до двадцати шести недель после рождения ребёнка. " * 2
CHINESE = "孩子出生后，父母最多可以休假二十六周，前六周在出生之后。" * 2
GERMAN = "Die Eltern können nach der Geburt des Kindes bis zu 26 Wochen zu Hause bleiben. " * 2
ENGLISH = "The parents may stay at home for up to 26 weeks after the birth of the child. " * 2


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


def describe(texts: Sequence[str], languages: Sequence[str]) -> str | None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE passages (id INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO passages (text) VALUES (?)", [(text,) for text in texts])
    try:
        return describe_foreign_languages(connection, "the-model", languages)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("text", "name"), [(RUSSIAN, "Russian"), (CHINESE, "another script"), (GERMAN, "German")]
)
def test_the_language_and_the_remedy_are_named(text: str, name: str) -> None:
    warning = describe([text] * 6 + [ENGLISH] * 4, ["en"]) or ""
    assert warning.startswith("60% of the passages are in languages that the-model was not")
    assert name in warning
    assert "ragkit index --rebuild --model multilingual" in warning


@pytest.mark.parametrize(
    ("texts", "languages"),
    [
        ([ENGLISH] * 6 + [RUSSIAN] * 4, ["en"]),
        ([RUSSIAN] * 10, ["multilingual"]),
        ([RUSSIAN] * 10, ["en", "ru"]),
        ([RUSSIAN] * 10, []),  # the card names none
        ([GERMAN] * 10, ["de-AT"]),
        (["12.50 17.25 3,000 | 44"] * 10, ["ru"]),  # no words
        ([], ["en"]),
    ],
)
def test_collections_without_a_warning(texts: list[str], languages: list[str]) -> None:
    assert describe(texts, languages) is None


def test_a_large_collection_is_sampled_evenly() -> None:
    warning = describe([RUSSIAN] * 300 + [ENGLISH] * 700, ["ru"]) or ""
    assert warning.startswith("70%")
