"""xlsx: rows with their cell ranges, tables with their headers, strings, styles and comments."""

import pytest

from ragkit.documents.detect import detect
from ragkit.documents.formats.office.spreadsheets.xlsx import read_xlsx
from ragkit.documents.layout import grid
from ragkit.documents.layout.grid import column_letters
from ragkit.errors import DocumentError
from ragkit.records.media_types import XLSX
from tests.documents.files import make_zip, read_zip
from tests.documents.office_files import (
    OOXML,
    make_xlsx,
    relationships_part,
    rows,
    split_tables,
    text_by_locator,
)


def read(sheets, **parts):
    return read_xlsx(make_xlsx(sheets, **parts), "a.xlsx")


def test_a_row_is_a_line_with_its_range():
    lines = rows(["Item", "Cost"], ["Rent", 1200], [None, 30.5], [], ["end"])
    document = read({"Budget 2024": lines, "Empty": "", "Last": rows(["x"])})
    assert text_by_locator(document) == [
        ("Budget 2024!A1:B1", "Budget 2024\n\nItem | Cost"),
        ("Budget 2024!A2:B2", "Rent | 1200"),
        ("Budget 2024!B3", "| 30.5"),
        ("Budget 2024!A5", "end"),
        ("Last!A1", "Last\n\nx"),
    ]
    assert [heading.text for heading in document.headings] == ["Budget 2024", "Last"]


@pytest.mark.parametrize(
    ("lines", "header"),
    [
        ([["A", "B"], ["x", 1]], "A | B\n"),
        ([["Costs"], ["A", "B"], ["x", 1]], "A | B\n"),  # a title above the table
        ([["A", "B"], ["x", "y"]], "A | B\n"),
        ([[None, "May", "June"], ["North", 1, 2]], "May | June\n"),
        ([["Region", 2023, 2024], ["North", 1, 2]], "Region | 2023 | 2024\n"),
        ([[None, 2023, 2024], ["North", 1, 2]], "2023 | 2024\n"),
        ([["Ada", 1815], ["Grace", 1906]], ""),
        ([["Ada", 1915], ["Grace", 1906]], ""),  # a year above a year is data
        ([["A", 7], ["x", 1]], ""),  # a number names no column
        ([["A", "A"], ["x", 1]], ""),
        ([["A"], ["x", 1], ["y", 2]], ""),
        ([["A", "B"], ["x", 1, 2]], ""),  # a column without a name
        ([["Name:", "Ada"], ["Age:", 36]], ""),
        ([["A", "B"], ["A", "B"]], ""),
    ],
)
def test_the_header_of_a_table_is_detected(lines, header):
    assert [header_rows for header_rows, _ in split_tables(read({"S": rows(*lines)}))] == [header]


def test_lists_and_single_rows_are_no_tables():
    assert read({"S": rows(["a"], ["b"], [], ["x", "y"])}).tables == ()


def test_shared_strings_cell_types_and_cells_without_references():
    cells = (
        '<row><c t="s"><v>1</v></c><c t="s"><v>9</v></c><c t="b"><v>1</v></c>'
        '<c t="e"><v>#N/A</v></c><c t="str"><f>A1</f><v>formula</v></c></row>'
        '<row r="7"><c r="C7"><f>1+1</f><v>2</v></c></row>'
    )
    document = read({"S": f"<sheetData>{cells}</sheetData>"}, strings=["no", "two\nlines"])
    assert text_by_locator(document) == [
        ("S!A1:E1", "S\n\ntwo lines |  | TRUE | #N/A | formula"),
        ("S!C7", "2"),
    ]


def test_numbers_are_formatted_by_the_style_of_their_cell():
    styles = (
        '<numFmts><numFmt numFmtId="170" formatCode="0.0&quot; kg&quot;"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="10"/><xf numFmtId="170"/>'
        "</cellXfs>"
    )
    cells = '<row r="1">' + "".join(
        f'<c s="{style}"><v>{value}</v></c>'
        for style, value in ((0, "0.1"), (1, "45323"), (2, "0.125"), (3, "2.25"), (9, "5"))
    )
    sheet = f"<sheetData>{cells}</row></sheetData>"
    assert read({"S": sheet}, styles=styles).text == "S\n\n0.1 | 2024-02-01 | 12.50% | 2.3 kg | 5"
    later = read({"S": sheet}, styles=styles, dated="1")
    assert "2028-02-02" in later.text  # 1,462 days later: day 0 is 1904-01-01


