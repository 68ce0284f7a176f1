"""Query plans: words, idf, stop words, corrections of misspelled words, languages."""

import math

import pytest

from ragkit.analysis.query_syntax import parse_query
from ragkit.storage.lexical.query_plan import MAX_TERMS, STOP_WORD_WEIGHT
from tests.storage.lexical.conftest import TEXTS, build_index, top_ids


def plan(index, query):
    return index.plan(parse_query(query))


def test_each_word_is_planned_once_in_the_order_of_the_query():
    words = plan(build_index(TEXTS), "fox dog Fox zebra").words
    assert [word.surface for word in words] == ["fox", "dog", "zebra"]
    assert [bool(word.terms) for word in words] == [True, True, False]


def test_idf_is_that_of_robertson_and_zaragoza():
    index = build_index(TEXTS)
    (fox, zebra) = plan(index, "fox zebra").words
    assert fox.idf == pytest.approx(math.log(1 + (4 - 2 + 0.5) / (2 + 0.5)))
    assert zebra.idf == pytest.approx(math.log(1 + (4 + 0.5) / 0.5))


def test_no_term_belongs_to_two_words():
    words = plan(build_index([(1, "rotating keys"), (2, "a key")]), "rotate rotating keys").words
    terms = [term for word in words for term in word.terms]
    assert len(terms) == len(set(terms)) == 2


def test_stop_words_weigh_less_beside_content_words():
    index = build_index(TEXTS)
    weights = {word.surface: word.weight for word in plan(index, "the fox").words}
    assert weights == {"the": STOP_WORD_WEIGHT, "fox": 1.0}
    assert [word.weight for word in plan(index, "the").words] == [1.0]


def test_a_phrase_that_does_not_occur_is_not_required():
    index = build_index(TEXTS)
    assert len(plan(index, '"brown fox"').required) == 1
    assert plan(index, '"fox brown"').required == ()
    assert [word.surface for word in plan(index, '"fox brown"').words] == ["fox", "brown"]


def test_an_exclusion_is_no_scored_word():
    result = plan(build_index(TEXTS), "fox -lazy")
    assert len(result.excluded) == 1
    assert [word.surface for word in result.words] == ["fox"]


def test_a_query_is_planned_once():
    index = build_index(TEXTS)
    assert plan(index, "fox") is plan(index, "fox")


def test_a_misspelled_word_is_corrected_if_nothing_matches_it():
    index = build_index([(1, "Rotating the signing keys"), (2, "configuration of servers")])
    assert top_ids(index, "roatting") == [1]
    assert top_ids(index, "confgiruation") == [2]
    assert [word.corrected_to for word in index.plan(parse_query("roatting keys")).words] == [
        "rotating",
        None,
    ]
    assert top_ids(build_index([(1, "sing"), (2, "signing")]), "sing") == [1]


def test_words_are_looked_up_in_every_language_of_the_index():
    index = build_index([
        (1, "Die Versicherungen sind für alle da und nicht nur für dich"),
        (2, "They insure what they have and not what they want"),
    ])  # fmt: skip
    assert top_ids(index, "Versicherung") == [1]
    assert top_ids(index, "insured") == [2]


def test_a_stop_word_of_another_language_counts():
    german = [(n, f"die Katze {n} ist auf dem Dach und die Hunde nicht") for n in range(1, 9)]
    index = build_index(
        [*german, (9, "how insects die in the winter and what they do before that")]
    )
    assert top_ids(index, "how do insects die") == [9]
    assert sorted(top_ids(index, "die")) == list(range(1, 10))  # nothing else was asked


def test_words_beyond_the_maximum_are_ignored():
    query = " ".join(f"w{n}" for n in range(MAX_TERMS)) + " fox"
    assert build_index(TEXTS).top_k(parse_query(query), 5)[0].tolist() == []
