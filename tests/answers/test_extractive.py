"""Extractive answers: which sentences are chosen, and whether there is an answer."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ragkit.answers.extractive import (
    IRRELEVANT_WEIGHT,
    MAX_LOGIT,
    MIN_ANSWERABILITY,
    RELEVANT_WEIGHT,
    QuestionScorer,
    _sentence_gain,
    _strip_opening,
    best_logit,
    extract_answer,
    find_missing_names,
    highest_coverage,
    score_and_extract,
    score_answerability,
    split_question,
)
from tests.answers.hits import hit, scorer

UNRELATED = 0.0  # mean cosine of unrelated sentences


def test_sentences_are_in_document_order_the_best_source_first():
    keys = "Keys matter a lot. Rotate the signing keys every ninety days. Then tell the others."
    cats = "Cats do not rotate keys. They sleep."
    parts = extract_answer(
        scorer("how often to rotate the signing keys"), [hit(keys), hit(cats, rank=2)]
    )
    assert parts[0][0] == "Rotate the signing keys every ninety days. Then tell the others."
    assert [citation.n for _, citation in parts] == list(range(1, len(parts) + 1))
    for part, citation in parts:
        assert part == citation.quote
        assert part == (keys, cats)[citation.passage_id - 1][citation.start : citation.end]


def test_a_list_item_follows_its_lead_in_and_its_quote_is_exact():
    text = "Rotate these keys:\n\n- the signing key\n- the vault key\n\n" + "Filler is here. " * 60
    (part, citation), *_ = extract_answer(
        scorer("rotate the vault key and the signing key"), [hit(text)]
    )
    assert part.startswith("Rotate these keys:\n")
    assert citation.quote in text


def test_a_repetition_is_left_out():
    text = "Rotate the signing keys every ninety days."
    parts = extract_answer(scorer("rotate the signing keys"), [hit(text), hit(f"{text} ", rank=2)])
    assert [citation.passage_id for _, citation in parts] == [1]


def test_a_source_far_below_the_best_is_left_out():
    hits = [hit("Rotate the signing keys.", score=0.8), hit("Cats sleep all day.", 2, score=0.4)]
    assert [part for part, _ in extract_answer(scorer("rotate the signing keys"), hits)] == [
        "Rotate the signing keys."
    ]


def test_dissimilar_sources_give_no_answer():
    assert extract_answer(scorer("what do cats do"), [hit("Rotate the keys.", score=0.1)]) == []
    assert extract_answer(scorer("what do cats do"), []) == []


@pytest.mark.parametrize(
    ("scores", "expected"),
    [((0.6, 0.5, 0.4, 0.0), 0.5), ((0.9, 0.1, 0.1), 0.75), ((0.4,), 0.4), ((), 0.0)],
)
def test_answerability_is_the_mean_of_three_cosines_or_the_best_less_a_penalty(scores, expected):
    hits = [hit("x", rank=n, score=score) for n, score in enumerate(scores, start=1)]
    assert score_answerability("what is it?", hits, UNRELATED) == pytest.approx(expected)


def test_zero_is_the_mean_cosine_of_unrelated_sentences():
    assert score_answerability("what?", [hit("x", score=0.85)], 0.7) == pytest.approx(0.5)
    assert score_answerability("what?", [hit("x", score=0.75)], 0.7) < MIN_ANSWERABILITY


def test_a_penalty_has_the_same_share_of_the_range_for_every_encoder():
    hits = [hit("We use SQLite for it.", score=0.7 + 0.3 * 0.6)]
    assert score_answerability("How do I use DuckDB?", hits, 0.7) == pytest.approx(0.44)


def test_a_missing_name_lowers_the_answerability():
    hits = [hit("We use SQLite for it.", score=0.6)]
    assert score_answerability("How do I use DuckDB?", hits, UNRELATED) == pytest.approx(0.44)
    assert score_answerability("How do I use SQLite?", hits, UNRELATED) == pytest.approx(0.6)


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
def test_names_are_capitalized_words_and_identifiers(question, names):
    assert find_missing_names(question, [hit("x")]) == names


def test_the_capital_at_the_beginning_of_a_question_hides_no_name():
    question = "How do I write a virtual table module in Rust?"
    assert find_missing_names(question, [hit("x")]) == ["Rust"]


def test_the_gain_of_one_sentence_is_added_to_the_answerability():
    hits = [hit("x", score=0.3)]
    assert score_answerability("What?", hits, UNRELATED, gain=0.1) == pytest.approx(0.4)
    terms = scorer("").terms
    question = "The signing keys are too old. Why? How do I rotate them?"
    assert split_question(question, terms) == [
        "The signing keys are too old.", "How do I rotate them?",
    ]  # fmt: skip
    assert split_question("How do I rotate the keys?", terms) == []


def test_the_gain_is_that_of_the_most_similar_sentence_of_the_question():
    text = "Rotate the signing keys every ninety days."
    encoder = scorer("")
    sentence, question = encoder.encode(
        [text, f"{text} Cats sleep on our sofa all day long, honestly."]
    )
    plain = QuestionScorer("q", question, encoder.encode, encoder.terms, encoder.idf)
    vectors = encoder.encode([text])
    assert _sentence_gain(plain, vectors) == 0.0
    gain = _sentence_gain(replace(plain, sentence_vectors=(sentence, -sentence)), vectors)
    assert gain == pytest.approx(float(1.0 - vectors[0] @ question), abs=1e-6)
    assert _sentence_gain(replace(plain, sentence_vectors=(-sentence,)), vectors) == 0.0


def test_a_sentence_that_depends_on_the_one_before_brings_it_along():
    text = "Keys expire after a while, for what it is worth. Otherwise rotate the signing keys now."
    ((part, _),) = extract_answer(scorer("rotate the signing keys now"), [hit(text)])
    assert part == text


@pytest.mark.parametrize(
    ("following", "is_kept"),
    [
        ("However, the vault is never touched by anybody.", True),
        ("Unless the vault is open, nobody does so.", True),
        ("Allerdings bleibt der Tresor zu.", True),
        ("但是我们不这样做。", True),
        ("Butter is kept in the vault.", False),
        ("The vault is never touched by anybody.", False),
    ],
)
def test_a_sentence_is_quoted_with_the_one_that_limits_it(monkeypatch, following, is_kept):
    monkeypatch.setattr("ragkit.answers.extractive.MAX_SCORE_GAP", 0.0)  # only the best sentence
    text = f"Rotate the signing keys every ninety days. {following}"
    question = scorer("rotate the signing keys every ninety days")
    ((part, citation),) = extract_answer(question, [hit(text)])
    first = text.partition(" " + following)[0]
    assert part == citation.quote == (text if is_kept else first)
    ((part, _),) = extract_answer(question, [hit(text.replace(". ", ".\n\n"))])
    assert part == first  # another paragraph


FORM = "Rotate the signing keys with a call of the form"
CODE = "\n\n    rotate(key,\n           days)"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"{FORM}\n\nrotate(key,\n       days)\n\nwhere days is a number. Cats sleep.",
         f"{FORM}{CODE}\n\nwhere days is a number."),
        (f"{FORM}.\n\nrotate(key,\n       days)\n\nCats sleep a lot.", f"{FORM}.{CODE}"),
        (f"{FORM}.\n```py\nrotate(key,\n       days)\n```\nCats sleep a lot.", f"{FORM}.{CODE}"),
        (f"{FORM}.\n{CODE}\n\nCats sleep a lot.", f"{FORM}.{CODE}"),
        (f"{FORM}. ::\n{CODE}\n\nCats sleep a lot.", f"{FORM}.{CODE}"),
        (f"{FORM}\n\n$$r = \\frac{{k}}{{d}}$$\n\nCats sleep a lot.",
         f"{FORM}\n\n    $$r = \\frac{{k}}{{d}}$$"),
        (f"{FORM}\n\nand nothing else. Cats sleep.", f"{FORM}\n\nand nothing else."),
        (f"{FORM}.\n\nCats sleep a lot.", f"{FORM}."),
        (f"{FORM}.\n\nCats.\n\nx = sleep(a, lot)", f"{FORM}."),
    ],
)  # fmt: skip
def test_a_sentence_is_quoted_with_what_it_displays(monkeypatch, source, expected):
    monkeypatch.setattr("ragkit.answers.extractive.MAX_SCORE_GAP", 0.0)  # only the best sentence
    ((part, citation),) = extract_answer(scorer("rotate the signing keys"), [hit(source)])
    assert part == expected
    assert citation.quote in source
    assert citation.quote.split()[-1] in source


def test_a_display_is_quoted_with_its_sentence():
    source = f"To do so, write:\n\n```\nrotate_signing_keys(30)\n```\n{FILLER}"
    ((part, _), *_) = extract_answer(scorer("write rotate_signing_keys"), [hit(source)])
    assert part.startswith("To do so, write:\n\n    rotate_signing_keys(30)")


def test_a_display_longer_than_an_answer_is_left_out_with_a_sentence_that_needs_it():
    code = "\n".join(f"rotate(key, {number})" for number in range(100))
    question = scorer("rotate the signing keys")
    complete = hit(f"{FORM}.\n\n```\n{code}\n```\n\nCats sleep.")
    assert extract_answer(question, [complete])[0][0] == f"{FORM}."
    cut = hit(f"Keys are rotated. {FORM}\n\n```\n{code}\n```\n\nCats sleep.")
    assert FORM not in "".join(part for part, _ in extract_answer(question, [cut]))


FILLER = "\n\n" + " ".join(f"Ferry number {number} leaves at seven." for number in range(60))


@pytest.mark.parametrize(
    ("text", "is_chosen"),
    [
        ("How to rotate the signing keys? Ask Ann. Bob knows nothing.", True),
        ("To rotate the signing keys do this:\n\nAsk Ann.", True),
        ("Ann and Bob have them.\n\nHow to rotate the signing keys?", False),
        ("Ann and Bob have them. To rotate the signing keys:", False),
    ],
)
def test_an_introduction_is_chosen_only_with_the_sentence_after_it(text, is_chosen):
    filler = hit(FILLER, rank=2)
    parts = extract_answer(scorer("rotate the signing keys"), [hit(text), filler])
    answer = "\n".join(part for part, _ in parts)
    assert ("rotate the signing keys" in answer, "Ask Ann." in answer) == (is_chosen, is_chosen)


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_a_connective_and_a_list_marker_at_the_beginning_are_removed(text, expected):
    assert _strip_opening(text) == expected


def test_a_source_with_nearly_all_words_of_the_question_counts_in_addition():
    question = "how often must signing keys be rotated by whom"
    full = scorer(question)
    total = sum(full.idf(term) for term in set(full.terms(question)))
    (missing,) = full.terms("rotated")
    some = question.replace("rotated ", "")
    assert highest_coverage(full, [hit("Cats."), hit(question)]) == pytest.approx(1)
    assert highest_coverage(full, [hit(some)]) == pytest.approx(1 - full.idf(missing) / total)
    assert highest_coverage(full, []) == 0
    assert highest_coverage(scorer("keys?"), [hit("keys")]) == 0  # says too little


def reranked(source, share):
    """The source with the logistic function of a logit as the reranker's score."""
    return replace(source, scores={**source.scores, "rerank": share})


