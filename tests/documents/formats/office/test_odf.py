"""odt, odp and ods: what stands in content.xml, in the order it is read."""

import io
import zipfile

import pytest

from ragkit.documents import detect, read
from ragkit.documents.formats.office.odf import read_odp, read_ods, read_odt
from ragkit.errors import DocumentError
from ragkit.records import media_types
from tests.documents.files import make_zip
from tests.documents.office_files import make_odf, text_by_locator, split_tables


def text(body, **parts):
    return read_odt(make_odf("text", body, **parts), "a.odt").text


def table(*rows, tag="table:table-row"):
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    lines = (f"<{tag}>{''.join(map(cell.format, row))}</{tag}>" for row in rows)
    return f"<table:table>{''.join(lines)}</table:table>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "<text:p>a\n  b<text:s text:c='3'/>c<text:tab/>d<text:line-break/>e</text:p>",
            "a b c\td\ne",
        ),
        ("<text:p>a <text:span>b</text:span> <text:a>c</text:a></text:p><text:p/>", "a b c"),
        (
            "<text:list><text:list-item><text:p>a</text:p><text:list><text:list-item><text:p>b"
            "</text:p></text:list-item></text:list></text:list-item></text:list><text:p>c</text:p>",
            "- a\n  - b\n\nc",
        ),
        (
            "<text:p>Word<text:note><text:note-citation>1</text:note-citation><text:note-body>"
            "<text:p>A note.</text:p></text:note-body></text:note> goes on.</text:p>"
            "<text:p>x</text:p>",
            "Word goes on.\n\nx\n\nA note.",
        ),
        (
            "<text:p>Word<office:annotation><dc:creator>Ada</dc:creator><dc:date>2024</dc:date>"
            "<text:p>Why?</text:p></office:annotation>.</text:p>",
            "Word.\n\nComment by Ada: Why?",
        ),
        (
            "<text:tracked-changes><text:deletion><text:p>gone</text:p></text:deletion>"
            "</text:tracked-changes><text:p>here</text:p>",
            "here",
        ),
        (
            "<text:p>anchor<draw:frame><svg:desc>alt</svg:desc><draw:text-box><text:p>box</text:p>"
            "</draw:text-box></draw:frame></text:p>",
            "box\n\nanchor",
        ),
        (
            "<text:table-of-content><text:index-body><text:p>One 1</text:p></text:index-body>"
            "</text:table-of-content><text:h text:outline-level='1'>One</text:h>",
            "One",
        ),
        (table(["A", "B"], ["1", ""], ["2", "3"]), "A | B\n1 |\n2 | 3"),
    ],
)
def test_layout(body, expected):
    assert text(body) == expected


def test_headings_title_and_properties():
    body = (
        "<text:p text:style-name='P1'>The report</text:p>"
        "<text:h text:outline-level='2'>Part</text:h>"
    )
    styles = "<style:style style:name='P1' style:parent-style-name='Title'/>"
    meta = (
        "<meta:initial-creator>Ada</meta:initial-creator><dc:creator>Bob</dc:creator>"
        "<meta:creation-date>2023-05-04</meta:creation-date><dc:date>2024-01-02</dc:date>"
    )
    document = read_odt(make_odf("text", body, meta, styles=styles), "a.odt")
    assert document.title == "The report"
    assert [(each.level, each.text) for each in document.headings] == [
        (1, "The report"),
        (2, "Part"),
    ]
    assert document.metadata == {
        "author": "Ada, Bob",
        "created": "2023-05-04",
        "modified": "2024-01-02",
    }
    named = make_odf("text", body, "<dc:title>Named</dc:title>")
    assert read_odt(named, "a.odt").title == "Named"


def test_headers_and_footers_come_once_and_without_page_numbers():
    header = "<style:header><text:p>Acme Ltd</text:p></style:header>"
    footer = (
        "<style:footer><text:p>Page <text:page-number>1</text:page-number></text:p></style:footer>"
    )
    assert text("<text:p>x</text:p>", pages=header + footer + header) == "x\n\nAcme Ltd"


def test_tables_know_their_header():
    document = read_odt(make_odf("text", table(["A", "B"], ["1", "2"])), "a.odt")
    assert split_tables(document) == [("A | B\n", "1 | 2")]


