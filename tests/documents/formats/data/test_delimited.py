"""csv and tsv: a line a row, the header told apart, line numbers true where they can be."""

import pytest

from ragkit.documents.read import read, read_all
from ragkit.records.documents import Locator, Table


def test_rows_are_lines_with_the_header_apart():
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
def test_the_delimiter_is_told_from_the_rows(data, name):
    assert read(data, name).text == "a | b\n1,5 | 2"


def test_a_cell_with_line_breaks_numbers_rows_instead_of_lines():
    document = read(b'name,note\nAnn,"two\nlines"\nBo,one\n', "a.csv")
    assert document.text == "name | note\nAnn | two lines\nBo | one"
    assert not document.lines
    assert document.locators == (
        Locator(0, "row", "1"),
        Locator(12, "row", "2"),
        Locator(28, "row", "3"),
    )


def test_empty_lines_keep_the_numbers_true():
    document = read(b"\n\na,b\n\n1,2\n,\n3,4\n", "a.csv")
    assert document.text.split("\n") == ["", "", "a | b", "", "1 | 2", "", "3 | 4"]
    assert document.lines
    assert document.tables == (Table(2, 21, 9),)


def test_a_line_above_the_table_is_its_title():
    document = read(b"Stanley Cups,,\r\nTeam,City,Cups\r\nBlues,STL,1\r\n", "a.csv")
    assert document.title == "Stanley Cups"
    table = document.tables[0]
    assert document.text[table.start : table.header_end] == "Team | City | Cups\n"


@pytest.mark.parametrize("data", [b"1,2\n3,4\n", b"x,x\ny,z\n", b"a,b\n", b"2024-01-01,b\nc,d\n"])
def test_numbers_dates_and_repeated_words_name_no_columns(data):
    table = read(data, "a.csv").tables[0]
    assert table.header_end == table.start


def test_each_row_a_document():
    data = b"id,name,about\n1,Tea,green leaves\n2,Coffee,beans\n"
    records = list(read_all(data, "a.csv", records=True))
    assert [record.name for record in records] == ["2", "3"]
    second = records[1].document
    assert second.text == "id: 2\nname: Coffee\nabout: beans"
    assert (second.title, second.metadata["about"]) == ("Coffee", "beans")


def test_a_cell_too_long_for_a_table_is_read_as_text():
    document = read(b"a,b\n" + b"x" * 200_000 + b",1\n", "a.csv")
    assert document.warnings == ("not read as a table: field larger than field limit (131072)",)
    assert document.text.endswith("x,1\n")


@pytest.mark.parametrize("name", ["stanley-cups.csv", "stanley-cups.tsv"])
def test_real_tables(real_files, name):
    data = (real_files / "misc" / name).read_bytes()
    document = read(data, name)
    line = document.text.count("\n", 0, document.text.index("Maple Leafs | TOR | 13"))
    assert b"Maple Leafs" in data.split(b"\n")[line]
