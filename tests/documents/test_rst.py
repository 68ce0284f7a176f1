"""reStructuredText: sections and literal blocks."""

import time

import pytest

from ragkit.documents.rst import read_rst


def read(text):
    return read_rst(text.encode(), "a.rst")


def test_levels_follow_the_order_in_which_styles_appear():
    source = "=====\nTitle\n=====\n\nOne\n===\n\nDeep\n----\n\nTwo\n===\n"
    document = read(source)
    found = [(each.level, each.text, source[each.start : each.end]) for each in document.headings]
    assert found == [
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
def test_what_only_looks_like_a_section(text):
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
    ("words", "expected"),
    [
        ("The :mod:`csv` module", "The csv module"),
        ("``code`` and *more*", "code and more"),
        ("`Site <https://x.y>`_ news", "Site news"),
        ("|name| here", "name here"),
    ],
)
def test_title_words_lose_their_markup(words, expected):
    assert read(f"{words}\n{'=' * len(words)}\n").title == expected


def test_comments_and_targets_may_stand_before_the_title():
    assert read(".. _top:\n\n.. note to self\n   longer\n\nAa\n==\n\nBb\n==\n").title == "Aa"
    assert read("text\n\nAa\n==\n\nBb\n==\n").title is None


@pytest.mark.parametrize("piece", ["a::\n", ">>> \n", "`", "=\n", ":a", "a\n=\n\n", "::\n\n\n"])
def test_hostile_markup_takes_linear_time(piece):
    start = time.perf_counter()
    read(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - start < 4


def test_real_sections(real_files):
    document = read_rst((real_files / "python/library-csv.rst").read_bytes(), "library-csv.rst")
    assert document.title == "csv --- CSV File Reading and Writing"
    assert [each.text for each in document.headings[1:3]] == [
        "Module Contents",
        "Dialects and Formatting Parameters",
    ]
