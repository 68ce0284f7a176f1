"""The real model's extractive answers to questions that data/ answers, and that it does not."""

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
def documents(tmp_path_factory):
    with Collection(tmp_path_factory.mktemp("data") / "kit") as collection:
        collection.index(DATA)
        yield collection


@pytest.fixture(scope="module")
def answered(documents):
    """(question, answer) of those that the documents answer."""
    return [(row, documents.ask(row["question"])) for row in rows("questions.jsonl")]


def quoted(row, answer):
    """Whether a labelled quote is in what the answer quotes."""
    return any(
        label["path"] == citation.path and label["quote"] in " ".join(citation.quote.split())
        for label in row["answers"]
        for citation in answer.citations
    )


def test_an_answer_has_the_labelled_quote_eight_times_of_ten(answered):
    given = [(row, answer) for row, answer in answered if answer.answerable]
    assert sum(quoted(row, answer) for row, answer in given) >= 0.8 * len(given)


def test_no_more_than_one_in_ten_is_refused(answered):
    assert sum(not answer.answerable for _, answer in answered) <= 0.1 * len(answered)


def test_every_quote_is_the_documents_own(answered, documents):
    for _, answer in answered[::6]:
        for citation in answer.citations:
            text = documents.get(citation.path).text
            assert citation.quote == text[citation.start : citation.end]
            assert f"[{citation.n}]" in answer.text


def test_four_of_five_that_have_no_answer_get_none(documents):
    questions = rows("unanswerable.jsonl")
    answers = [documents.ask(row["question"]) for row in questions]
    assert len(questions) >= 20
    assert sum(not answer.answerable for answer in answers) >= 0.8 * len(questions)
    assert all(not answer.citations for answer in answers if not answer.answerable)
