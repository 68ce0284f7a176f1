"""Base forms and stems beside a word's own term."""

import pytest

from ragkit.analysis.analyzer import analyzer_for


def all_terms(language, word):
    analyzer = analyzer_for(language)
    return {analyzer.term(word), *analyzer.forms(word)}


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("cy", "ferch", "merch"),
        ("ga", "mbád", "bád"),
        ("lt", "namuose", "namas"),
        ("id", "membaca", "baca"),
        ("he", "ובספר", "ספר"),
        ("sr", "књига", "knjiga"),
    ],
)
def test_forms_of_a_word_share_a_term(language, one, other):
    assert all_terms(language, one) & all_terms(language, other)


def test_english_words_have_no_further_forms():
    assert analyzer_for("en").forms("mice") == []
    assert analyzer_for("en").index_forms("The mice ran.") == []


def test_accents_that_were_typed_are_a_term():
    assert "=má" in analyzer_for("vi").forms("má")
    assert "=má" not in analyzer_for("vi").forms("mà")
