"""reStructuredText: sections and literal blocks."""

import time

import pytest

from ragkit.documents.formats.markup.rst import read_rst
from ragkit.passages.split import split_document
from tests.conftest import WordEncoder


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


GRID = """
+-------+------+
| Name  | Size |
+=======+======+
| Oak   | tall |
|       | old  |
+-------+------+
| Birch | thin |
+-------+------+
"""
SIMPLE = """
=====  ====
Name   Size
=====  ====
Oak    tall
       old

Birch  thin
=====  ====
"""
LISTED = """
.. list-table:: Trees
   :header-rows: 1
   :widths: 10 20

   * - Name
     - Size
   * - Oak
     - tall
   * - Birch
     - thin

After it.
"""
CSV = """
.. csv-table:: Trees
   :header: Name, Size

   Oak, tall
   Birch, thin

After it.
"""


def table(source):
    """What stands in the header, the lines below it, and the rows that are kept whole."""
    document = read(f"Before.\n{source}\nAfter.\n")
    (found,) = document.tables
    text = document.text
    whole = [text[start:end] for start, end in document.fences]
    head, body = text[found.start : found.header_end], text[found.header_end : found.end]
    return head, [line.strip() for line in body.split("\n") if line.strip()], whole


def test_a_grid_table():
    head, body, whole = table(GRID)
    assert head == "+-------+------+\n| Name  | Size |\n"
    assert body[1] == "| Oak   | tall |" and body[-1] == "+-------+------+"
    assert whole == ["| Oak   | tall |\n|       | old  |"]


def test_a_simple_table():
    head, body, whole = table(SIMPLE)
    assert head == "=====  ====\nName   Size\n"
    assert body[1:] == ["Oak    tall", "old", "Birch  thin", "=====  ===="]
    assert whole == ["Oak    tall\n       old"]


def test_tables_of_directives():
    head, body, whole = table(LISTED)
    assert head == "   * - Name\n     - Size\n"
    assert body == ["* - Oak", "- tall", "* - Birch", "- thin"]
    assert whole == [
        "   * - Name\n     - Size",
        "   * - Oak\n     - tall",
        "   * - Birch\n     - thin",
    ]
    head, body, whole = table(CSV)
    assert (head.strip(), body, whole) == (":header: Name, Size", ["Oak, tall", "Birch, thin"], [])


def test_a_table_without_a_header_and_one_in_a_list():
    head, body, _ = table("=====  ====\nOak    tall\nBirch  thin\n=====  ====\n")
    assert (head, body[1:3]) == ("", ["Oak    tall", "Birch  thin"])
    indented = "".join(f"   {line}\n" if line else "\n" for line in SIMPLE.split("\n"))
    head, body, _ = table(f"* A list\n{indented}")
    assert "Name   Size" in head and body[3] == "Birch  thin"


@pytest.mark.parametrize(
    "text",
    [
        "=====  ====\nno lower border\n",
        "=====\nTitle\n=====\n\nText\n",
        "+---+\nno row\n",
        "::\n\n   =====  ====\n   a      b\n   =====  ====\n",
        ".. csv-table:: Empty\n\nText\n",
    ],
)
def test_what_only_looks_like_a_table(text):
    assert read(text).tables == ()


def test_rows_of_rst_tables_are_never_cut_and_repeat_their_header():
    rows = "".join(f"Tree {n:<3}  tall and\n          old {n}\n" for n in range(40))
    border = "========  ========"
    document = read(f"Trees\n=====\n\n{border}\nName      Size\n{border}\n{rows}{border}\n")
    found = split_document(document, WordEncoder(), size=40, overlap=0.0)
    assert len(found) > 3
    for number in range(40):
        (holder,) = [each for each in found if f"Tree {number} " in each.text]
        assert f"old {number}\n" in f"{holder.text}\n"
    assert all("Name Size" in each.header for each in found[1:])


@pytest.mark.parametrize(
    "piece", ["=== ==\na   b\n", "+--+\n| a|\n", ".. csv-table::\n\n x\n", "== "]
)
def test_many_beginnings_of_tables_take_linear_time(piece):
    def seconds(times):
        started = time.process_time()
        read(piece * times)
        return time.process_time() - started

    seconds(100)
    assert seconds(40_000) < 12 * max(seconds(10_000), 0.02)
