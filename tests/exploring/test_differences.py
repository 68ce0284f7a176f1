"""What differs between two texts: expected values by reading them."""

from __future__ import annotations

import pytest

from ragkit.exploring.differences import differences


@pytest.mark.parametrize(
    ("first", "second", "changes"),
    [
        ("Parents stay home for 26 weeks.", "Parents stay home for 24 weeks.", ["numbers"]),
        ("Pay 1,200.50 euros.", "Pay 1,200.05 euros.", ["numbers"]),
        ("Pay 1,200 euros.", "Pay 1.200 euros.", ["numbers"]),  # may be 1.2: never declared equal
        ("It takes two days.", "It takes three days.", ["numbers"]),
        ("It lasts 3 days.", "It lasts three days.", ["numbers"]),
        ("Smoking is allowed here.", "Smoking is not allowed here.", ["negation"]),
        ("You can enter.", "You can't enter.", ["negation", "wording"]),
        ("You do enter.", "You don’t enter.", ["negation", "wording"]),
        ("Das Tor ist offen.", "Das Tor ist nicht offen.", ["negation"]),
        ("Il mange.", "Il ne mange pas.", ["negation"]),
        ("This is possible.", "This is impossible.", ["negation", "wording"]),
        ("The red car.", "The blue car.", ["wording"]),
        ("The dog bites the man.", "The man bites the dog.", ["wording"]),
        ("Pay 5 euros, not 6.", "Pay 6 euros, not 5.", ["wording"]),
        ("The red car", "the red car!", ["formatting"]),
        ("The  red\ncar.", "The red car.", []),
        ("", "", []),
        ("日本語", "日本", ["wording"]),
        ("5 dogs do not bite.", "4 dogs bite.", ["numbers", "negation", "wording"]),
    ],
)
def test_what_differs_is_named(first: str, second: str, changes: list[str]) -> None:
    assert list(differences(first, second).changes) == changes
    assert list(differences(second, first).changes) == changes


def test_numbers_and_parts_are_those_of_the_texts() -> None:
    found = differences("for 26 weeks in 2023", "for 24 weeks in 2023")
    assert (found.removed_numbers, found.added_numbers) == (("26",), ("24",))
    assert found.parts == (
        ("same", "for "), ("removed", "26 "), ("added", "24 "), ("same", "weeks in 2023"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "pair", [("a b c", "a x c d"), (" a\n", "b"), ("", "a"), ("1 2 " * 3000, "1 3 " * 30)]
)
def test_the_parts_make_up_the_first_text(pair: tuple[str, str]) -> None:
    parts = differences(*pair).parts
    assert "".join(text for operation, text in parts if operation != "added") == pair[0]


def test_headings_differ() -> None:
    assert differences("same", "same", (["2023"], ["2024"])).changes == ("heading",)