@pytest.mark.parametrize(("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (16383, "XFD")])
def test_columns_have_letters(index, letters):
    assert column_letters(index) == letters


def test_comments_follow_the_rows_with_their_cell():
    comment = '<comment ref="{}"><text><r><t>{}</t></r></text></comment>'
    comments = comment.format("B1", "Why\n7?") + comment.format("nonsense", "x")
    document = read({"S": rows(["a", 7]), "T": rows(["b"])}, comments=comments)
    assert text_by_locator(document) == [
        ("S!A1:B1", "S\n\na | 7"),
        ("S!B1", "Comment on B1: Why 7?"),
        ("T!A1", "T\n\nb"),
    ]


def test_hidden_sheets_are_read_with_a_warning():
    document = read({"!Salaries": rows(["Ada", 1])})
    assert "Ada | 1" in document.text
    assert document.warnings == ("1 hidden sheets are read",)


def test_a_damaged_sheet_is_a_warning():
    document = read({"Good": rows(["a", 1]), "Bad": "<sheetData><row>"})
    assert "a | 1" in document.text
    assert document.warnings[0].startswith("sheet Bad: damaged xlsx: xl/worksheets/1.xml: ")


def test_a_cell_in_the_last_row_needs_no_rows_above_it():
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c>'
    document = read({"S": f"<sheetData>{far}</row></sheetData>"})
    assert text_by_locator(document) == [("S!A1", "S\n\n1"), ("S!XFD1048576", "2")]


def test_too_many_cells_end_the_sheet_with_a_warning(monkeypatch):
    monkeypatch.setattr(grid, "MAX_CELLS", 6)
    lines = '<dimension ref="A1:B5"/>' + rows(*([number, number] for number in range(5)))
    document = read({"S": lines, "More": lines})
    assert document.text == "S\n\n0 | 0\n1 | 1\n2 | 2"
    assert document.warnings == (
        "sheet S: only the first 3 of 5 rows are read",
        "sheet More: only the first 0 rows are read",
    )


def test_a_long_shared_string_in_every_cell_is_bounded():
    row = '<row><c t="s"><v>0</v></c>' + '<c t="s"><v>0</v></c>' * 999 + "</row>"
    document = read({"S": f"<sheetData>{row * 3}</sheetData>"}, strings=["x" * 1_000_000])
    assert len(document.text) < 700_000
    assert document.warnings == ("rows longer than 200,000 characters are cut",)


def test_a_zip_bomb_of_blank_cells_is_refused():
    row = '<row><c s="1"/><c s="1"/><c s="1"/></row>'
    with pytest.raises(DocumentError, match="inflates to over 200 times its size"):
        read({"S": f"<sheetData>{row * 200_000}</sheetData>"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_xlsx({}), "damaged xlsx: it has no sheets"),
        (make_xlsx({"S": "<x"}), "sheet S: damaged xlsx: "),
        (make_xlsx({"S": rows(["a"])})[:-50], "damaged xlsx: "),
        (b"PK\x03\x04", "damaged xlsx: "),
    ],
)
def test_damaged_files_are_refused(data, reason):
    with pytest.raises(DocumentError, match=reason):
        read_xlsx(data, "a.xlsx")


def test_phonetic_readings_are_left_out():
    # ECMA-376 part 1, 18.4.6: rPh has the reading of the text before it.
    reading = '<is><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></is>'
    cells = f'<row><c t="inlineStr">{reading}</c></row>'
    assert read({"S": f"<sheetData>{cells}</sheetData>"}).text == "S\n\n東京"


def test_threaded_comments_replace_the_old_ones_that_repeat_them():
    old = '<comment ref="A1"><text><t>[Threaded comment] Why?</t></text></comment>'
    files = {
        "xl/workbook.xml": f"<workbook {OOXML}><sheets><sheet name='S' r:id='r'/></sheets>"
        "</workbook>",
        "xl/_rels/workbook.xml.rels": relationships_part(("r", "worksheet", "sheet.xml")),
        "xl/sheet.xml": f"<worksheet {OOXML}>{rows(['a'])}</worksheet>",
        "xl/_rels/sheet.xml.rels": relationships_part(
            ("c", "comments", "old.xml"), ("t", "threadedComment", "new.xml")
        ),
        "xl/old.xml": f"<comments {OOXML}>{old}</comments>",
        "xl/new.xml": "<ThreadedComments><threadedComment ref='A1'><text>Why?</text>"
        "</threadedComment></ThreadedComments>",
    }
    assert read_xlsx(make_zip(files), "a.xlsx").text == "S\n\na\n\nComment on A1: Why?"


def test_escaped_characters_formats_of_text_and_formulas_without_values():
    styles = (
        '<numFmts><numFmt numFmtId="170" formatCode="&quot;Code &quot;@"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs>'
    )
    cells = (
        '<row><c t="s"><v>0</v></c><c t="inlineStr" s="1"><is><t>a_x005F_x0041_</t></is></c>'
        "<c><f>B1*2</f></c><c><f>HYPERLINK(&quot;https://x.y&quot;,&quot;the form&quot;)</f></c>"
        '<c t="str"><f>IF(1,"")</f><v></v></c></row>'
    )
    document = read(
        {"S": f"<sheetData>{cells}</sheetData>"}, strings=["one_x000D_\ntwo"], styles=styles
    )
    assert document.text == "S\n\none two | Code a_x0041_ |  | the form"
    assert document.warnings == (
        "1 formulas have no stored value and are not read; open and save the file in a spreadsheet"
        " program",
    )


def test_part_names_with_backslashes():
    files = read_zip(make_xlsx({"S": rows(["a", 1])}))
    data = make_zip({name.replace("/", "\\"): content for name, content in files.items()})
    assert detect(data, "a.xlsx").media_type == XLSX
    assert read_xlsx(data, "a.xlsx").text == "S\n\na | 1"


def test_a_raised_run_ends_with_its_cell():
    raised = '<is><r><rPr><vertAlign val="superscript"/></rPr><t></t></r></is>'
    cells = f'<row><c t="inlineStr">{raised}</c><c><v>5</v></c></row>'
    assert read({"S": f"<sheetData>{cells}</sheetData>"}).text == "S\n\n5"
