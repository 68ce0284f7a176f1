"""csv and tsv (RFC 4180): one line of text per row, delimiter, header, titles and line numbers."""

import pytest

from ragkit.documents.formats.data.delimited import read_table, table_records
from ragkit.documents.read import read, read_all
from ragkit.documents.unpacking.limits import Budget
from ragkit.records.documents import Locator, Table


def test_rows_are_lines_and_the_header_is_found():
    document = read(b'id,name,price\n1,"Tea, green",3.50\n2,Coffee,4\n', "a.csv")
    assert document.text == "id | name | price\n1 | Tea, green | 3.50\n2 | Coffee | 4"
    assert document.tables == (Table(0, 54, 18),)
    assert document.lines
    assert document.locators == ()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"a;b\n1,5;2\n", "a.csv"),
        (b"a|b\n1,5|2\n", "a.csv"),
        (b"a\tb\n1,5\t2\n", "a.csv"),
        (b"a\tb\n1,5\t2\n", "a.tsv"),
        ("\ufeffa;b\r\n1,5;2\r\n".encode(), "a.csv"),
        ("a;b\n1,5;2\n".encode("utf-16"), "a.csv"),
    ],
)
def test_the_delimiter_is_detected(data, name):
    assert read(data, name).text == "a | b\n1,5 | 2"


def test_rows_are_numbered_if_a_cell_contains_line_breaks():
    document = read(b'name,note\nAnn,"two\nlines"\nBo,one\n', "a.csv")
    assert document.text == "name | note\nAnn | two lines\nBo | one"
    assert not document.lines
    assert document.locators == (
        Locator(0, "row", "1"),
        Locator(12, "row", "2"),
        Locator(28, "row", "3"),
    )


def test_empty_lines_are_kept_so_that_line_numbers_stay_valid():
    document = read(b"\n\na,b\n\n1,2\n,\n3,4\n", "a.csv")
    assert document.text.split("\n") == ["", "", "a | b", "", "1 | 2", "", "3 | 4"]
    assert document.lines
    assert document.tables == (Table(2, 21, 9),)


def test_a_single_cell_above_the_table_is_its_title():
    document = read(b"Stanley Cups,,\r\nTeam,City,Cups\r\nBlues,STL,1\r\n", "a.csv")
    assert document.title == "Stanley Cups"
    table = document.tables[0]
    assert document.text[table.start : table.header_end] == "Team | City | Cups\n"


@pytest.mark.parametrize("data", [b"1,2\n3,4\n", b"x,x\ny,z\n", b"a,b\n", b"2024-01-01,b\nc,d\n"])
def test_a_row_with_numbers_dates_or_equal_cells_is_no_header(data):
    table = read(data, "a.csv").tables[0]
    assert table.header_end == table.start


def test_each_row_below_the_header_is_a_record():
    data = b"id,name,about\n1,Tea,green leaves\n2,Coffee,beans\n"
    records = list(read_all(data, "a.csv", records=True))
    assert [record.name for record in records] == ["2", "3"]
    second = records[1].document
    assert second.text == "id: 2\nname: Coffee\nabout: beans"
    assert (second.title, second.metadata["about"]) == ("Coffee", "beans")


def test_a_file_with_a_cell_over_the_limit_of_csv_is_read_as_text():
    document = read(b"a,b\n" + b"x" * 200_000 + b",1\n", "a.csv")
    assert document.warnings == ("not read as a table: field larger than field limit (131072)",)
    assert document.text.endswith("x,1\n")


@pytest.mark.parametrize("name", ["stanley-cups.csv", "stanley-cups.tsv"])
def test_real_tables(real_files, name):
    data = (real_files / "misc" / name).read_bytes()
    document = read(data, name)
    line = document.text.count("\n", 0, document.text.index("Maple Leafs | TOR | 13"))
    assert b"Maple Leafs" in data.split(b"\n")[line]


def test_quoted_cells_of_rfc_4180():
    document = read_table(b'"aaa","b ""quoted"" b","c, c"\r\n1,2,3\r\n', "a.csv")
    assert document.text == 'aaa | b "quoted" b | c, c\n1 | 2 | 3'


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"one column\nonly\n", "one column\nonly"),
        (b"a,b,,\n1,,3,\n", "a | b\n1 |  | 3"),  # empty cells at the end are dropped
        (b'a,b\n"never closed,2\n', "a | b\nnever closed,2"),
    ],
)
def test_unusual_tables(data, text):
    assert read_table(data, "a.csv").text == text


def test_records_without_a_header_have_numbered_columns():
    records = list(table_records(b"1,2\n3,,5\n", "a.csv", Budget()))
    assert [record.name for record in records] == ["1", "2"]
    assert [record.document.text for record in records] == [
        "column 1: 1\ncolumn 2: 2",
        "column 1: 3\ncolumn 3: 5",
    ]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_line_that_names_the_delimiter_is_no_row(first):
    document = read_table(f"{first}\nPart;Price\nPump;12,5".encode(), "a.csv")
    assert document.text == "\nPart | Price\nPump | 12,5"
    assert document.title is None
