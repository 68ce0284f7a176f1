"""The elements of OpenDocument spreadsheets (OpenDocument 1.3 part 3, 9)."""

from ragkit.documents.formats.office.odf import read_ods
from tests.documents.office_files import make_odf, split_tables, text_by_locator


def read_sheet(rows):
    body = f"<table:table table:name='S'>{rows}</table:table>"
    return read_ods(make_odf("spreadsheet", body), "a.ods")


def cell(text, attributes=""):
    return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"


def test_repeated_rows_and_cells_are_counted_and_copied():
    body = (
        "<table:table table:name='Costs'><table:table-row><table:table-cell office:value-type="
        "'string'><text:p>Item</text:p></table:table-cell><table:table-cell><text:p>Cost</text:p>"
        "</table:table-cell></table:table-row>"
        "<table:table-row table:number-rows-repeated='2'><table:table-cell><text:p>Rent</text:p>"
        "</table:table-cell><table:table-cell office:value-type='currency'><text:p>€ 5.00</text:p>"
        "<office:annotation><text:p>no</text:p></office:annotation></table:table-cell>"
        "<table:table-cell table:number-columns-repeated='16380'/></table:table-row>"
        "<table:table-row table:number-rows-repeated='1000'><table:table-cell/></table:table-row>"
        "<table:table-row><table:table-cell table:number-columns-repeated='3'/><table:table-cell>"
        "<text:p>end</text:p><text:p>of it</text:p></table:table-cell></table:table-row>"
        "</table:table>"
    )
    document = read_ods(make_odf("spreadsheet", body), "a.ods")
    assert text_by_locator(document) == [
        ("Costs!A1:B1", "Costs\n\nItem | Cost"),
        ("Costs!A2:B2", "Rent | € 5.00"),
        ("Costs!A3:B3", "Rent | € 5.00"),
        ("Costs!D1004", "end of it"),
        ("Costs!B2", "Comment on B2: no"),
    ]
    assert split_tables(document) == [("Item | Cost\n", "Rent | € 5.00\nRent | € 5.00")]


def test_a_cell_repeated_over_the_whole_sheet_is_bounded():
    body = (
        "<table:table table:name='S'><table:table-row table:number-rows-repeated='1048576'>"
        "<table:table-cell table:number-columns-repeated='16384'><text:p>x</text:p>"
        "</table:table-cell></table:table-row></table:table>"
    )
    assert len(read_ods(make_odf("spreadsheet", body), "a.ods").text) < 20_000_000


def test_comments_on_cells_follow_the_rows_of_their_sheet():
    note = (
        "<office:annotation><dc:creator>Ann</dc:creator><dc:date>2024</dc:date>"
        "<text:p>Check this.</text:p><text:p>Twice.</text:p></office:annotation>"
    )
    cell = "<table:table-cell>{}<text:p>{}</text:p></table:table-cell>"
    rows = "".join(
        f"<table:table-row>{cell.format('', a)}{cell.format(b, c)}</table:table-row>"
        for a, b, c in [("Name", "", "Cost"), ("Oak", note, "12")]
    )
    body = f'<table:table table:name="Trees">{rows}</table:table><table:table table:name="B">'
    document = read_ods(make_odf("spreadsheet", f"{body}</table:table>"), "a.ods")
    assert document.text == "Trees\n\nName | Cost\nOak | 12\n\nComment on B2: Check this. Twice."
    assert document.locators[-1].value == "Trees!B2"


def test_covered_cells_keep_their_column():
    # A cell that spans two columns is followed by a covered cell (part 3, 9.1.5).
    row = cell("a", "table:number-columns-spanned='2'") + "<table:covered-table-cell/>" + cell("b")
    document = read_sheet(f"<table:table-row>{row}</table:table-row>")
    assert text_by_locator(document) == [("S!A1:C1", "S\n\na |  | b")]


def test_invalid_repetitions_count_as_one():
    row = cell("a", "table:number-columns-repeated='-3'") + cell("b")
    rows = f"<table:table-row table:number-rows-repeated='x'>{row}</table:table-row>"
    assert text_by_locator(read_sheet(rows)) == [("S!A1:B1", "S\n\na | b")]


def test_spaces_tabs_and_line_breaks_in_a_cell_become_one_space():
    row = cell("a<text:s text:c='4'/>b<text:tab/>c<text:line-break/>d")
    assert read_sheet(f"<table:table-row>{row}</table:table-row>").text == "S\n\na b c d"


def test_a_row_of_text_and_years_is_a_header_and_a_row_of_numbers_is_not():
    def row(*values):
        cells = [
            cell(value, f"office:value-type='{'float' if value.isdecimal() else 'string'}'")
            for value in values
        ]
        return f"<table:table-row>{''.join(cells)}</table:table-row>"

    data = row("North", "1", "2")
    assert split_tables(read_sheet(row("Region", "2023", "2024") + data))[0][0] == (
        "Region | 2023 | 2024\n"
    )
    assert split_tables(read_sheet(row("Region", "7", "8") + data))[0][0] == ""


def test_pictures_are_described_and_shapes_on_the_sheet_are_read():
    picture = (
        "<draw:frame draw:name='Image 1'><draw:image><text:p/></draw:image><svg:title>x</svg:title>"
        "<svg:desc>Plan of the pump room</svg:desc></draw:frame>"
    )
    shapes = (
        f"<table:shapes>{picture.replace('pump', 'boiler')}<draw:frame><draw:text-box>"
        "<text:p>Read <text:span>this</text:span></text:p><text:p>first.</text:p></draw:text-box>"
        "</draw:frame></table:shapes>"
    )
    rows = (
        f"{shapes}<table:table-row>{cell('Item')}{cell('Plan')}</table:table-row><table:table-row>"
        f"{cell('Pump')}<table:table-cell>{picture}</table:table-cell></table:table-row>"
    )
    assert text_by_locator(read_sheet(rows)) == [
        ("S!A1:B1", "S\n\nItem | Plan"),
        ("S!A2", "Pump"),
        ("S!A1", "[Plan of the boiler room]"),
        ("S!A1", "Read this"),
        ("S!A1", "first."),
        ("S!B2", "[Plan of the pump room]"),
    ]
