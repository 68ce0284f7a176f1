"""Numbers of list items in the styles of word processors."""

import pytest

from ragkit.documents.layout.list_numbers import format_item_number


@pytest.mark.parametrize(
    ("number", "style", "text"),
    [
        (4, "decimal", "4"),
        (4, "lowerRoman", "iv"),
        (1994, "upperRoman", "MCMXCIV"),
        (4000, "upperRoman", "4000"),
        (0, "lowerRoman", "0"),
        (3, "lowerLetter", "c"),
        (28, "upperLetter", "BB"),
        (2, "lowerGreek", "β"),
        (7, "decimalZero", "07"),
        (1, "ordinal", "1st"),
        (12, "ordinal", "12th"),
        (23, "ordinal", "23rd"),
        (5, "chicago", "5"),
    ],
)
def test_numbers_are_written_in_the_style(number, style, text):
    assert format_item_number(number, style) == text
