"""reStructuredText: sections, literal blocks and titles, as in the docutils specification."""

import pytest

from ragkit.documents.formats.markup.rst import read_rst
from tests.documents.formats.work import growth


def read(text):
    return read_rst(text.encode(), "a.rst")


def test_levels_follow_the_order_in_which_the_styles_of_adornment_appear():
    source = "=====\nTitle\n=====\n\nOne\n===\n\nDeep\n----\n\nTwo\n===\n"
    document = read(source)
    headings = [
        (heading.level, heading.text, source[heading.start : heading.end])
        for heading in document.headings
    ]
    assert headings == [
        (1, "Title", "=====\nTitle\n====="),
        (2, "One", "One\n==="),
        (3, "Deep", "Deep\n----"),
        (2, "Two", "Two\n==="),
    ]
    assert document.title == "Title"
    assert document.text == source


@pytest.mark.parametrize(
    "text",
    [
        "text\n\n----\n\ntext",
        "====  ====\na     b\n====  ====",
        "no\nblank line\n----------",
        "long heading\n--",
        "x::\n\n    Not\n    ===\n",
        "+---+\n| a |\n+---+",
    ],
)
def test_lines_that_are_no_section_title(text):
    assert read(text).headings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See::\n\n   code\n\n   more\n\ntext", ["   code\n\n   more"]),
        ("a\n\n.. code-block:: py\n   :linenos:\n\n   x = 1\n\nb", None),
        (">>> 1 + 1\n2\n\ntext", [">>> 1 + 1\n2"]),
        ("Nothing follows::\n\ntext", []),
        (".. class:: Foo\n\n   text::\n\n      code\n   back", ["      code"]),
    ],
)
def test_literal_blocks(text, expected):
    if expected is None:
        expected = [".. code-block:: py\n   :linenos:\n\n   x = 1"]
    assert [text[start:end] for start, end in read(text).fences] == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("The :mod:`csv` module", "The csv module"),
        ("``code`` and *more*", "code and more"),
        ("`Site <https://x.y>`_ news", "Site news"),
        ("|name| here", "name here"),
    ],
)
def test_titles_lose_their_inline_markup(title, expected):
    assert read(f"{title}\n{'=' * len(title)}\n").title == expected


def test_comments_and_link_targets_may_stand_before_the_title():
    assert read(".. _top:\n\n.. note to self\n   longer\n\nAa\n==\n\nBb\n==\n").title == "Aa"
    assert read("text\n\nAa\n==\n\nBb\n==\n").title is None


@pytest.mark.parametrize("piece", ["a::\n", ">>> \n", "`", "=\n", ":a", "a\n=\n\n", "::\n\n\n"])
def test_hostile_markup_takes_linear_time(piece):
    assert growth(read, lambda size: piece * size, 1000) < 5


def test_an_overline_is_a_style_of_its_own():
    document = read("Aa\n==\n\n==\nBb\n==\n\nCc\n==\n")
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "Aa"),
        (2, "Bb"),
        (1, "Cc"),
    ]


def test_a_row_of_several_lines_is_a_fence_so_that_it_is_not_cut():
    document = read("=====  ====\nOak    tall\n       old\nBirch  thin\n=====  ====\n")
    (table,) = document.tables
    assert (table.start, table.end, table.header_end) == (0, len(document.text) - 1, 0)
    assert [document.text[start:end] for start, end in document.fences] == [
        "Oak    tall\n       old"
    ]


def test_the_sections_of_a_real_file(real_files):
    document = read_rst((real_files / "python/library-csv.rst").read_bytes(), "library-csv.rst")
    assert document.title == "csv --- CSV File Reading and Writing"
    assert [heading.text for heading in document.headings[1:3]] == [
        "Module Contents",
        "Dialects and Formatting Parameters",
    ]
