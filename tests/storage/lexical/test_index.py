import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.analysis.query_syntax import parse_query
from ragkit.storage.lexical import index as lexical_index
from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.lexical.query_plan import MAX_TERMS

TEXTS = [
    (1, "the quick brown fox"),
    (2, "the lazy dog sleeps"),
    (3, "a fox and another fox"),
    (9, "nothing of the kind here"),
]


def rows(texts):
    return [(passage_id, text, None) for passage_id, text in texts]


def made_of(texts):
    return LexicalIndex.in_memory(rows(texts), 1)


def bm25(term_frequency, length, average, documents, containing, k1=1.2, b=0.75):
    """Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009."""
    inverse = math.log(1 + (documents - containing + 0.5) / (containing + 0.5))
    norm = k1 * (1 - b + b * length / average)
    return inverse * term_frequency * (k1 + 1) / (term_frequency + norm)


def test_scores_are_bm25_worked_by_hand():
    ids, scores = made_of(TEXTS).top_k(parse_query("fox"), 10)
    average = (4 + 4 + 5 + 5) / 4
    assert ids.tolist() == [3, 1]
    assert scores == pytest.approx([bm25(2, 5, average, 4, 2), bm25(1, 4, average, 4, 2)], rel=1e-5)


def test_words_are_folded_and_stemmed():
    index = made_of([(4, "Cafés were rotating keys")])
    assert index.top_k(parse_query("CAFE"), 1)[0].tolist() == [4]
    assert index.top_k(parse_query("rotation of a key"), 1)[0].tolist() == [4]


def test_equal_scores_come_by_ascending_id():
    index = made_of([(n, "same words") for n in (7, 3, 5)])
    assert index.top_k(parse_query("words"), 3)[0].tolist() == [3, 5, 7]


@pytest.mark.parametrize("query", ["", "   ", "?!", "zebra", '"', "\x00"])
def test_a_query_without_known_words_finds_nothing(query):
    assert made_of(TEXTS).top_k(parse_query(query), 5)[0].tolist() == []


def test_an_empty_index_finds_nothing():
    assert made_of([]).top_k(parse_query("fox"), 5)[0].tolist() == []


@settings(max_examples=200, deadline=None)
@given(query=st.text(max_size=60))
def test_no_character_of_a_query_has_a_meaning(query):
    index = made_of(TEXTS)
    found = index.top_k(parse_query(query), 5)[0].tolist()
    assert set(found) <= {1, 2, 3, 9}


@pytest.mark.parametrize(
    "query", ["fox AND dog", "+fox ~dog", 'text:"fox', "fox^3 (dog", "[a TO b]"]
)
def test_query_syntax_is_only_words(query):
    plain = "".join(each if each.isalnum() else " " for each in query)
    index = made_of(TEXTS)
    assert (
        index.top_k(parse_query(query), 5)[0].tolist()
        == index.top_k(parse_query(plain), 5)[0].tolist()
    )


def test_a_new_generation_adds_and_removes_and_leaves_the_old_one_alone(tmp_path):
    first, second = tmp_path / "words-1", tmp_path / "words-2"
    lexical_index.write(first, None, rows(TEXTS), [])
    lexical_index.write(second, first, rows([(10, "a red fox")]), [1, 2])
    assert sorted(LexicalIndex.open(second, 2).top_k(parse_query("fox"), 9)[0].tolist()) == [3, 10]
    assert LexicalIndex.open(second, 2).top_k(parse_query("lazy"), 9)[0].tolist() == []
    assert sorted(LexicalIndex.open(first, 1).top_k(parse_query("fox"), 9)[0].tolist()) == [1, 3]


def test_many_generations_do_not_pile_up_segments(tmp_path):
    older = None
    for generation in range(1, 31):
        path = tmp_path / f"words-{generation}"
        lexical_index.write(path, older, rows([(generation, f"word{generation} common")]), [])
        older = path
    index = LexicalIndex.open(path, 30)
    assert len(index) == 30
    assert index._searcher.num_segments < 20
    assert len(index.top_k(parse_query("common"), 50)[0]) == 30