def test_slides_have_their_title_first_and_their_notes_last():
    frame = (
        "<draw:frame presentation:class='{}'><draw:text-box><text:p>{}</text:p></draw:text-box>"
        "</draw:frame>"
    )
    slide = (
        "<draw:page>"
        + frame.format("outline", "Point")
        + frame.format("page-number", "7")
        + "<presentation:notes>"
        + frame.format("notes", "Say it")
        + "</presentation:notes>"
        + frame.format("title", "Plan")
        + "</draw:page>"
    )
    document = read_odp(make_odf("presentation", slide + "<draw:page/>" + slide), "a.odp")
    assert text_by_locator(document) == [
        (number, "Plan\n\nPoint\n\nNotes: Say it") for number in "13"
    ]
    assert [each.text for each in document.headings] == ["Plan", "Plan"]
    assert document.title == "Plan"


def test_sheets_count_the_rows_and_cells_that_are_left_out():
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


def test_one_cell_that_stands_for_all_of_a_sheet_does_not_multiply():
    body = (
        "<table:table table:name='S'><table:table-row table:number-rows-repeated='1048576'>"
        "<table:table-cell table:number-columns-repeated='16384'><text:p>x</text:p>"
        "</table:table-cell></table:table-row></table:table>"
    )
    assert len(read_ods(make_odf("spreadsheet", body), "a.ods").text) < 20_000_000


def test_templates_and_drawings_read_like_the_rest():
    data = make_odf("text-template", "<text:p>x</text:p>")
    assert read(data, "a.ott").media_type == media_types.ODT
    data = make_odf("graphics", "<draw:page><text:p>x</text:p></draw:page>")
    assert read(data, "a.odg").locators[0].value == "1"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            make_odf("text", "", manifest="<manifest:encryption-data/>"),
            "encrypted odt: needs a password",
        ),
        (make_zip({"mimetype": ""}), "damaged odt: it has no content.xml"),
        (make_odf("text", "<text:p>"), "damaged odt: content.xml: mismatched tag"),
        (make_odf("text", "x")[:-30], "damaged odt: "),
        (
            make_zip(
                {"content.xml": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>"}
            ),
            "content.xml declares entities",
        ),
    ],
)
def test_broken_files_and_traps_are_refused(data, reason):
    with pytest.raises(DocumentError, match=reason):
        read_odt(data, "a.odt")


@pytest.mark.parametrize(("kind", "reader"), [("text", read_odt), ("spreadsheet", read_ods)])
def test_damaged_content_is_read_as_far_as_it_goes(kind, reader):
    row = (
        "<table:table-row><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"
    )
    document = reader(make_odf(kind, f"<table:table>{row}</table:table><text:p>"), "a")
    assert document.text.endswith("x")
    assert document.warnings == ("content.xml is damaged: read as far as it goes",)


def test_an_external_entity_is_never_looked_up(tmp_path):
    (tmp_path / "secret.dtd").write_text("<!ENTITY secret 'secret'>")
    content = (
        f"<!DOCTYPE x SYSTEM '{tmp_path}/secret.dtd'><x xmlns:text="
        "'urn:oasis:names:tc:opendocument:xmlns:text:1.0'><text:p>a&secret;b</text:p></x>"
    )
    assert read_odt(make_zip({"content.xml": content}), "a.odt").text == "ab"


@pytest.mark.parametrize("tag", ["text:section", "text:list", "draw:frame"])
def test_a_nest_a_hundred_thousand_deep_is_read(tag):
    deep = f"<{tag}>" * 100_000 + "<text:p>x</text:p>" + f"</{tag}>" * 100_000
    assert text(deep).strip() == "x"


def test_comments_on_cells_come_after_the_rows_of_their_sheet():
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


def test_a_package_that_another_program_has_packed_again_is_what_it_says():
    whole = zipfile.ZipFile(io.BytesIO(make_odf("spreadsheet", "")))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in reversed(whole.namelist()):
            archive.writestr(name, whole.read(name))
    assert detect.media_type(packed.getvalue(), "a.zip") == media_types.ODS
