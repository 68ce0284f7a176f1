"""Requests about a collection as a whole: what is refused before any work."""

import pytest

from ragkit.serving.schema.exploring import EXPLORING
from ragkit.serving.schema.validate import InvalidValueError, validate


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("JudgeRequest", {"query": "q", "references": ["1"]}),
        ("JudgeRequest", {"query": "q", "references": [], "relevant": True}),
        ("JudgeRequest", {"query": "q", "references": ["1"] * 101, "relevant": True}),
        ("JudgeRequest", {"query": "q", "references": ["1"], "relevant": "yes"}),
        ("ExplainRequest", {"text": "x" * 2_001}),
        ("ExplainRequest", {"text": "x", "layer": 0}),
        ("TopicsRequest", {"count": 0}),
        ("TopicsRequest", {"rebuild": 1}),
    ],
)
def test_what_a_request_cannot_say_is_refused(name, body):
    with pytest.raises(InvalidValueError):
        validate(body, EXPLORING[name])


def test_a_judgement_may_be_forgotten():
    validate({"query": "q", "references": ["1"], "relevant": None}, EXPLORING["JudgeRequest"])