@pytest.mark.parametrize(
    "shares, logit",
    [
        ((None, None), 0.0),
        ((0.5, None), 0.0),
        ((0.2, 0.9), math.log(9)),  # log(.9 / .1)
        ((0.1,), -math.log(9)),
        ((1.0,), MAX_LOGIT),
        ((0.0, None), -MAX_LOGIT),
        ((1e-9,), -MAX_LOGIT),
        ((), 0.0),
    ],
)
def test_the_logit_of_the_best_source_that_the_reranker_read(shares, logit):
    hits = [reranked(hit("x", rank=n), share) for n, share in enumerate(shares, start=1)]
    assert best_logit(hits) == pytest.approx(logit)


def test_the_reranker_decides_near_the_bound():
    source = hit("Rotate the signing keys every ninety days.", score=MIN_ANSWERABILITY)
    asked = scorer("how often are keys exchanged")
    relevance, _ = score_and_extract(asked, [source])
    asked = replace(asked, min_relevance=relevance)
    raised, parts = score_and_extract(asked, [reranked(source, 0.9)])
    assert parts != []
    assert raised == pytest.approx(relevance + RELEVANT_WEIGHT * math.log(9))
    lowered, parts = score_and_extract(asked, [reranked(source, 0.1)])
    assert parts == []
    assert lowered == pytest.approx(relevance - IRRELEVANT_WEIGHT * math.log(9))
