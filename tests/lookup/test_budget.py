"""Budgets: what fits, by a token count that is a word for a token here."""

import pytest

from ragkit import UsageError
from ragkit.lookup.budget import check_budget, fitting_length, take


def test_take_as_many_items_as_fit_but_at_least_one():
    items = ["one two", "sun", "sky sea"]
    assert take(items, None, str) == items
    assert take(items, 3, str) == ["one two", "sun"]
    assert take(items, 1, str) == ["one two"]
    assert take([], 1, str) == []


@pytest.mark.parametrize(
    ("text", "tokens", "expected"),
    [
        ("one two six", 100, "one two six"),
        ("one two six", 2, "one two "),
        ("one two\nsix ten", 2, "one two\n"),
        ("ö" * 10, 4, "ö" * 4),
        ("one", None, "one"),
        ("", 5, ""),
    ],
)
def test_text_that_fits_ends_between_words(text, tokens, expected):
    assert text[: fitting_length(text, tokens)] == expected


@pytest.mark.parametrize("tokens", [0, 99, 200_001, -5])
def test_budgets_out_of_range_are_refused(tokens):
    with pytest.raises(UsageError, match="max_tokens is"):
        check_budget(tokens)
