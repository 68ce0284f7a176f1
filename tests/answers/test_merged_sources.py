"""Sources of several collections; tests/test_collection_group.py has complete answers."""

import pytest

from ragkit import Collection
from ragkit.answers.merged_sources import MergedSources


@pytest.fixture
def sources(tmp_path, collection, encoder, folder):
    collection.index(folder / "leave.txt")
    other = Collection(tmp_path / "other", encoder=encoder, settings=collection.settings)
    other.index(folder / "sub")
    options = collection.answer_options({"k": 2})
    parts = {"a": collection.answer_sources(options), "b": other.answer_sources(options)}
    yield MergedSources(parts, {"a": collection.fingerprint(), "b": other.fingerprint()})
    other.close()


def test_sources_are_the_merged_hits_of_all(sources):
    hits = sources.retrieve("Who sleeps for most of the day?")
    assert [hit.citation for hit in hits] == ["b:cats.txt#L1", "a:leave.txt#L1"]
    assert [hit.rank for hit in hits] == [1, 2]


def test_a_question_is_unreadable_only_if_no_encoder_can_read_it(sources):
    assert sources.unreadable_notice("Who sleeps?") is None


def test_the_first_collection_that_has_an_encoder_scores_the_sentences(sources, tmp_path):
    empty = Collection(tmp_path / "empty")
    parts = {"none": empty.answer_sources(empty.answer_options({})), **sources._sources}
    merged = MergedSources(parts, {"none": None, **sources._fingerprints})
    terms, idf = merged.term_functions()
    assert idf(terms("parents")[0]) > 0
    assert merged.scorer("Who sleeps?").question == "Who sleeps?"
    empty.close()
