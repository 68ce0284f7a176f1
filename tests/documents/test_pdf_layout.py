"""Lines to text, without a PDF. Places and numbers worked by hand."""

import pytest

from ragkit.documents.pdf_layout import (
    SOFT_HYPHEN,
    Line,
    joined_words,
    mended,
    page_text,
    running_lines,
    usual_distance,
)


def pages(*texts):
    return [[Line(line) for line in text.split("\n")] for text in texts]


def left_out(*texts):
    """The lines that are running ones, by page."""
    found = running_lines(pages(*texts))
    return [
        [text.split("\n")[at] for at in sorted(found.get(n, ()))] for n, text in enumerate(texts)
    ]


def test_heads_and_feet_that_count_with_the_pages():
    texts = [f"The Handbook\n{w}\n{w * 2}\nc{w}\nPage {n} of 9" for n, w in enumerate("abcde", 3)]
    feet = [f"Page {n} of 9" for n in range(3, 8)]
    assert left_out(*texts) == [feet[:1], *(["The Handbook", foot] for foot in feet[1:])]


def test_left_and_right_pages_may_differ():
    sides = ["Left", "Right"] * 3
    letters = zip(sides, range(6), "abcdef", strict=True)
    texts = [f"{side}\n{w}\nb{w}\nc{w}\n{n}" for side, n, w in letters]
    assert left_out(*texts) == [
        ["0"],
        ["1"],
        ["Left", "2"],
        ["Right", "3"],
        ["Left", "4"],
        ["Right", "5"],
    ]


@pytest.mark.parametrize(
    "texts",
    [
        ["Same\nx\ny"] * 2,  # too few pages
        [f"Total: {n * n * 7}\nx{n * n}\ny{n**3}\nz{n**4}" for n in range(2, 7)],  # other numbers
        [f"{'Same' if n < 3 else n * n}\na{n * n}\nb{n**3}\nc{n**3}" for n in range(20)],  # few
        ["Same" * 50 + f"\na{n * n}\nb{n**3}\nc{n**3}" for n in range(5)],  # a paragraph
        [f"a{n * n}\nb{n**3}\nSame\nd{n**3}\ne{n * n}" for n in range(5)],  # in the middle
    ],
)
def test_what_may_be_unique_stays(texts):
    assert all(lines == [] for lines in left_out(*texts))


def test_ligatures_and_marks():
    assert mended(" ﬁrst o\ufb03ce\r") == "first office"
    assert mended("impor\ufffetant so\xadft") == f"impor{SOFT_HYPHEN}tant so{SOFT_HYPHEN}ft"


def test_a_hyphen_stays_where_the_document_writes_it_elsewhere():
    mark = SOFT_HYPHEN
    texts = [
        f"A pile-of{mark}files is impor{mark}tant.",
        f"The Pile-of-files. re{mark}read, reread",
    ]
    assert joined_words(texts) == [
        "A pile-of-files is important.",
        "The Pile-of-files. reread, reread",
    ]


def test_more_room_or_other_letters_part_paragraphs():
    lines = [
        Line("Title", 100, 20),
        Line("First", 80, 10),
        Line("goes on.", 68, 10),
        Line("2", 70, 6),
        Line("Two", 46, 10),
        Line("goes on.", 34, 10),
    ]
    assert usual_distance([lines]) == 1.2
    assert page_text(lines, 1.2) == "Title\n\nFirst\ngoes on.\n2\n\nTwo\ngoes on."


def test_another_column_goes_on_with_the_sentence():
    lines = [Line("end", 100, 10), Line("of it", 88, 10), Line("and more.", 130, 10)]
    assert page_text(lines, 1.2) == "end\nof it\nand more."
    assert page_text([*lines, Line("New", 150, 10)], 1.2).endswith("and more.\n\nNew")
