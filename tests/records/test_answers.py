"""The records of an answer: citations of a hit, JSON fields, the last event of a stream."""

from __future__ import annotations

import pytest

from ragkit.records.answers import (
    Answer,
    Piece,
    Retrieved,
    answer_fields,
    build_citation,
    last_answer,
)
from tests.answers.hits import hit

ANSWER = Answer("Every ninety days [1].", (), True, (hit("Every ninety days."),), "extractive")


def test_a_citation_has_the_offsets_of_its_quote_in_the_document():
    citation = build_citation(2, hit("Rotate keys. They leak.", start=100), 13, 23)
    assert (citation.n, citation.quote) == (2, "They leak.")
    assert (citation.start, citation.end) == (113, 123)
    assert (citation.path, citation.passage_id, citation.citation) == ("a.txt", 1, "a.txt#L1")


def test_the_json_fields_of_an_answer_are_in_the_documented_order():
    fields = answer_fields(ANSWER)
    assert list(fields) == [
        "text", "citations", "answerable", "hits", "model", "unsupported", "warnings", "usage",
        "question", "relevance",
    ]  # fmt: skip
    assert fields["hits"][0]["text"] == "Every ninety days."


def test_the_last_event_of_a_stream_is_its_answer():
    assert last_answer(iter([Retrieved((), "How often?"), Piece("Every"), ANSWER])) is ANSWER


def test_a_stream_that_does_not_end_with_an_answer_raises_type_error():
    with pytest.raises(TypeError, match="not with an answer"):
        last_answer([Piece("text")])
