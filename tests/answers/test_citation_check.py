"""Citations resolved, and sentences held against what they cite."""

from __future__ import annotations

import pytest

from ragkit.answers.citation_check import checked, statements
from tests.answers.hits import hit, lens

KEYS = "Nobody likes it. Rotate the signing keys every ninety days. Tell the others."
CATS = "Cats sleep for most of the day."
SOURCES = {1: hit(KEYS, rank=1, start=100), 2: hit(CATS, rank=2)}


def check(text):
    return checked(text, SOURCES, lens("how often are keys rotated?"))


def test_a_quote_is_the_sentence_that_says_it():
    citations, unsupported = check("The signing keys rotate every ninety days [1].")
    assert [(each.n, each.quote) for each in citations] == [
        (1, "Rotate the signing keys every ninety days.")
    ]
    assert (citations[0].start, citations[0].end) == (117, 159)
    assert KEYS[17:59] == citations[0].quote
    assert unsupported == ()


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("The moon is made of green cheese [1].", (1,)),
        ("Cats sleep for most of the day [1].", (1,)),  # true, but not there
        ("The moon is made of green cheese.", ()),
        ("Rotate the signing keys every 30 days [1].", (1,)),  # another number
    ],
)
def test_what_a_source_does_not_say_is_found(text, cites):
    _, (found,) = check(f"Cats sleep for most of the day [2]. {text}")
    assert (found.text, found.cites) == (text, cites)
    assert found.start == 36
    assert found.support < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Cats sleep for most of the day.",
        "In short:",
        "Yes.",
        "1. Cats sleep for most of the day [2].",
    ],
)
def test_what_is_supported_or_says_nothing_is_not(text):
    assert check(text)[1] == ()


def test_a_statement_takes_the_citations_behind_it():
    text = "One thing.[1] Another thing. [2][1]\n- an item [2]\n- one more"
    assert [text[start:end] for start, end in statements(text)] == [
        "One thing.[1]", "Another thing. [2][1]", "- an item [2]", "- one more",
    ]  # fmt: skip
