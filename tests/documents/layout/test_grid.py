"""Rows of spreadsheets as text: cell ranges, header rows, limits."""

import pytest

from ragkit.documents.layout import grid as module
from ragkit.documents.layout.grid import Grid, GridFullError, column_letters, is_year
from ragkit.records.documents import Heading, Locator, Table


def add_rows(grid, *rows, start=1):
    """Append rows of texts and None, with text that is text in the sheet, too."""
    for number, row in enumerate(rows, start):
        cells = [(column, text) for column, text in enumerate(row) if text is not None]
        is_text = all(not text.isdigit() or is_year(text) for _, text in cells)
        grid.add_row(number, cells, is_text=is_text)


def test_a_sheet_is_a_heading_and_a_line_per_row():
    grid = Grid()
    grid.begin_sheet(" Budget ")
    add_rows(grid, ["Item", "Cost"], ["Rent", "1200"])
    document = grid.document("x")
    assert document.text == "Budget\n\nItem | Cost\nRent | 1200"
    assert document.headings == (Heading(0, 6, 1, "Budget"),)
    # The name of the sheet belongs to the first row.
    assert document.locators == (
        Locator(0, "sheet", "Budget!A1:B1"),
        Locator(20, "sheet", "Budget!A2:B2"),
    )
    assert document.tables == (Table(8, 31, 20),)


@pytest.mark.parametrize(
    ("first", "second", "has_header"),
    [
        (["Name", "Born"], ["Ada", "1815"], True),
        (["2023", "2024"], ["10", "12"], True),  # years name columns
        (["2023", "2024"], ["2021", "2022"], False),  # years above years are data
        (["Ada", "1815"], ["Alan", "1912"], False),
        (["Name", "Name"], ["a", "b"], False),  # equal names
        (["Total:", "Sum"], ["a", "b"], False),
        (["Name", None], ["Ada", "1815"], False),  # a column without a name
        ([None, "North", "South"], ["Jan", "7", "8"], True),  # the top left corner may be empty
    ],
)
def test_a_header_row_is_text_with_different_names_for_all_columns(first, second, has_header):
    grid = Grid()
    grid.begin_sheet("S")
    add_rows(grid, first, second, second)
    (table,) = grid.document("x").tables
    assert (table.header_end > table.start) == has_header


def test_an_empty_row_ends_a_table_and_one_row_is_none():
    grid = Grid()
    grid.begin_sheet("S")
    add_rows(grid, ["a", "b"], ["c", "d"])
    add_rows(grid, ["e", "f"], start=4)
    assert len(grid.document("x").tables) == 1


def test_gaps_between_cells_stay_up_to_fifty():
    grid = Grid()
    grid.begin_sheet("S")
    grid.add_row(1, [(0, "a"), (2, "b"), (500, "c")], is_text=True)
    line = grid.document("x").text.split("\n")[-1]
    assert line.startswith("a |  | b | ")
    assert line.count("|") == 53
    assert grid.locators[0].value == "S!A1:SG1"


def test_the_limit_on_cells_ends_the_reading(monkeypatch):
    monkeypatch.setattr(module, "MAX_CELLS", 3)
    grid = Grid()
    grid.begin_sheet("S")
    add_rows(grid, ["a", "b"])
    with pytest.raises(GridFullError):
        add_rows(grid, ["c", "d"], start=2)
    grid.warn_truncated(1_000)
    assert grid.full
    assert grid.warnings == ["sheet S: only the first 2 of 1,000 rows are read"]


def test_a_comment_follows_the_rows_and_names_its_cell():
    grid = Grid()
    grid.begin_sheet("S")
    add_rows(grid, ["a", "b"])
    grid.add_comment("B1", "Check\nthis.")
    document = grid.document("x")
    assert document.text == "S\n\na | b\n\nComment on B1: Check this."
    assert document.locators[-1] == Locator(10, "sheet", "S!B1")


@pytest.mark.parametrize(
    ("index", "letters"),
    [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")],
)
def test_columns_have_the_letters_of_spreadsheets(index, letters):
    assert column_letters(index) == letters


@pytest.mark.parametrize(("text", "expected"), [("1999", True), ("2024-03", True), ("1815", False)])
def test_years_from_1900_to_2099_name_columns(text, expected):
    assert is_year(text) == expected
