"""Answers of the sources' own sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ragkit.answers import Lens
from ragkit.answers.extractive import (
    _nearer,
    _opened,
    answerable,
    extracted,
    missing_names,
    nearness,
    question_sentences,
)
from tests.answers.hits import hit, lens

NOTHING_IN_COMMON = np.eye(6, dtype=np.float32)


def test_whole_sentences_in_order_best_source_first():
    keys = "Keys matter a lot. Rotate the signing keys every ninety days. Then tell the others."
    cats = "Cats do not rotate keys. They sleep."
    said = extracted(lens("how often to rotate the signing keys"), [hit(keys), hit(cats, rank=2)])
    assert said[0][0] == "Rotate the signing keys every ninety days. Then tell the others."
    assert [cited.n for _, cited in said] == list(range(1, len(said) + 1))
    for words, cited in said:
        assert words == cited.quote == (keys, cats)[cited.passage_id - 1][cited.start : cited.end]


def test_an_item_comes_with_its_lead_in_and_the_quote_is_exact():
    text = "Rotate these keys:\n\n- the signing key\n- the vault key\n\n" + "Filler is here. " * 60
    (words, cited), *_ = extracted(lens("rotate the vault key and the signing key"), [hit(text)])
    assert words.startswith("Rotate these keys:\n")
    assert cited.quote in text


def test_what_was_said_is_not_said_again():
    text = "Rotate the signing keys every ninety days."
    said = extracted(lens("rotate the signing keys"), [hit(text), hit(f"{text} ", rank=2)])
    assert [cited.passage_id for _, cited in said] == [1]


def test_a_source_far_behind_the_best_is_not_heard():
    hits = [hit("Rotate the signing keys.", score=0.8), hit("Cats sleep all day.", 2, score=0.4)]
    assert [words for words, _ in extracted(lens("rotate the signing keys"), hits)] == [
        "Rotate the signing keys."
    ]


def test_far_sources_are_no_answer():
    assert extracted(lens("what do cats do"), [hit("Rotate the keys.", score=0.1)]) == []
    assert extracted(lens("what do cats do"), []) == []


@pytest.mark.parametrize(
    ("scores", "near"),
    [((0.6, 0.5, 0.4, 0.0), 0.5), ((0.9, 0.1, 0.1), 0.75), ((0.4,), 0.4), ((), 0.0)],
)
def test_nearness_is_the_mean_of_three_or_one_far_ahead(scores, near):
    hits = [hit("x", rank=n, score=score) for n, score in enumerate(scores, start=1)]
    assert nearness("what is it?", hits, NOTHING_IN_COMMON) == pytest.approx(near)


def test_the_scale_begins_where_the_encoders_unrelated_texts_are():
    alike = np.full((6, 6), np.sqrt(0.7 / 6), dtype=np.float32)  # cosine 0.7 to each other
    assert nearness("what?", [hit("x", score=0.85)], alike) == pytest.approx(0.5, abs=1e-6)
    assert not answerable("what?", [hit("x", score=0.75)], alike)


def test_a_name_that_no_source_has_counts_against_it():
    hits = [hit("We use SQLite for it.", score=0.6)]
    assert nearness("How do I use DuckDB?", hits, NOTHING_IN_COMMON) == pytest.approx(0.45)
    assert nearness("How do I use SQLite?", hits, NOTHING_IN_COMMON) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Which is faster, SQLite or DuckDB?", ["SQLite", "DuckDB"]),
        ("Does it run on macOS? Why not?", ["macOS"]),
        ("What does cache_size or bm25 do for 100 users?", ["cache_size", "bm25"]),
        ("Wie beantrage ich Elternzeit bei der Firma?", []),
        ("How do I install it?", []),
    ],
)
def test_what_is_a_name(question, names):
    assert missing_names(question, [hit("x")]) == names


def test_capitals_that_every_question_has_hide_no_name():
    question = "How do I write a virtual table module in Rust?"
    assert missing_names(question, [hit("x")]) == ["Rust"]


def test_a_question_is_as_near_as_its_nearest_sentence():
    hits = [hit("x", score=0.3)]
    assert nearness("What?", hits, NOTHING_IN_COMMON, nearer=0.1) == pytest.approx(0.4)
    terms = lens("").terms
    asked = "The signing keys are too old. Why? How do I rotate them?"
    assert question_sentences(asked, terms) == [
        "The signing keys are too old.", "How do I rotate them?",
    ]  # fmt: skip
    assert question_sentences("How do I rotate the keys?", terms) == []


def test_what_stands_beside_a_question_makes_it_no_less_answered():
    text = "Rotate the signing keys every ninety days."
    encoder = lens("")
    part, whole = encoder.encode([text, f"{text} Cats sleep on our sofa all day long, honestly."])
    plain = Lens("q", whole, encoder.encode, encoder.terms, encoder.rarity)
    vectors = encoder.encode([text])
    assert _nearer(plain, vectors) == 0.0
    gain = _nearer(replace(plain, parts=(part, -part)), vectors)
    assert gain == pytest.approx(float(1.0 - vectors[0] @ whole), abs=1e-6)
    assert _nearer(replace(plain, parts=(-part,)), vectors) == 0.0


def test_a_sentence_that_hangs_on_another_comes_with_it():
    text = "Keys expire after a while, for what it is worth. Otherwise rotate the signing keys now."
    ((words, _),) = extracted(lens("rotate the signing keys now"), [hit(text)])
    assert words == text


FILLER = "\n\n" + " ".join(f"Ferry number {number} leaves at seven." for number in range(60))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How to rotate the signing keys? Ask Ann. Bob knows nothing.", True),
        ("To rotate the signing keys do this:\n\nAsk Ann.", True),
        ("Ann and Bob have them.\n\nHow to rotate the signing keys?", False),
        ("Ann and Bob have them. To rotate the signing keys:", False),
    ],
)
def test_what_only_announces_is_said_with_what_it_announces(text, said):
    filler = hit(FILLER, rank=2)
    words = "\n".join(each for each, _ in extracted(lens("rotate the signing keys"),
                                                    [hit(text), filler]))  # fmt: skip
    assert ("rotate the signing keys" in words, "Ask Ann." in words) == (said, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("However, keys expire.", "Keys expire."),
        ("But the keys expire.", "The keys expire."),
        ("But for keys it is cheap.", "But for keys it is cheap."),
        ("So far the keys hold.", "So far the keys hold."),
        ("- Rotate the keys.", "Rotate the keys."),
        ("- Rotate.\n- Tell.", "- Rotate.\n- Tell."),
        ("Otherwise, keys expire.", "Otherwise, keys expire."),
    ],
)
def test_what_begins_an_answer_points_to_nothing(text, said):
    assert _opened(text) == said
