"""Lines of pages to text, without a PDF; expected values were worked out by hand."""

import pytest

from ragkit.documents.layout.page_lines import (
    SOFT_HYPHEN,
    OutlineEntry,
    PageLine,
    clean_line,
    find_running_lines,
    join_lines,
    outline_by_font_size,
    rejoin_hyphenated_words,
    usual_line_spacing,
)


def pages(*texts):
    return [[PageLine(line) for line in text.split("\n")] for text in texts]


def left_out(*texts):
    """Return the running lines of each page."""
    running = find_running_lines(pages(*texts))
    return [
        [text.split("\n")[at] for at in sorted(running.get(n, ()))] for n, text in enumerate(texts)
    ]


def test_running_heads_and_feet_count_with_the_pages():
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
def test_lines_that_are_not_regular_stay(texts):
    assert all(lines == [] for lines in left_out(*texts))


def test_ligatures_and_soft_hyphens_are_cleaned():
    assert clean_line(" ﬁrst o\ufb03ce\r") == "first office"
    assert clean_line("impor\ufffetant so\xadft") == f"impor{SOFT_HYPHEN}tant so{SOFT_HYPHEN}ft"


def test_a_hyphen_stays_where_the_document_writes_it_elsewhere():
    mark = SOFT_HYPHEN
    texts = [
        f"A pile-of{mark}files is impor{mark}tant.",
        f"The Pile-of-files. re{mark}read, reread",
    ]
    assert rejoin_hyphenated_words(texts) == [
        "A pile-of-files is important.",
        "The Pile-of-files. reread, reread",
    ]


def test_a_wider_gap_or_another_font_size_ends_a_paragraph():
    lines = [
        PageLine("Title", 100, 20),
        PageLine("First", 80, 10),
        PageLine("goes on.", 68, 10),
        PageLine("2", 70, 6),
        PageLine("Two", 46, 10),
        PageLine("goes on.", 34, 10),
    ]
    assert usual_line_spacing([lines]) == 1.2
    assert join_lines(lines, 1.2) == "Title\n\nFirst\ngoes on.\n2\n\nTwo\ngoes on."


def test_a_sentence_continues_in_another_column():
    lines = [PageLine("end", 100, 10), PageLine("of it", 88, 10), PageLine("and more.", 130, 10)]
    assert join_lines(lines, 1.2) == "end\nof it\nand more."
    assert join_lines([*lines, PageLine("New", 150, 10)], 1.2).endswith("and more.\n\nNew")


def lines_of(*rows):
    """Return lines of a page from (size, text)."""
    return [PageLine(text, 700.0 - 20 * number, size) for number, (size, text) in enumerate(rows)]


PROSE = (
    10.0,
    "All of these words are of the usual size, as most of a text is, for many lines. " * 3,
)


def test_larger_lines_are_headings():
    first = lines_of((18.0, "Keys"), PROSE, (12.0, "Rotation"), PROSE, (11.0, "Not larger enough"))
    second = lines_of((12.2, "Storage"), PROSE, (8.0, "A note below"))
    assert outline_by_font_size([first, second]) == [
        *(OutlineEntry(1, "Keys", 0), OutlineEntry(2, "Rotation", 0), OutlineEntry(2, "Storage", 1))
    ]


@pytest.mark.parametrize(
    "text", ["*TXN98765202411231432*", "12", "A sentence in large letters.", "x" * 121, "a | b | c"]
)
def test_a_larger_line_that_is_no_heading(text):
    assert outline_by_font_size([lines_of((14.0, text), PROSE, PROSE, PROSE, PROSE)]) == []


def test_mostly_large_text_has_no_headings():
    slide = lines_of(
        (30.0, "Growth of all our regions"), (20.0, "More than ever before"), (12.0, "x")
    )
    assert outline_by_font_size([slide]) == []
    assert outline_by_font_size([lines_of((0.0, "Size unknown"))]) == []


def test_a_clean_line_has_no_line_breaks():
    assert clean_line("A\rnother page") == "A nother page"


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        ("guaran", "teed", "guaranteed"),
        ("NX", "2040", "NX-2040"),
        ("A4", "Papier", "A4-Papier"),
        ("PDF", "Datei", "PDF-Datei"),
        ("State-of", "the-art", "State-of-the-art"),
        ("self-explana", "tory", "self-explanatory"),
        ("docu", "ment-based", "document-based"),
    ],
)
def test_hyphens_of_part_numbers_and_compounds_stay(left, right, joined):
    assert rejoin_hyphenated_words([f"{left}{SOFT_HYPHEN}{right}"]) == [joined]
