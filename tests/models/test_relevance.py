"""The stored calibration, and the bound that a search takes from it."""

import pytest

from ragkit.errors import UsageError
from ragkit.models import relevance
from ragkit.models.relevance import RelevanceCalibration


def test_cosine_and_probability_are_inverse():
    found = RelevanceCalibration("f", 8.0, -4.0, 50, 0.03)
    assert found.probability(0.5) == pytest.approx(0.5)
    assert found.cosine(0.5) == pytest.approx(0.5)
    assert found.cosine(found.probability(0.73)) == pytest.approx(0.73)
    assert (found.cosine(0), found.cosine(1)) == (-1.0, 1.0)
    assert 0 <= found.probability(-1e9) < found.probability(1e9) <= 1


FALLING = '{"fingerprint": "%s", "slope": -1, "offset": 0, "questions": 9, "error": 0}' % ("f" * 64)


BINS = FALLING.replace("-1", "1").replace("}", ', "bins": [{"low": 0}]}')
NO_NUMBER = FALLING.replace("-1", "1").replace(
    "}", ', "abstentions": [{"bound": 0.5, "without_answer": NaN, "with_answer": 0}]}'
)


@pytest.mark.parametrize(
    "stored", ["", "[]", "{}", '{"fingerprint": "x", "slope": "a"}', FALLING, BINS, NO_NUMBER]
)
def test_a_damaged_calibration_counts_as_none(collection, folder, stored):
    collection.index(folder)
    with collection._store.writing() as connection:
        relevance.set_value(connection, relevance.KEY, stored)
    assert collection.relevance() is None


def test_a_calibration_of_an_earlier_version_has_no_diagram(collection, folder):
    collection.index(folder)
    with collection._store.writing() as connection:
        relevance.set_value(connection, relevance.KEY, FALLING.replace("-1", "1"))
    assert collection.relevance() == RelevanceCalibration("f" * 64, 1.0, 0.0, 9, 0.0)


def test_bins_and_abstentions_are_stored(collection, folder, encoder):
    collection.index(folder)
    found = RelevanceCalibration(
        encoder.fingerprint, 8.0, -4.0, 50, 0.03,
        (relevance.ReliabilityBin(0.0, 0.1, 3, 0.05, 0.0),),
        (relevance.Abstention(0.5, 0.9, 0.1),),
    )  # fmt: skip
    with collection._store.writing() as connection:
        relevance.store(connection, found)
    assert collection.relevance() == found


@pytest.fixture
def calibrated(collection, folder, encoder):
    collection.index(folder)
    with collection._store.writing() as connection:
        relevance.store(connection, RelevanceCalibration(encoder.fingerprint, 10, -3, 50, 0.03))
    return collection


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_search_leaves_out_what_is_unlikely_to_answer(calibrated, mode):
    hits = calibrated.search("cats sleep", mode=mode)
    found = calibrated.relevance()
    for bound in (0.2, 0.5, 0.9, 1.0):
        kept = calibrated.search("cats sleep", mode=mode, min_relevance=bound)
        expected = [hit.citation for hit in hits if found.probability(hit.score) >= bound]
        assert [hit.citation for hit in kept] == expected
    assert calibrated.search("cats sleep", mode=mode, min_relevance=0) == hits
    strict = calibrated.search("cats sleep", mode=mode, min_relevance=0.2, min_score=0.99)
    assert strict == []


def test_the_best_score_is_named_where_nothing_is_likely_to_answer(calibrated):
    (best, *_) = calibrated.search("cats sleep")
    options = calibrated.search_options({"min_relevance": 0.9999})
    (hits,) = calibrated.search_with(["cats sleep"], options)
    (line,) = calibrated.search_notices("cats sleep", options, hits)
    assert line == f"the best score is {best.score:.2f}, below the minimum of 1"


def test_an_answer_is_declined_where_nothing_is_likely_to_answer(calibrated):
    assert calibrated.ask("Who may stay at home?", llm=False).answerable
    declined = calibrated.ask("Who may stay at home?", llm=False, min_relevance=0.9999)
    assert not declined.answerable
    assert declined.hits == ()


def test_a_collection_that_is_not_calibrated_says_how(collection, folder):
    collection.index(folder)
    with pytest.raises(UsageError, match=r"eval --self --calibrate"):
        collection.search("cats", min_relevance=0.5)
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(UsageError, match="expected a probability"):
            collection.search("cats", min_relevance=wrong)
