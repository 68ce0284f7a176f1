"""Quoted phrases and excluded words through the collection, compared with the texts."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = ["red", "fox", "dog", "cat", "keys", "signing", "blue"]


@pytest.fixture(scope="module")
def texts():
    chance = random.Random(5)
    return {f"{n:03}.txt": " ".join(chance.choices(WORDS, k=7)) for n in range(60)}


@pytest.fixture
def filled(collection, tmp_path, texts):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text)
    collection.index(folder)
    return collection


def paths(collection, query, **options):
    return {hit.path for hit in collection.search(query, k=100, **options)}


@pytest.mark.parametrize("fusion", ["convex", "rrf"])
@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
def test_every_hit_contains_the_phrase_and_no_excluded_word(filled, texts, mode, fusion):
    phrase = {name for name, text in texts.items() if "signing keys" in text}
    without = {name for name, text in texts.items() if "red" not in text.split()}
    assert 0 < len(phrase - without) < len(phrase) < 40
    options = {"mode": mode, "fusion": fusion}
    assert paths(filled, '"signing keys"', **options) == phrase
    assert paths(filled, '"signing keys" -red', **options) == phrase & without
    holding = {name for name, text in texts.items() if "fox" in text}
    expected = without & holding if mode == "lexical" else without
    assert paths(filled, "fox -red", **options) == expected


@pytest.mark.parametrize("few", [0, 5000])
def test_a_filter_and_a_phrase_both_apply(filled, texts, few, monkeypatch):
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SET", few)
    expected = {name for name, text in texts.items() if "signing keys" in text and name < "03"}
    for mode in ("lexical", "hybrid"):
        matches = paths(filled, '"signing keys"', mode=mode, where='path ~ "0[0-2]*"')
        assert matches == expected != set()


def test_excluded_words_are_not_embedded(filled):
    plain, without = (
        {hit.passage_id: hit.score for hit in filled.search(query, k=100, mode="hybrid")}
        for query in ("fox", "fox -red")
    )
    assert without.items() <= plain.items()


def test_in_dense_mode_operators_are_plain_text(filled, encoder):
    hits = filled.search('"signing keys" -red', k=100)
    assert len(hits) == 60
    vector = encoder.encode_queries(['"signing keys" -red'])[0]
    passage = encoder.encode_passages([hits[0].text])[0]
    assert hits[0].score == pytest.approx(float(vector @ passage), abs=1e-6)


def test_an_explanation_shows_the_correction_of_a_typo(filled):
    (hit,) = filled.search("sigining", k=1, mode="lexical", explain=True)
    assert hit.explanation.taken_for == {"sigining": "signing"}
    assert set(hit.explanation.words) == {"sigining"}
    assert sum(hit.explanation.words.values()) == pytest.approx(hit.scores["lexical"], rel=1e-5)


@pytest.mark.parametrize("small_set", [0, 5000])
@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
def test_a_phrase_that_only_filtered_out_passages_contain_is_words(
    filled, texts, mode, small_set, monkeypatch
):
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SET", small_set)
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SHARE", 0)
    with_phrase = sorted(name for name, text in texts.items() if "signing keys" in text)
    without = {"path": {"not in": with_phrase}}
    quoted = filled.search('"signing keys" fox', k=100, mode=mode, where=without)
    plain = filled.search("signing keys fox", k=100, mode=mode, where=without)
    assert [hit.path for hit in quoted] == [hit.path for hit in plain] != []
    words = [filled.search(query, k=100, mode=mode, where=without, explain=True)[0].explanation
             for query in ('"signing keys" fox', "signing keys fox")]  # fmt: skip
    assert words[0].words == words[1].words


@pytest.mark.parametrize("small_set", [0, 5000])
@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
def test_a_phrase_that_only_passages_with_an_excluded_word_contain_is_words(
    filled, texts, mode, small_set, monkeypatch
):
    monkeypatch.setattr("ragkit.retrieval.filter_scope.MAX_SMALL_SET", small_set)
    allowed = {name for name, text in texts.items() if "keys" not in text}
    quoted = paths(filled, '"signing keys" fox -keys', mode=mode)
    assert quoted == paths(filled, "signing fox -keys", mode=mode) != set()
    assert quoted <= allowed


def test_a_phrase_that_matching_passages_contain_stays_required(filled, texts):
    allowed = {name for name, text in texts.items() if "red" not in text}
    phrase = {name for name, text in texts.items() if "signing keys" in text}
    query = '"signing keys" "no such phrase" -red'
    for mode in ("lexical", "hybrid"):
        assert paths(filled, query, mode=mode) == phrase & allowed != set()


@settings(max_examples=60)
@given(
    phrases=st.lists(
        st.sampled_from(["signing keys", "red fox", "fox keys"]), max_size=2, unique=True
    ),
    excluded=st.sampled_from(["", " -red", " -fox", ' -"signing keys"']),
    kept=st.sets(st.integers(0, 59), min_size=1, max_size=8),
)
def test_phrases_apply_within_filters_and_exclusions(filled, texts, phrases, excluded, kept):
    names = [sorted(texts)[number] for number in kept]
    banned = excluded.strip(' -"')
    allowed = {name for name in names if not banned or banned not in texts[name]}
    required = [phrase for phrase in phrases if any(phrase in texts[name] for name in allowed)]
    expected = {name for name in allowed if all(phrase in texts[name] for phrase in required)}
    query = " ".join(f'"{phrase}"' for phrase in phrases) + " fox" + excluded
    assert paths(filled, query, mode="hybrid", where={"path": names}) == expected
