"""Tables of reStructuredText: their header and their rows, as in the docutils specification."""

import pytest

from ragkit.documents.formats.markup.rst import read_rst
from ragkit.documents.formats.markup.rst_tables import TableLines, find_table, indentation
from ragkit.passages.split import split_document
from tests.conftest import WordEncoder
from tests.documents.formats.work import growth


def read(text):
    return read_rst(text.encode(), "a.rst")


def find(text, number=0):
    return find_table(text.split("\n"), number)


def test_the_grid_table_of_the_specification():
    lines = """\
+------------------------+------------+----------+----------+
| Header row, column 1   | Header 2   | Header 3 | Header 4 |
| (header rows optional) |            |          |          |
+========================+============+==========+==========+
| body row 1, column 1   | column 2   | column 3 | column 4 |
+------------------------+------------+----------+----------+
| body row 2             | Cells may span columns.          |
+------------------------+------------+---------------------+
| body row 3             | Cells may  | - Table cells       |
+------------------------+ span rows. | - contain           |
| body row 4             |            | - body elements.    |
+------------------------+------------+---------------------+
"""
    assert find(lines) == TableLines(0, 11, 3, [(1, 2), (4, 4), (6, 6), (8, 10)])


def test_the_simple_table_of_the_specification():
    lines = """\
=====  =====  ======
   Inputs     Output
------------  ------
  A      B    A or B
=====  =====  ======
False  False  False
True   False  True
=====  =====  ======
"""
    table = find(lines)
    assert (table.first, table.last, table.body) == (0, 7, 4)
    assert table.rows[-2:] == [(5, 5), (6, 6)]


def test_a_row_with_an_empty_first_cell_continues_the_row_above():
    assert find("==  ==\na   1\n    2\n\nb   3\n==  ==\n").rows == [(1, 2), (4, 4)]


def test_a_table_directive_begins_below_its_options():
    lines = ".. list-table:: T\n   :header-rows: 1\n\n   * - A\n     - B\n   * - 1\n     - 2\n\nend"
    assert find(lines) == TableLines(3, 6, 5, [(3, 4), (5, 6)])


def test_the_header_option_of_a_csv_table_is_its_header():
    lines = ".. csv-table:: T\n   :header: A, B\n   :widths: 1, 2\n\n   1, 2\n   3, 4\nend"
    assert find(lines) == TableLines(1, 5, 4, [(4, 4), (5, 5)])


def test_a_table_does_not_consist_of_header_rows_alone():
    lines = ".. csv-table::\n   :header-rows: 9\n\n   A, B\n   1, 2\n"
    assert find(lines).body == 4


def test_the_indentation_is_the_number_of_spaces_and_tabs():
    assert [indentation(line) for line in ("a", "  a", "\t a", "   ")] == [0, 2, 2, 3]


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


def parts(source):
    """Return the text of the header, the lines below it, and the rows that are fences."""
    document = read(f"Before.\n{source}\nAfter.\n")
    (table,) = document.tables
    text = document.text
    fences = [text[start:end] for start, end in document.fences]
    head, body = text[table.start : table.header_end], text[table.header_end : table.end]
    return head, [line.strip() for line in body.split("\n") if line.strip()], fences


def test_a_grid_table():
    head, body, fences = parts(GRID)
    assert head == "+-------+------+\n| Name  | Size |\n"
    assert body[1] == "| Oak   | tall |" and body[-1] == "+-------+------+"
    assert fences == ["| Oak   | tall |\n|       | old  |"]


def test_a_simple_table():
    head, body, fences = parts(SIMPLE)
    assert head == "=====  ====\nName   Size\n"
    assert body[1:] == ["Oak    tall", "old", "Birch  thin", "=====  ===="]
    assert fences == ["Oak    tall\n       old"]


def test_tables_of_directives():
    head, body, fences = parts(LISTED)
    assert head == "   * - Name\n     - Size\n"
    assert body == ["* - Oak", "- tall", "* - Birch", "- thin"]
    assert fences == [
        "   * - Name\n     - Size",
        "   * - Oak\n     - tall",
        "   * - Birch\n     - thin",
    ]
    head, body, fences = parts(CSV)
    assert (head.strip(), body, fences) == (":header: Name, Size", ["Oak, tall", "Birch, thin"], [])


def test_a_table_without_a_header_and_one_in_a_list():
    head, body, _ = parts("=====  ====\nOak    tall\nBirch  thin\n=====  ====\n")
    assert (head, body[1:3]) == ("", ["Oak    tall", "Birch  thin"])
    indented = "".join(f"   {line}\n" if line else "\n" for line in SIMPLE.split("\n"))
    head, body, _ = parts(f"* A list\n{indented}")
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
def test_lines_that_are_no_table(text):
    assert read(text).tables == ()


def test_rows_of_rst_tables_are_never_cut_and_repeat_their_header():
    rows = "".join(f"Tree {n:<3}  tall and\n          old {n}\n" for n in range(40))
    border = "========  ========"
    document = read(f"Trees\n=====\n\n{border}\nName      Size\n{border}\n{rows}{border}\n")
    passages = split_document(document, WordEncoder(), size=40, overlap=0.0)
    assert len(passages) > 3
    for number in range(40):
        (passage,) = [one for one in passages if f"Tree {number} " in one.text]
        assert f"old {number}\n" in f"{passage.text}\n"
    assert all("Name Size" in passage.header for passage in passages[1:])


@pytest.mark.parametrize(
    "piece", ["=== ==\na   b\n", "+--+\n| a|\n", ".. csv-table::\n\n x\n", "== "]
)
def test_many_beginnings_of_tables_take_linear_time(piece):
    assert growth(read, lambda size: piece * size, 500) < 5
