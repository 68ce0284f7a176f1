"""Damerau-Levenshtein distances and candidates for misspelled words."""

import pytest

from ragkit.analysis.spelling import edit_candidates, edit_distance, max_edits


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("kitten", "sitting", 3),  # Wagner and Fischer's example
        ("ca", "ac", 1),
        ("ca", "abc", 3),  # optimal string alignment: no letter is moved twice
        ("", "abc", 3),
        ("same", "same", 0),
    ],
)
def test_distances_known_from_the_literature(one, other, edits):
    assert edit_distance(one, other) == edit_distance(other, one) == edits


@pytest.mark.parametrize("typo", ["rotaet", "rotte", "rotatte", "rotatr", "orotate", "totate"])
def test_the_intended_word_is_a_candidate_after_one_mistake(typo):
    assert "rotate" in set(edit_candidates(typo))


@pytest.mark.parametrize(
    ("typo", "word"), [("operacion", "operación"), ("яблако", "яблоко"), ("σπιτι", "σπίτι")]
)
def test_other_alphabets_have_candidates_too(typo, word):
    assert word in set(edit_candidates(typo))


def test_every_candidate_is_at_most_one_edit_away():
    assert {edit_distance("words", word) for word in edit_candidates("words")} == {0, 1}


def test_short_words_and_numbers_allow_no_edits():
    assert [max_edits(word) for word in ("word", "words", "passages", "2024", "sha25666")] == [
        0, 1, 2, 0, 0,
    ]  # fmt: skip
