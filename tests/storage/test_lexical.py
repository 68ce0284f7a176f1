import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.storage import lexical
from ragkit.storage.lexical import WordIndex
from ragkit.storage.word_query import MOST_TERMS

TEXTS = [
    (1, "the quick brown fox"),
    (2, "the lazy dog sleeps"),
    (3, "a fox and another fox"),
    (9, "nothing of the kind here"),
]


def rows(texts):
    return [(passage_id, text, None) for passage_id, text in texts]


def made_of(texts):
    return WordIndex.in_memory(rows(texts), 1)


def bm25(term_frequency, length, average, documents, containing, k1=1.2, b=0.75):
    """Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009."""
    inverse = math.log(1 + (documents - containing + 0.5) / (containing + 0.5))
    norm = k1 * (1 - b + b * length / average)
    return inverse * term_frequency * (k1 + 1) / (term_frequency + norm)


def test_scores_are_bm25_worked_by_hand():
    ids, scores = made_of(TEXTS).best("fox", 10)
    average = (4 + 4 + 5 + 5) / 4
    assert ids.tolist() == [3, 1]
    assert scores == pytest.approx([bm25(2, 5, average, 4, 2), bm25(1, 4, average, 4, 2)], rel=1e-5)


def test_words_are_folded_and_stemmed():
    index = made_of([(4, "Cafés were rotating keys")])
    assert index.best("CAFE", 1)[0].tolist() == [4]
    assert index.best("rotation of a key", 1)[0].tolist() == [4]


def test_equal_scores_come_by_ascending_id():
    index = made_of([(n, "same words") for n in (7, 3, 5)])
    assert index.best("words", 3)[0].tolist() == [3, 5, 7]


@pytest.mark.parametrize("query", ["", "   ", "?!", "zebra", '"', "\x00"])
def test_a_query_without_known_words_finds_nothing(query):
    assert made_of(TEXTS).best(query, 5)[0].tolist() == []


def test_an_empty_index_finds_nothing():
    assert made_of([]).best("fox", 5)[0].tolist() == []


@settings(max_examples=200, deadline=None)
@given(query=st.text(max_size=60))
def test_no_character_of_a_query_has_a_meaning(query):
    index = made_of(TEXTS)
    found = index.best(query, 5)[0].tolist()
    assert set(found) <= {1, 2, 3, 9}


@pytest.mark.parametrize(
    "query", ["fox AND dog", "+fox ~dog", 'text:"fox', "fox^3 (dog", "[a TO b]"]
)
def test_query_syntax_is_only_words(query):
    plain = "".join(each if each.isalnum() else " " for each in query)
    index = made_of(TEXTS)
    assert index.best(query, 5)[0].tolist() == index.best(plain, 5)[0].tolist()


def test_a_new_generation_adds_and_removes_and_leaves_the_old_one_alone(tmp_path):
    first, second = tmp_path / "words-1", tmp_path / "words-2"
    lexical.write(first, None, rows(TEXTS), [])
    lexical.write(second, first, rows([(10, "a red fox")]), [1, 2])
    assert sorted(WordIndex.read(second, 2).best("fox", 9)[0].tolist()) == [3, 10]
    assert WordIndex.read(second, 2).best("lazy", 9)[0].tolist() == []
    assert sorted(WordIndex.read(first, 1).best("fox", 9)[0].tolist()) == [1, 3]


def test_many_generations_do_not_pile_up_segments(tmp_path):
    older = None
    for generation in range(1, 31):
        path = tmp_path / f"words-{generation}"
        lexical.write(path, older, rows([(generation, f"word{generation} common")]), [])
        older = path
    index = WordIndex.read(path, 30)
    assert len(index) == 30
    assert index._searcher.num_segments < 20
    assert len(index.best("common", 50)[0]) == 30


def test_a_long_query_is_cut_to_so_many_words():
    query = " ".join(f"w{n}" for n in range(MOST_TERMS)) + " fox"
    assert made_of(TEXTS).best(query, 5)[0].tolist() == []


def test_a_damaged_folder_is_an_error_that_says_so(tmp_path):
    lexical.write(tmp_path / "words-1", None, rows(TEXTS), [])
    (tmp_path / "words-1" / "meta.json").write_text("{")
    with pytest.raises(ValueError, match="words-1 is damaged"):
        WordIndex.read(tmp_path / "words-1", 1)


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join), max_size=20),
    query=st.lists(st.sampled_from("abcdefghxy"), max_size=5).map(" ".join),
    chosen=st.sets(st.integers(1, 25)),
)
def test_scores_of_given_ids_are_those_of_the_whole_ranking(texts, query, chosen):
    index = made_of(list(enumerate(texts, start=1)))
    ids, scores = index.best(query, 100)
    every = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    expected = {each: score for each, score in every.items() if each in chosen}
    assert index.scores(query, sorted(chosen)) == expected


def test_the_most_a_query_can_give_is_never_reached_and_nearly_so():
    texts = [(1, "fox " * 5000), (2, "fox dog"), (3, "dog"), (4, "cat")]
    index = made_of(texts)
    inverse = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    assert index.most("fox") == pytest.approx(2.2 * inverse)
    assert index.most("fox dog fox") == pytest.approx(2 * 2.2 * inverse)
    unknown = math.log(1 + (4 + 0.5) / 0.5)
    assert index.most("zebra") == pytest.approx(2.2 * unknown)
    assert 0.9 * index.most("fox") < index.best("fox", 1)[1][0] < index.most("fox")


def test_nothing_can_be_had_from_no_words():
    assert made_of(TEXTS).most("?!") == 0
    assert made_of(TEXTS).scores("?!", [1]) == {}
    assert made_of(TEXTS).scores("fox", []) == {}
    assert made_of([]).scores("fox", [1]) == {}
