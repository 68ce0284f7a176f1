"""Which passages a filter matches: as a small set of ids, and as a test of given ids."""

import pytest

from ragkit.analysis.query_syntax import parse_query
from ragkit.retrieval import filter_scope
from ragkit.retrieval.filter_parser import parse_filter
from ragkit.retrieval.filter_scope import PassageFilter, QueryFilter
from ragkit.storage.sqlite.filters import compile_filter

TEXTS = {
    "a.txt": "red fox and signing keys",
    "b.txt": "signing keys of a blue dog",
    "c.txt": "keys for signing, red",
    "d.md": "signing keys, red again",
}


@pytest.fixture
def reading(collection, tmp_path):
    """Yield a connection, the lexical index, and id → path."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    collection.index(folder)
    with collection._store.reading() as connection:
        hits = collection.search("keys", k=9, mode="lexical")
        paths = {hit.passage_id: hit.path for hit in hits}
        yield connection, collection._indexes.lexical(connection), paths


def text_files(connection):
    return PassageFilter.create(connection, compile_filter(parse_filter("path ~ '*.txt'")))


@pytest.mark.parametrize("limit", [0, 5000])
def test_a_metadata_filter_matches_as_a_set_and_as_a_test(reading, monkeypatch, limit):
    monkeypatch.setattr(filter_scope, "MAX_SMALL_SET", limit)
    connection, _, paths = reading
    matches = text_files(connection)
    assert (matches.small_id_set is None) == (limit == 0)
    assert [paths[key] for key in matches.all_ids] == ["a.txt", "b.txt", "c.txt"]
    assert {paths[key] for key in matches.matching(list(paths))} == {"a.txt", "b.txt", "c.txt"}


@pytest.mark.parametrize("limit", [0, 5000])
@pytest.mark.parametrize(
    ("query", "within", "expected"),
    [
        ('"signing keys"', False, {"a.txt", "b.txt", "d.md"}),
        ('"signing keys"', True, {"a.txt", "b.txt"}),
        ('"signing keys" -red', False, {"b.txt"}),
        ("keys -red", True, {"b.txt"}),
    ],
)
def test_phrases_and_exclusions_apply_within_a_filter(
    reading, monkeypatch, limit, query, within, expected
):
    monkeypatch.setattr(filter_scope, "MAX_SMALL_SET", limit)
    connection, index, paths = reading
    inner = text_files(connection) if within else None
    matches = QueryFilter.create(connection, index, parse_query(query), inner)
    assert {paths[key] for key in matches.all_ids} == expected
    assert {paths[key] for key in matches.matching(list(paths))} == expected
    if matches.small_id_set is not None:
        assert matches.small_id_set == matches.all_ids.tolist() == sorted(matches.small_id_set)
