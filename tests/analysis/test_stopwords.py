"""The stop word lists: their format and their content."""

import pytest

from ragkit.analysis.language import STEMMERS
from ragkit.analysis.stopwords import STOP_WORDS, read_stop_words


def test_blocks_comments_and_line_breaks_are_parsed():
    text = "# a comment\n\n[de]\nder die\ndas\n\n[en]\nthe\n"
    assert read_stop_words(text) == {"de": {"der", "die", "das"}, "en": {"the"}}


@pytest.mark.parametrize(
    ("code", "words"),
    [("en", {"the", "of", "and"}), ("de", {"der", "und", "nicht"}), ("ru", {"и", "не", "на"})],
)
def test_the_most_frequent_function_words_are_stop_words(code, words):
    assert words <= STOP_WORDS[code]


def test_content_words_are_not_stop_words():
    # Longer published lists contain these, and users search for them.
    assert STOP_WORDS["en"].isdisjoint({"system", "find", "computer", "name", "value", "work"})


def test_every_list_is_in_lower_case_and_not_empty():
    assert [code for code, words in STOP_WORDS.items() if not words] == []
    assert all(word == word.lower() for words in STOP_WORDS.values() for word in words)


def test_only_tamil_has_a_stemmer_and_no_stop_words():
    assert STEMMERS.keys() - STOP_WORDS.keys() == {"ta"}
