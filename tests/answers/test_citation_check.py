"""The citation check: quotes of citations, and unsupported sentences."""

from __future__ import annotations

import pytest

from ragkit.answers.citation_check import check_citations, split_statements
from tests.answers.hits import hit, scorer

KEYS = "Nobody likes it. Rotate the signing keys every ninety days. Tell the others."
CATS = "Cats sleep for most of the day."
SOURCES = {1: hit(KEYS, rank=1, start=100), 2: hit(CATS, rank=2)}


def check(text):
    return check_citations(text, SOURCES, scorer("how often are keys rotated?"))


def test_a_quote_is_the_sentence_that_is_most_similar_to_the_statement():
    citations, unsupported = check("The signing keys rotate every ninety days [1].")
    assert [(citation.n, citation.quote) for citation in citations] == [
        (1, "Rotate the signing keys every ninety days.")
    ]
    assert (citations[0].start, citations[0].end) == (117, 159)
    assert KEYS[17:59] == citations[0].quote
    assert unsupported == ()


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("The moon is made of green cheese [1].", (1,)),
        ("Cats sleep for most of the day [1].", (1,)),  # true, but not in source 1
        ("The moon is made of green cheese.", ()),
        ("Rotate the signing keys every 30 days [1].", (1,)),  # another number
    ],
)
def test_a_sentence_that_its_sources_do_not_support_is_returned(text, cites):
    _, (statement,) = check(f"Cats sleep for most of the day [2]. {text}")
    assert (statement.text, statement.cites) == (text, cites)
    assert statement.start == 36
    assert statement.support < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Cats sleep for most of the day.",
        "In short:",
        "Yes.",
        "1. Cats sleep for most of the day [2].",
    ],
)
def test_a_supported_sentence_and_a_sentence_without_a_statement_are_not_returned(text):
    assert check(text)[1] == ()


def test_a_statement_includes_the_citations_that_follow_it():
    text = "One thing.[1] Another thing. [2][1]\n- an item [2]\n- one more"
    assert [text[start:end] for start, end in split_statements(text)] == [
        "One thing.[1]", "Another thing. [2][1]", "- an item [2]", "- one more",
    ]  # fmt: skip
