"""Extractive answers with the real encoder: questions that data/ answers, and others."""

from __future__ import annotations

import json

import pytest

from ragkit import Collection
from tests.conftest import REAL_MODEL, REPOSITORY

pytestmark = REAL_MODEL
DATA = REPOSITORY / "data"


def rows(name):
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def documents(tmp_path_factory, shared_cache):
    with (
        pytest.MonkeyPatch.context() as patch,
        Collection(tmp_path_factory.mktemp("data") / "kit") as collection,
    ):
        patch.setenv("RAGKIT_CACHE_DIR", str(shared_cache))
        collection.index(DATA)
        yield collection


@pytest.fixture(scope="module")
def answered(documents):
    """(row of questions.jsonl, answer) of each question that the documents answer."""
    return [(row, documents.ask(row["question"])) for row in rows("questions.jsonl")]


def has_labelled_quote(row, answer):
    """Whether a quote of the answer contains a labelled quote."""
    return any(
        label["path"] == citation.path and label["quote"] in " ".join(citation.quote.split())
        for label in row["answers"]
        for citation in answer.citations
    )


def test_eight_of_ten_answers_quote_the_labelled_sentence(answered):
    given = [(row, answer) for row, answer in answered if answer.answerable]
    assert sum(has_labelled_quote(row, answer) for row, answer in given) >= 0.8 * len(given)


def test_at_most_one_in_ten_answerable_questions_gets_no_answer(answered):
    assert sum(not answer.answerable for _, answer in answered) <= 0.1 * len(answered)


def test_every_quote_is_text_of_its_document(answered, documents):
    for _, answer in answered[::6]:
        for citation in answer.citations:
            text = documents.get(citation.path).text
            assert citation.quote == text[citation.start : citation.end]
            assert f"[{citation.n}]" in answer.text


def test_four_of_five_unanswerable_questions_get_no_answer(documents):
    questions = rows("unanswerable.jsonl")
    answers = [documents.ask(row["question"]) for row in questions]
    assert len(questions) >= 20
    assert sum(not answer.answerable for answer in answers) >= 0.8 * len(questions)
    assert all(not answer.citations for answer in answers if not answer.answerable)
