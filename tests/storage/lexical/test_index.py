"""The lexical index: BM25 scores, phrases and exclusions, generations."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.analysis.query_syntax import parse_query
from ragkit.storage.lexical import index as lexical_index
from ragkit.storage.lexical.index import LexicalIndex
from tests.storage.lexical.conftest import TEXTS, build_index, rows, top_ids


def bm25(term_frequency, length, average, documents, containing, k1=1.2, b=0.75):
    """Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009."""
    idf = math.log(1 + (documents - containing + 0.5) / (containing + 0.5))
    norm = k1 * (1 - b + b * length / average)
    return idf * term_frequency * (k1 + 1) / (term_frequency + norm)


def test_scores_are_bm25_worked_by_hand():
    ids, scores = build_index(TEXTS).top_k(parse_query("fox"), 10)
    average = (4 + 4 + 5 + 5) / 4
    assert ids.tolist() == [3, 1]
    assert scores == pytest.approx([bm25(2, 5, average, 4, 2), bm25(1, 4, average, 4, 2)], rel=1e-5)


def test_words_are_matched_without_case_accents_and_endings():
    index = build_index([(4, "Cafés were rotating keys")])
    assert index.top_k(parse_query("CAFE"), 1)[0].tolist() == [4]
    assert index.top_k(parse_query("rotation of a key"), 1)[0].tolist() == [4]


def test_equal_scores_come_by_ascending_id():
    index = build_index([(n, "same words") for n in (7, 3, 5)])
    assert index.top_k(parse_query("words"), 3)[0].tolist() == [3, 5, 7]


@pytest.mark.parametrize("query", ["", "   ", "?!", "zebra", '"', "\x00"])
def test_a_query_without_known_words_finds_nothing(query):
    assert build_index(TEXTS).top_k(parse_query(query), 5)[0].tolist() == []


def test_an_empty_index_finds_nothing():
    assert build_index([]).top_k(parse_query("fox"), 5)[0].tolist() == []


@settings(max_examples=200)
@given(query=st.text(max_size=60))
def test_no_character_of_a_query_is_an_operator_of_tantivy(query):
    index = build_index(TEXTS)
    ids = index.top_k(parse_query(query), 5)[0].tolist()
    assert set(ids) <= {1, 2, 3, 9}


@pytest.mark.parametrize(
    "query", ["fox AND dog", "+fox ~dog", 'text:"fox', "fox^3 (dog", "[a TO b]"]
)
def test_query_operators_of_tantivy_are_plain_words(query):
    plain = "".join(character if character.isalnum() else " " for character in query)
    index = build_index(TEXTS)
    assert (
        index.top_k(parse_query(query), 5)[0].tolist()
        == index.top_k(parse_query(plain), 5)[0].tolist()
    )


def test_a_new_generation_does_not_change_the_old_one(tmp_path):
    first, second = tmp_path / "words-1", tmp_path / "words-2"
    lexical_index.write(first, None, rows(TEXTS), [])
    lexical_index.write(second, first, rows([(10, "a red fox")]), [1, 2])
    assert sorted(LexicalIndex.open(second, 2).top_k(parse_query("fox"), 9)[0].tolist()) == [3, 10]
    assert LexicalIndex.open(second, 2).top_k(parse_query("lazy"), 9)[0].tolist() == []
    assert sorted(LexicalIndex.open(first, 1).top_k(parse_query("fox"), 9)[0].tolist()) == [1, 3]


def test_the_number_of_segments_stays_small_over_many_generations(tmp_path):
    older = None
    for generation in range(1, 31):
        path = tmp_path / f"words-{generation}"
        lexical_index.write(path, older, rows([(generation, f"word{generation} common")]), [])
        older = path
    index = LexicalIndex.open(path, 30)
    assert len(index) == 30
    assert index._searcher.num_segments < 20
    assert len(index.top_k(parse_query("common"), 50)[0]) == 30


def test_a_damaged_folder_raises_value_error(tmp_path):
    lexical_index.write(tmp_path / "words-1", None, rows(TEXTS), [])
    (tmp_path / "words-1" / "meta.json").write_text("{")
    with pytest.raises(ValueError, match="words-1 is damaged"):
        LexicalIndex.open(tmp_path / "words-1", 1)


@settings(max_examples=60)
@given(
    texts=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join), max_size=20),
    query=st.lists(st.sampled_from("abcdefghxy"), max_size=5).map(" ".join),
    chosen=st.sets(st.integers(1, 25)),
)
def test_scores_of_given_ids_are_those_of_the_full_ranking(texts, query, chosen):
    index = build_index(list(enumerate(texts, start=1)))
    ids, scores = index.top_k(parse_query(query), 100)
    every = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    expected = {passage_id: score for passage_id, score in every.items() if passage_id in chosen}
    assert index.scores(parse_query(query), sorted(chosen)) == expected


WORDS = ["the", "of", "is", "what", "and", "fox", "dog", "bird", "cow", "hen", "goat", "Haus"]


@settings(max_examples=60)
@given(
    texts=st.lists(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join),
        min_size=1,
        max_size=60,
    ),
    query=st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join),
    k=st.integers(1, 12),
    coverage=st.sampled_from([0.0, 0.4]),
    spare=st.integers(0, 8),
)
def test_adding_frequent_words_to_candidates_finds_what_one_search_finds(
    texts, query, k, coverage, spare
):
    index, parsed = build_index(list(enumerate(texts, start=1))), parse_query(query)
    ids, scores = index.top_k(parsed, len(texts), coverage=coverage)  # a small index: one search
    expected = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexical_index, "_MIN_TWO_STEPS", 0)
        patch.setattr(lexical_index, "_SPARE_CANDIDATES", spare)
        patch.setattr(lexical_index, "_MAX_BOUND", 9.0)
        patch.setattr(lexical_index, "_MAX_BOUND_SHARE", 0.9)
        fast_ids, fast_scores = index.top_k(parsed, k, coverage=coverage)
    assert fast_scores == pytest.approx(scores[:k], rel=1e-5)  # equal scores may change places
    found = dict(zip(fast_ids.tolist(), fast_scores.tolist(), strict=True))
    assert found == pytest.approx({passage: expected[passage] for passage in found}, rel=1e-5)


def test_frequent_words_are_left_out_of_the_search_for_candidates(monkeypatch):
    texts = [
        (n, f"the cat of the house {'fox' * (n % 7 == 0)} {'dog ' * (n % 5)}") for n in range(1, 99)
    ]
    index, parsed = build_index(texts), parse_query("the fox of the house and the dog")
    expected = index.top_k(parsed, 3)
    monkeypatch.setattr(lexical_index, "_MIN_TWO_STEPS", 0)
    words = [word for word in index.plan(parsed).words if word.is_known]
    common, others, _ = lexical_index._split_words(words, 0.0)
    assert {word.surface for word in common} >= {"the", "of", "house"}
    assert {word.surface for word in others} >= {"fox"}
    assert index._top_k_in_two_steps(words, 3, 0.0) is not None
    assert index.top_k(parsed, 3)[0].tolist() == expected[0].tolist()


def test_max_bm25_is_a_tight_upper_bound():
    texts = [(1, "fox " * 5000), (2, "fox dog"), (3, "dog"), (4, "cat")]
    index = build_index(texts)
    idf = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    assert index.max_bm25(parse_query("fox")) == pytest.approx(2.2 * idf)
    assert index.max_bm25(parse_query("fox dog fox")) == pytest.approx(2 * 2.2 * idf)
    unknown = math.log(1 + (4 + 0.5) / 0.5)
    assert index.max_bm25(parse_query("zebra")) == pytest.approx(2.2 * unknown)
    assert (
        0.9 * index.max_bm25(parse_query("fox"))
        < index.top_k(parse_query("fox"), 1)[1][0]
        < index.max_bm25(parse_query("fox"))
    )


def test_coverage_replaces_a_part_of_the_score_of_each_word_by_its_bound():
    texts = [
        (1, "fox fox fox"),
        (2, "fox dog bird cow hen"),
        (3, "dog"),
        (4, "the cat"),
        (5, "the"),
    ]
    index = build_index(texts)
    for query in ("fox dog", "fox", "fox dog the"):
        parsed = parse_query(query)
        bm25, mixed = (index.term_scores(parsed, [1, 2, 3, 4, 5], coverage=c) for c in (0, 0.4))
        for (word, plain), (_, scores) in zip(bm25, mixed, strict=True):
            bound = 2.2 * word.weight * word.idf
            assert scores == pytest.approx({
                passage_id: 0.5 * bound if word.surface == "the" else 0.6 * score + 0.4 * bound
                for passage_id, score in plain.items()
            })  # fmt: skip
        ids, totals = index.top_k(parsed, 9, coverage=0.4)
        by_id = dict(zip(ids.tolist(), totals.tolist(), strict=True))
        assert by_id == pytest.approx(index.scores(parsed, [1, 2, 3, 4, 5], coverage=0.4))
        assert by_id == pytest.approx({
            passage_id: sum(scores.get(passage_id, 0.0) for _, scores in mixed)
            for passage_id in by_id
        })  # fmt: skip
        assert max(totals) < index.max_bm25(parsed)


def test_without_words_there_are_no_scores():
    assert build_index(TEXTS).max_bm25(parse_query("?!")) == 0
    assert build_index(TEXTS).scores(parse_query("?!"), [1]) == {}
    assert build_index(TEXTS).scores(parse_query("fox"), []) == {}
    assert build_index([]).scores(parse_query("fox"), [1]) == {}


CODE = [
    (1, "class HTTPServer2 answers requests"),
    (2, "a server of http"),
    (3, "call os.path.join here"),
    (4, "the path of a join"),
]


def test_an_identifier_is_found_by_its_parts_and_best_by_itself():
    index = build_index(CODE)
    assert sorted(top_ids(index, "http server")) == [1, 2]
    assert top_ids(index, "httpserver2") == [1]
    assert top_ids(index, "HTTPServer2")[0] == 1
    assert top_ids(index, "os.path.join")[0] == 3
    assert 4 in top_ids(index, "path.join")


TEXT = st.lists(st.sampled_from(["red", "fox", "dog", "the"]), min_size=1, max_size=8)


@settings(max_examples=100)
@given(texts=st.lists(TEXT, min_size=1, max_size=12), phrase=TEXT.map(lambda words: words[:3]))
def test_phrases_and_exclusions_match_as_by_brute_force(texts, phrase):
    index = build_index([(n, " ".join(words)) for n, words in enumerate(texts)])
    containing = {
        n
        for n, words in enumerate(texts)
        if any(words[at : at + len(phrase)] == phrase for at in range(len(words)))
    }
    everything = set(range(len(texts)))
    quoted = '"' + " ".join(phrase) + '"'
    required, excluded = f"fox {quoted}", f"fox -{quoted}"
    assert index.matching(parse_query(required), sorted(everything)) == (containing or everything)
    assert index.matching(parse_query(excluded), sorted(everything)) == everything - containing
    assert index.matching_up_to(parse_query(excluded), 50) == sorted(everything - containing)
    assert index.is_restricted(parse_query(required)) == bool(containing)


def test_a_phrase_does_not_match_parts_of_identifiers():
    index = build_index([(1, "read parseURL loadFile"), (2, "url load")])
    assert index.matching_up_to(parse_query('"url load"'), 9) == [2]
    assert index.matching_up_to(parse_query('"parse url"'), 9) == [1]
    assert index.matching_up_to(parse_query('"read parseurl"'), 9) == [1]


def test_matching_up_to_is_none_above_its_limit():
    index = build_index([(n, "fox") for n in range(10)])
    assert index.matching_up_to(parse_query('"fox"'), 9) is None
    assert index.matching_up_to(parse_query('"fox"'), 10) == list(range(10))


def test_scores_of_a_language_are_bm25_among_all():
    german = "der hund ist hier und nicht dort"
    index = build_index([(1, german), (2, "the dog is here and not there"), (3, german + " hund")])
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
def test_a_hostile_query_is_searched_as_text(query):
    index = build_index(TEXTS)
    assert set(top_ids(index, query)) <= {1, 2, 3, 9}
    assert index.matching(parse_query(query), [1, 2, 3, 9]) <= {1, 2, 3, 9}
    assert index.max_bm25(parse_query(query)) >= 0


@settings(max_examples=200)
@given(query=st.text(st.characters() | st.sampled_from('"- fox.dog_A1\ud800\x00'), max_size=40))
def test_no_query_raises_and_term_scores_add_up(query):
    index = build_index(TEXTS)
    ids, scores = index.top_k(parse_query(query), 5)
    assert all(score <= index.max_bm25(parse_query(query)) + 1e-4 for score in scores)
    term_scores = index.term_scores(parse_query(query), ids.tolist())
    total = [
        sum(scores_of_term.get(passage_id, 0) for _, scores_of_term in term_scores)
        for passage_id in ids.tolist()
    ]
    assert total == pytest.approx(scores.tolist(), rel=1e-4)


TRUNCATED_WHILE_OPEN = """
import sys, time
from pathlib import Path
from ragkit.storage.lexical.index import LexicalIndex
folder = Path(sys.argv[1])
index = LexicalIndex.open(folder, 1)
meta = (folder / "meta.json").read_bytes()
for path in folder.iterdir():
    path.write_bytes(b"")
(folder / "meta.json").write_bytes(meta + b" ")
time.sleep(1.5)  # three rounds of tantivy's thread that looks for a new meta.json
"""


def test_tantivy_does_not_read_the_files_of_an_open_index_again(tmp_path):
    words = tmp_path / "words"
    lexical_index.write(words, None, [(1, "cats sleep", None)], [])
    command = [sys.executable, "-c", TRUNCATED_WHILE_OPEN, str(words)]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
