"""Plain text: the title and headings that the layout of lines shows."""

import pytest

from ragkit.documents.formats.plain_text import read_plain

BODY = "This is the text of a part, and it goes on over\nmore than one line, as text does.\n\n" * 4


def headings(text):
    document = read_plain(text.encode(), "a.txt")
    assert document.text == text
    assert document.lines
    return document.title, [(heading.level, heading.text) for heading in document.headings]


def test_a_single_first_line_is_the_title_and_title_like_lines_are_headings():
    lines = ["The house rules", "Leave of Absence", "2.1 Sick leave", "NO WARRANTY"]
    title, levels_and_texts = headings("".join(f"{line}\n\n{BODY}" for line in lines))
    assert title == "The house rules"
    assert levels_and_texts == list(zip([1, 2, 2, 2], lines, strict=True))


def test_underlined_lines_are_headings():
    text = f"Rules\n=====\n{BODY}\nLeave, if any.\n---------\n{BODY}"
    assert headings(text) == ("Rules", [(1, "Rules"), (2, "Leave, if any.")])
    document = read_plain(text.encode(), "a.txt")
    assert text[document.headings[0].start : document.headings[0].end] == "Rules\n====="


@pytest.mark.parametrize(
    "line",
    [
        "This is a short sentence alone",
        "It Ends Here.",
        "Dear Mrs. Smith,",
        "- An Item",
        "Is It So?",
        "x = 3",
        "12",
        "A Long Line " * 9,
        "lower Case First",
    ],
)
def test_doubtful_lines_are_text(line):
    assert headings(f"{BODY}{line}\n\n{BODY}") == (None, [])


def test_a_list_of_short_lines_has_no_headings():
    text = "Shopping\n\n" + "".join(f"Good Thing X{n}\n\n" for n in "abcdefgh")
    assert headings(text) == ("Shopping", [(1, "Shopping")])


def test_a_line_without_text_below_is_no_heading():
    assert headings("Yours Truly") == (None, [])
    assert headings(f"{BODY}John H. Smith\n") == (None, [])
    assert headings("") == (None, [])


def test_long_and_odd_lines_take_linear_time():
    for text in ("A " * 500_000, "\n\nA\n" * 100_000, "=" * 900_000, "a\n=\n" * 200_000):
        read_plain(text.encode(), "a.txt")
