"""xlsb: cells as displayed, several sheets, comments; damaged and hostile files."""

import struct

import pytest

from ragkit.documents.formats.office.spreadsheets.xlsb import read_xlsb
from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError
from tests.documents.files import make_zip, read_zip
from tests.documents.xlsb_files import cell, make_xlsb, record, row, wide

TEXT, SHARED, RK, REAL, BOOLEAN, ERROR = 6, 7, 2, 5, 4, 3


def read_cells(*cells, **parts):
    sheet = row(0) + b"".join(cells)
    return read_xlsb(make_xlsb({"One": sheet}, **parts), "a.xlsb").text.removeprefix("One\n\n")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (cell(TEXT, 0, wide("Rent")), "Rent"),
        (cell(SHARED, 0, struct.pack("<I", 1)), "shared"),
        (cell(REAL, 0, struct.pack("<d", 1200.5)), "1200.5"),
        (cell(REAL, 0, struct.pack("<d", 45000.0), style=1), "2023-03-15"),
        (cell(REAL, 0, struct.pack("<d", 0.125), style=2), "0.1 kg"),
        (cell(RK, 0, struct.pack("<I", 7 << 2 | 2)), "7"),
        (cell(RK, 0, struct.pack("<I", 1250 << 2 | 3)), "12.5"),
        (cell(RK, 0, struct.pack("<I", struct.unpack("<Q", struct.pack("<d", 2.0))[0] >> 32)), "2"),
        (cell(RK, 0, struct.pack("<i", -3 << 2 | 2)), "-3"),
        (cell(BOOLEAN, 0, b"\1"), "TRUE"),
        (cell(ERROR, 0, b"\x2a"), "#N/A"),
        (cell(8, 0, wide("by formula") + b"\0\0"), "by formula"),
        (cell(9, 0, struct.pack("<d", 3.0) + b"\0\0"), "3"),
        (cell(62, 0, b"\0" + wide("rich")), "rich"),
    ],
)
def test_cells_are_read_as_displayed(content, expected):
    formats = {170: '0.0" kg"'}
    assert read_cells(content, formats=formats, styles=[0, 14, 170], strings=["x", "shared"]) == (
        expected
    )


def test_rows_have_locators_and_a_header():
    sheet = row(0) + cell(TEXT, 0, wide("Item")) + cell(TEXT, 1, wide("Cost"))
    sheet += row(4) + cell(TEXT, 1, wide("Rent")) + cell(REAL, 2, struct.pack("<d", 5))
    document = read_xlsb(make_xlsb({"Budget": sheet, "!Old": row(0) + cell(BOOLEAN, 0, b"\0")}), "")
    assert document.text == "Budget\n\nItem | Cost\n\nRent | 5\n\nOld\n\nFALSE"
    assert [place.value for place in document.locators] == [
        *("Budget!A1:B1", "Budget!B5:C5", "Old!A1")
    ]
    assert document.warnings == ("1 hidden sheets are read",)


def test_comments_name_their_cell():
    comments = record(635, struct.pack("<5I", 0, 1, 1, 1, 1) + bytes(16))
    comments += record(637, b"\0" + wide("Ada: why?")) + record(636, b"")
    data = make_xlsb({"One": row(0) + cell(TEXT, 0, wide("x"))}, comments=comments)
    assert read_xlsb(data, "").text == "One\n\nx\n\nComment on B2: Ada: why?"


def test_it_is_recognised_before_xlsx():
    document = read(make_xlsb({"One": row(0) + cell(TEXT, 0, wide("x"))}), "a.xlsx")
    assert document.media_type == "application/vnd.ms-excel.sheet.binary.macroenabled.12"
    assert document.warnings == ("the name says xlsx, the content is xlsb",)


def changed(data, part, content):
    return make_zip({**read_zip(data), part: content})


def test_damaged_files_are_reported_and_never_empty():
    good = make_xlsb({"One": row(0) + cell(TEXT, 0, wide("x")), "Two": row(0) + cell(TEXT, 0, b"")})
    document = read_xlsb(good, "")
    assert document.text == "One\n\nx"
    assert document.warnings[0].startswith("sheet Two: damaged xlsb")
    with pytest.raises(DocumentError, match="cut off"):
        read_xlsb(changed(good, "xl/workbook.bin", b"\x9c\x01\xff\xff\x03"), "")
    with pytest.raises(DocumentError, match="no sheets"):
        read_xlsb(changed(good, "xl/workbook.bin", b""), "")
    backwards = row(5) + cell(TEXT, 0, wide("x")) + row(2) + cell(TEXT, 0, wide("y"))
    with pytest.raises(DocumentError, match="out of order"):
        read_xlsb(make_xlsb({"One": backwards}), "")
    (found,) = read_all(good[: len(good) // 2], "a.xlsb")
    assert (found.document, found.kind) == (None, "damaged")


def test_a_cell_far_to_the_right_costs_nothing():
    far = row(1_048_575) + cell(TEXT, 16_383, wide("far"))
    assert read_xlsb(make_xlsb({"One": far}), "").text == "One\n\nfar"
    assert read_cells(cell(TEXT, 4_000_000_000, wide("no")), cell(TEXT, 0, wide("yes"))) == "yes"
