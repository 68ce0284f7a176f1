"""From queries to hits: order of the stages, batches, warnings."""

import pytest

from ragkit.analysis.query_syntax import parse_query
from ragkit.errors import CollectionError
from ragkit.retrieval import pipeline
from ragkit.retrieval.options import SearchOptions


@pytest.fixture
def filled(collection, folder):
    collection.index(folder)
    return collection


def test_dense_text_is_the_query_as_written_only_in_dense_mode():
    query = parse_query("keys -red")
    options = [SearchOptions(mode=mode) for mode in ("dense", "hybrid", "lexical")]
    assert [pipeline.dense_text(query, each) for each in options] == ["keys -red", "keys", "keys"]


def test_each_query_is_parsed_once(filled, monkeypatch):
    parsed = []
    monkeypatch.setattr(
        pipeline, "parse_query", lambda query: parsed.append(query) or parse_query(query)
    )
    filled.search('parents "at home" -keys', k=3, mode="hybrid", explain=True)
    assert parsed == ['parents "at home" -keys']


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize("size", [1, 2, 1024])
def test_a_batch_gives_each_query_its_own_hits(filled, monkeypatch, mode, size):
    monkeypatch.setattr(pipeline, "_BATCH_SIZE", size)
    queries = ["parents at home", "signing keys", "parents at home", "nothing of the kind"]
    alone = [filled.search(query, k=3, mode=mode) for query in queries]
    assert filled.search_many(queries, k=3, mode=mode) == alone


def test_no_queries_have_no_hits(filled):
    assert filled.search_many([]) == []


@pytest.mark.parametrize(
    ("options", "depth"),
    [
        ({"k": 10}, 10),
        ({"k": 3, "diverse": True}, 50),
        ({"k": 20, "diverse": True}, 100),
        ({"k": 3, "rerank": True}, 20),
        ({"k": 30, "rerank": True}, 30),
    ],
)
def test_the_ranking_is_deeper_than_k_if_hits_are_selected_from_it(options, depth):
    assert pipeline._ranking_depth(SearchOptions(**options)) == depth


def test_a_model_that_changes_during_the_query_is_an_error(filled, monkeypatch):
    query_vectors = filled._encoders.query_vectors

    def encode_while_another_process_migrates(encoder, texts):
        with filled._store.writing() as connection:
            connection.execute("UPDATE models SET fingerprint = 'another'")
        return query_vectors(encoder, texts)

    monkeypatch.setattr(filled._encoders, "query_vectors", encode_while_another_process_migrates)
    with pytest.raises(CollectionError, match="model changed during the query; retry"):
        filled.search("parents")


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_search_reads_one_snapshot_and_the_next_one_what_was_committed(filled, monkeypatch, mode):
    expected = filled.search("parents at home", k=3, mode=mode)
    build_hits = pipeline.build_hits

    def build_after_a_commit(*arguments):
        with filled._store.changing() as (connection, _):
            connection.execute("DELETE FROM passages")
        return build_hits(*arguments)

    monkeypatch.setattr(pipeline, "build_hits", build_after_a_commit)
    assert filled.search("parents at home", k=3, mode=mode) == expected != []
    assert filled.search("parents at home", k=3, mode=mode) == []


class PanicException(BaseException):
    """As pyo3 derives it; the name and the module are what tells a panic."""


PanicException.__module__ = "pyo3_runtime"


@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
def test_a_panic_in_the_lexical_index_rebuilds_it_and_repeats_the_query(
    collection, folder, mode, notices, monkeypatch
):
    collection.index(folder)
    expected = collection.search("signing keys", mode=mode)
    index = collection._indexes._lexical

    def panic(*_, **__):
        raise PanicException("called `Option::unwrap()` on a `None` value")

    monkeypatch.setattr(index, "_search", panic)
    assert collection.search("signing keys", mode=mode) == expected
    assert collection._indexes._lexical is not index
    (notice,) = notices
    assert "damaged" in notice
    assert "unwrap" not in notice
    assert collection.search("signing keys", mode=mode) == expected
    assert len(notices) == 1


def test_a_lexical_index_that_always_fails_is_an_error_with_a_plain_message(
    collection, folder, monkeypatch
):
    collection.index(folder)

    def panic(*_, **__):
        raise PanicException("called `Option::unwrap()` on a `None` value")

    with monkeypatch.context() as patch:
        patch.setattr("ragkit.storage.lexical.index.LexicalIndex._search", panic)
        with pytest.raises(CollectionError, match="the lexical index is damaged") as raised:
            collection.search("signing keys", mode="lexical")
    assert "unwrap" not in str(raised.value)
    assert collection.search("signing keys", mode="lexical")[0].path == "keys.md"
