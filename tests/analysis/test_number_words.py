"""Number words from two to a hundred, and the numbers that they say."""

import pytest

from ragkit.analysis.analyzer import analyzer_for

# Written by hand, not taken from the table.
SPELLED = [
    ("de", "fünfundzwanzig", 25), ("de", "dritten", 3), ("en", "twenty-five", 25),
    ("en", "Forty", 40), ("fr", "quatre-vingts", 80), ("fr", "soixante-dix", 70),
    ("es", "treinta y cinco", 35), ("it", "ventuno", 21), ("ru", "двадцать пять", 25),
    ("ru", "третьем", 3), ("pl", "siedemnaście", 17), ("nl", "achtste", 8), ("sv", "fjorton", 14),
    ("fi", "kolmessa", 3), ("tr", "kırk", 40), ("hu", "tizenkettő", 12), ("pt", "vinte e um", 21),
    ("el", "τριάντα", 30), ("hi", "पच्चीस", 25), ("id", "dua puluh", 20),
]  # fmt: skip


@pytest.mark.parametrize(("language", "word", "number"), SPELLED)
def test_a_number_word_says_its_number(language, word, number):
    analyzer = analyzer_for(language)
    terms = tuple(map(analyzer.term, word.replace("-", " ").split()))
    assert analyzer.number_words.number(*terms) == number
    assert terms in analyzer.number_words.terms(number)


def test_the_longest_row_of_words_is_one_number():
    analyzer = analyzer_for("es")
    words = ["entre", "treinta", "y", "cinco", "y", "cuarenta", "días", "de", "dos", "meses"]
    found = analyzer.number_words.find([analyzer.term(word) for word in words])
    assert list(found) == [(1, 4, 35), (5, 6, 40), (8, 9, 2)]


@pytest.mark.parametrize(("language", "word"), [("en", "one"), ("de", "ein"), ("xx", "two")])
def test_articles_and_other_languages_are_no_numbers(language, word):
    analyzer = analyzer_for(language)
    assert analyzer.number_words.number(analyzer.term(word)) is None