def test_a_long_query_is_cut_to_so_many_words():
    query = " ".join(f"w{n}" for n in range(MAX_TERMS)) + " fox"
    assert made_of(TEXTS).top_k(parse_query(query), 5)[0].tolist() == []


def test_a_damaged_folder_is_an_error_that_says_so(tmp_path):
    lexical_index.write(tmp_path / "words-1", None, rows(TEXTS), [])
    (tmp_path / "words-1" / "meta.json").write_text("{")
    with pytest.raises(ValueError, match="words-1 is damaged"):
        LexicalIndex.open(tmp_path / "words-1", 1)


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join), max_size=20),
    query=st.lists(st.sampled_from("abcdefghxy"), max_size=5).map(" ".join),
    chosen=st.sets(st.integers(1, 25)),
)
def test_scores_of_given_ids_are_those_of_the_whole_ranking(texts, query, chosen):
    index = made_of(list(enumerate(texts, start=1)))
    ids, scores = index.top_k(parse_query(query), 100)
    every = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    expected = {each: score for each, score in every.items() if each in chosen}
    assert index.scores(parse_query(query), sorted(chosen)) == expected


def test_the_most_a_query_can_give_is_never_reached_and_nearly_so():
    texts = [(1, "fox " * 5000), (2, "fox dog"), (3, "dog"), (4, "cat")]
    index = made_of(texts)
    inverse = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    assert index.max_bm25(parse_query("fox")) == pytest.approx(2.2 * inverse)
    assert index.max_bm25(parse_query("fox dog fox")) == pytest.approx(2 * 2.2 * inverse)
    unknown = math.log(1 + (4 + 0.5) / 0.5)
    assert index.max_bm25(parse_query("zebra")) == pytest.approx(2.2 * unknown)
    assert (
        0.9 * index.max_bm25(parse_query("fox"))
        < index.top_k(parse_query("fox"), 1)[1][0]
        < index.max_bm25(parse_query("fox"))
    )


def test_nothing_can_be_had_from_no_words():
    assert made_of(TEXTS).max_bm25(parse_query("?!")) == 0
    assert made_of(TEXTS).scores(parse_query("?!"), [1]) == {}
    assert made_of(TEXTS).scores(parse_query("fox"), []) == {}
    assert made_of([]).scores(parse_query("fox"), [1]) == {}


CODE = [
    (1, "class HTTPServer2 answers requests"),
    (2, "a server of http"),
    (3, "call os.path.join here"),
    (4, "the path of a join"),
]


def found(index, query, k=50):
    return index.top_k(parse_query(query), k)[0].tolist()


def test_an_identifier_is_found_by_its_parts_and_best_by_itself():
    index = made_of(CODE)
    assert sorted(found(index, "http server")) == [1, 2]
    assert found(index, "httpserver2") == [1]
    assert found(index, "HTTPServer2")[0] == 1
    assert found(index, "os.path.join")[0] == 3
    assert 4 in found(index, "path.join")


TEXT = st.lists(st.sampled_from(["red", "fox", "dog", "the"]), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=12), phrase=TEXT.map(lambda words: words[:3]))
def test_phrases_and_exclusions_are_those_of_brute_force(texts, phrase):
    index = made_of([(n, " ".join(words)) for n, words in enumerate(texts)])
    held = {
        n
        for n, words in enumerate(texts)
        if any(words[at : at + len(phrase)] == phrase for at in range(len(words)))
    }
    everything = set(range(len(texts)))
    quoted = '"' + " ".join(phrase) + '"'
    required, excluded = f"fox {quoted}", f"fox -{quoted}"
    assert index.matching(parse_query(required), sorted(everything)) == (held or everything)
    assert index.matching(parse_query(excluded), sorted(everything)) == everything - held
    assert index.matching_up_to(parse_query(excluded), 50) == sorted(everything - held)
    assert index.is_restricted(parse_query(required)) == bool(held)


