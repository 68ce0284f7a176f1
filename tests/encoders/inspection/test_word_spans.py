"""Occurrences of a word and its tokens, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.encoders.inspection import word_spans
from ragkit.errors import UsageError


def occurrences(text: str, word: str) -> list[str]:
    """Return every occurrence as the text with the word in brackets."""
    return [f"{text[:a]}[{text[a:b]}]{text[b:]}" for a, b in word_spans.find_word(text, word)]


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("bank, bank.", "bank", ["[bank], bank.", "bank, [bank]."]),
        ("Bank banking bank", "bank", ["Bank banking [bank]"]),
        ("BANK banking Bank", "bank", ["[BANK] banking Bank", "BANK banking [Bank]"]),
        ("banking embankment", "bank", ["[bank]ing embankment", "banking em[bank]ment"]),
        ("Banking", "bank", ["[Bank]ing"]),
        ("the river\n bank", "river bank", ["the [river\n bank]"]),
        ("C++ and C", "C++", ["[C++] and C"]),
        ("a.b aab", "a.b", ["[a.b] aab"]),
        ("日本の銀行", "銀行", ["日本の[銀行]"]),
        ("👍 ok 👍", "👍", ["[👍] ok 👍", "👍 ok [👍]"]),
        ("naïve", " naïve ", ["[naïve]"]),
    ],
)
def test_find_word(text: str, word: str, expected: list[str]) -> None:
    assert occurrences(text, word) == expected


@pytest.mark.parametrize(
    ("text", "word", "message"),
    [
        ("the River bank", "rivre", "“rivre” does not occur in “the River bank”; .* “River”"),
        ("one two", "xyzzy", "its words are one, two"),
        ("...", "bank", "which has no words"),
        ("the bank", " ", "the word is empty"),
        ("x" * 1_000_000, "bank", "…"),
    ],
)
def test_a_missing_word_is_an_error_with_a_suggestion(text: str, word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        word_spans.find_word(text, word)
    assert len(str(error.value)) < 300


def test_expand_to_words() -> None:
    assert word_spans.expand_to_words("on embankments now", 5, 9) == "embankments"
    assert word_spans.expand_to_words("on the bank.", 7, 11) == "bank"
    assert word_spans.expand_to_words("bank", 0, 4) == "bank"


def test_tokens_of_spans() -> None:
    # [CLS] the | em | bank | ments [SEP], of "the embankments"
    spans = np.array([[0, 0], [0, 3], [4, 6], [6, 10], [10, 15], [15, 15]])
    places = [(0, 3), (4, 15), (6, 10), (5, 7), (3, 4)]
    expected = [slice(1, 2), slice(2, 5), slice(3, 4), slice(2, 4)]
    assert word_spans.tokens_of_spans(spans, places)[:4] == expected
    nothing = word_spans.tokens_of_spans(spans, places)[4]
    assert nothing.start == nothing.stop
