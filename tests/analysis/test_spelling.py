import pytest

from ragkit.analysis.spelling import distance, forgivable, neighbours


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
    assert distance(one, other) == distance(other, one) == edits


@pytest.mark.parametrize("typo", ["rotaet", "rotte", "rotatte", "rotatr", "orotate", "totate"])
def test_one_mistake_is_a_neighbour(typo):
    assert "rotate" in set(neighbours(typo))


@pytest.mark.parametrize(
    ("typo", "word"), [("operacion", "operación"), ("яблако", "яблоко"), ("σπιτι", "σπίτι")]
)
def test_other_alphabets_have_neighbours_too(typo, word):
    assert word in set(neighbours(typo))


def test_every_neighbour_is_one_step_away():
    assert {distance("words", each) for each in neighbours("words")} == {0, 1}


def test_short_words_and_numbers_are_taken_as_they_are():
    assert [forgivable(each) for each in ("word", "words", "passages", "2024", "sha25666")] == [
        0, 1, 2, 0, 0,
    ]  # fmt: skip
