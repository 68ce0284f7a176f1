"""xls: cells, number formats and sheets of BIFF8 workbooks ([MS-XLS])."""

import pytest

from ragkit.documents.formats.office.spreadsheets.xls import read_xls
from ragkit.errors import DocumentError
from tests.documents.mail_files import make_ole2
from tests.documents.office_files import (
    make_xls,
    split_tables,
    text_by_locator,
    xls_boolean,
    xls_number,
    xls_string,
)


def read(sheets, **parts):
    return read_xls(make_ole2({"Workbook": make_xls(sheets, **parts)}), "a.xls")


def test_a_row_is_a_line_with_its_range():
    cells = [xls_string(0, 0, 0), xls_string(0, 1, 1), xls_string(1, 0, 2), xls_number(1, 1, 1200)]
    document = read({"Costs": [*cells, xls_number(9, 2, 30.5)]}, strings=["Item", "Cost", "Oak"])
    assert text_by_locator(document) == [
        ("Costs!A1:B1", "Costs\n\nItem | Cost"),
        ("Costs!A2:B2", "Oak | 1200"),
        ("Costs!C10", "30.5"),
    ]
    assert split_tables(document) == [("Item | Cost\n", "Oak | 1200")]


def test_numbers_are_formatted_by_the_style_of_their_cell():
    cells = [xls_number(0, 0, 2.25, 1), xls_number(0, 1, 45323.0, 2), xls_number(0, 2, 0.5)]
    formats = ['0.0" kg"', "d/m/yy"]
    # Day 45,323 after 1899-12-30 is 2024-02-01; with day 0 on 1904-01-01 it is 1,462 days later.
    assert read({"S": cells}, formats=formats).text == "S\n\n2.3 kg | 2024-02-01 | 0.5"
    later = read({"S": cells}, formats=formats, use_1904_epoch=True)
    assert later.text == "S\n\n2.3 kg | 2028-02-02 | 0.5"


def test_booleans_and_errors_are_words():
    cells = [xls_boolean(0, 0, 1), xls_boolean(0, 1, 0), xls_boolean(0, 2, 0x2A, is_error=True)]
    assert read({"S": cells}).text == "S\n\nTRUE | FALSE | #N/A"


def test_a_damaged_sheet_is_a_warning():
    undefined_style = xls_number(0, 0, 1, style=7)
    document = read({"Bad": [undefined_style], "Good": [xls_number(0, 0, 2)]})
    assert document.text == "Good\n\n2"
    (warning,) = document.warnings
    assert warning.startswith("sheet 1 is damaged: ")
    with pytest.raises(DocumentError, match=r"^damaged xls: sheet 1 is damaged: "):
        read({"Bad": [undefined_style]})


def test_hidden_sheets_are_read_with_a_warning():
    document = read({"A": [xls_number(0, 0, 1)], "!B": [xls_number(0, 0, 2)]})
    assert document.text == "A\n\n1\n\nB\n\n2"
    assert document.warnings == ("1 hidden sheets are read",)


def test_a_bare_biff_stream_is_read_too():
    data = make_xls({"S": [xls_number(0, 0, 1)]})
    assert read_xls(data, "a.xls").text == "S\n\n1"


@pytest.mark.parametrize("length", [0, 4, 30])
def test_damaged_files_are_refused(length):
    data = make_xls({"S": [xls_number(0, 0, 1)]})
    with pytest.raises(DocumentError, match=r"^damaged xls: "):
        read_xls(data[:length], "a.xls")
