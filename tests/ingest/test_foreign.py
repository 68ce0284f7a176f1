"""A collection in languages that the encoder's card does not name."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pytest

from ragkit.ingest import foreign

RUSSIAN = "Родители могут отсутствовать до двадцати шести недель после рождения ребёнка. " * 2
CHINESE = "孩子出生后，父母最多可以休假二十六周，前六周在出生之后。" * 2
GERMAN = "Die Eltern können nach der Geburt des Kindes bis zu 26 Wochen zu Hause bleiben. " * 2
ENGLISH = "The parents may stay at home for up to 26 weeks after the birth of the child. " * 2


def describe(texts: Sequence[str], languages: Sequence[str]) -> str | None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE passages (id INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO passages (text) VALUES (?)", [(text,) for text in texts])
    try:
        return foreign.describe(connection, "the-model", languages)
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