def test_a_phrase_does_not_reach_into_the_parts_of_identifiers():
    index = made_of([(1, "read parseURL loadFile"), (2, "url load")])
    assert index.matching_up_to(parse_query('"url load"'), 9) == [2]
    assert index.matching_up_to(parse_query('"parse url"'), 9) == [1]
    assert index.matching_up_to(parse_query('"read parseurl"'), 9) == [1]


def test_more_than_so_many_are_not_listed():
    index = made_of([(n, "fox") for n in range(10)])
    assert index.matching_up_to(parse_query('"fox"'), 9) is None
    assert index.matching_up_to(parse_query('"fox"'), 10) == list(range(10))


def test_a_typo_is_forgiven_where_nothing_else_matches():
    index = made_of([(1, "Rotating the signing keys"), (2, "configuration of servers")])
    assert found(index, "roatting") == [1]
    assert found(index, "confgiruation") == [2]
    assert [each.corrected_to for each in index.plan(parse_query("roatting keys")).words] == [
        "rotating",
        None,
    ]
    assert found(made_of([(1, "sing"), (2, "signing")]), "sing") == [1]


def test_words_of_a_query_are_sought_in_every_language_of_the_index():
    index = made_of([
        (1, "Die Versicherungen sind für alle da und nicht nur für dich"),
        (2, "They insure what they have and not what they want"),
    ])  # fmt: skip
    assert found(index, "Versicherung") == [1]
    assert found(index, "insured") == [2]


def test_a_stop_word_of_another_language_counts():
    german = [(n, f"die Katze {n} ist auf dem Dach und die Hunde nicht") for n in range(1, 9)]
    index = made_of([*german, (9, "how insects die in the winter and what they do before that")])
    assert found(index, "how do insects die") == [9]
    assert sorted(found(index, "die")) == list(range(1, 10))  # nothing else was asked


def test_scores_of_a_language_are_bm25_among_all():
    german = "der hund ist hier und nicht dort"
    index = made_of([(1, german), (2, "the dog is here and not there"), (3, german + " hund")])
    expected = bm25(2, 8, 22 / 3, 3, 2), bm25(1, 7, 22 / 3, 3, 2)
    ids, scores = index.top_k(parse_query("Hunde"), 5)
    assert ids.tolist() == [3, 1]
    assert scores == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "query",
    [
        "fox\x00dog", "\ud800 fox", '"\ud800"', "fox " * 250_000, "x" * 1_000_000,
        '"' * 10_000, "-a" * 10_000, "'; DROP TABLE passages; --", "fox~2 AND (dog^9 OR *:*)",
        '"fox" -"dog" "', "東" * 100_000, "\u0301" * 5000, "a.b" * 5000, "A1_" * 5000,
    ],
    ids=lambda query: ascii(query[:12]),
)  # fmt: skip
def test_a_hostile_query_is_a_query(query):
    index = made_of(TEXTS)
    assert set(found(index, query)) <= {1, 2, 3, 9}
    assert index.matching(parse_query(query), [1, 2, 3, 9]) <= {1, 2, 3, 9}
    assert index.max_bm25(parse_query(query)) >= 0


@settings(max_examples=200, deadline=None)
@given(query=st.text(st.characters() | st.sampled_from('"- fox.dog_A1\ud800\x00'), max_size=40))
def test_no_text_raises(query):
    index = made_of(TEXTS)
    ids, scores = index.top_k(parse_query(query), 5)
    assert all(score <= index.max_bm25(parse_query(query)) + 1e-4 for score in scores)
    gains = index.term_scores(parse_query(query), ids.tolist())
    total = [sum(gained.get(each, 0) for _, gained in gains) for each in ids.tolist()]
    assert total == pytest.approx(scores.tolist(), rel=1e-4)
