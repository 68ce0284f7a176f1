from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.lexical.statistics import phrase_of

ROWS = [(1, "the quick fox", "en"), (2, "a lazy fox sleeps", "en"), (3, "der Hund", "de")]


def test_statistics_of_an_index():
    statistics = LexicalIndex.in_memory(ROWS, 1).statistics
    assert (statistics.total, statistics.counted) == (3, 3)
    assert statistics.languages() == [("en", 2), ("de", 1)]
    assert statistics.frequency("text", "fox") == 2
    assert statistics.counted_frequency("text", "none") == 0
    assert statistics.terms_with_prefix("text", "fo", 3) == [("fox", 2)]
    assert statistics.has_passage("language", "de")
    assert statistics.occurs((("quick", "fox"),))
    assert not statistics.occurs((("fox", "quick"),))


def test_removed_passages_do_not_count():
    index = LexicalIndex.in_memory(ROWS, 1).with_changes(2, [], [2])
    assert (index.statistics.total, index.statistics.counted) == (2, 3)
    assert index.statistics.frequency("text", "fox") == 1
    assert index.statistics.counted_frequency("text", "fox") == 2


def test_the_number_of_terms_is_that_of_all_passages():
    index = LexicalIndex.in_memory([(1, "red fox", "en"), (2, "red fox den", "en")], 1)
    assert index.tokens()["text"] == 5
    assert [row for row in index.frequencies() if row[0] == "text"] == [
        ("text", "den", 1), ("text", "fox", 2), ("text", "red", 2),
    ]  # fmt: skip
    assert LexicalIndex.in_memory([], 1).tokens() == {"text": 0, "forms": 0}


def test_a_phrase_has_each_sequence_once():
    assert phrase_of([("b",), (), ("a", "b"), ("b",)]) == (("a", "b"), ("b",))
    assert phrase_of([()]) is None
