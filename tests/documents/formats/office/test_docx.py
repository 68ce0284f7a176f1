"""docx: paragraphs, styles, lists, tables, notes and comments; damaged and malicious files."""

import pytest

from ragkit.documents.formats.office.docx import read_docx
from ragkit.errors import DocumentError
from ragkit.records.documents import Table
from tests.documents.files import STRICT, TRANSITIONAL, make_docx, make_zip, paragraph


def style(key, name, base="", properties=""):
    return (
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/>'
        f'<w:basedOn w:val="{base}"/><w:pPr>{properties}</w:pPr></w:style>'
    )


STYLES = (
    style("berschrift1", "heading 1")
    + style("Eigene", "Mine", "berschrift1", '<w:outlineLvl w:val="1"/>')
    + style("Heir", "Heir", "Eigene")
    + style("Titel", "Title")
    + style("Verzeichnis1", "toc 1")
    + style("Liste", "List Bullet", "", '<w:numPr><w:numId w:val="4"/></w:numPr>')
    + style("Loop", "a", "Loop")
)
IN_LIST = '<w:numPr><w:ilvl w:val="1"/><w:numId w:val="2"/></w:numPr>'


def text(body, **parts):
    return read_docx(make_docx(body, **parts), "a.docx").text


@pytest.mark.parametrize("namespace", [TRANSITIONAL, STRICT])
def test_headings_by_style_in_every_language(namespace):
    body = (
        paragraph("The report", "Titel")
        + paragraph("First", "berschrift1")
        + paragraph("text", "Loop")
        + paragraph("Second", "Eigene")
        + paragraph("Third", "Heir")
        + paragraph("Own", "", '<w:outlineLvl w:val="3"/>')
        + paragraph("Not one", "berschrift1", '<w:outlineLvl w:val="9"/>')
    )
    document = read_docx(make_docx(body, namespace, styles=STYLES), "a.docx")
    assert document.title == "The report"
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "The report"),
        (1, "First"),
        (2, "Second"),
        (2, "Third"),
        (4, "Own"),
    ]
    for heading in document.headings:
        assert document.text[heading.start : heading.end] == heading.text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>", "a\tb\nc"),
        ("<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>a</w:t></w:r></w:p>", "a"),
        (
            "<w:p><w:del><w:r><w:delText>x</w:delText></w:r></w:del><w:ins><w:r><w:t>a</w:t></w:r>"
            "</w:ins><w:moveFrom><w:r><w:t>y</w:t></w:r></w:moveFrom></w:p>",
            "a",
        ),
        ("<w:p><w:r><w:instrText>PAGE</w:instrText><w:t>a</w:t></w:r></w:p>", "a"),
        (
            "<w:p><mc:AlternateContent><mc:Choice><w:t>a</w:t></mc:Choice><mc:Fallback><w:t>a</w:t>"
            "</mc:Fallback></mc:AlternateContent></w:p>",
            "a",
        ),
        (
            "<w:p><w:r><w:t>anchor</w:t></w:r><w:txbxContent>"
            + paragraph("box")
            + "</w:txbxContent></w:p>",
            "box\n\nanchor",
        ),
        (
            paragraph("a", "Liste") + paragraph("b", "Liste", IN_LIST) + paragraph("c"),
            "- a\n  - b\n\nc",
        ),
        (paragraph("Contents 1", "Verzeichnis1") + paragraph("a"), "a"),
        (
            "<w:sdt><w:sdtContent>" + paragraph("in a control") + "</w:sdtContent></w:sdt>",
            "in a control",
        ),
    ],
)
def test_text_of_paragraphs(body, expected):
    assert text(body, styles=STYLES) == expected


def test_each_table_row_is_a_line():
    cell = "<w:tc>{}</w:tc>"
    rows = [["Name", "Days"], ["Parental", "130"]]
    table = "".join(
        "<w:tr>" + "".join(cell.format(paragraph(words)) for words in row) + "</w:tr>"
        for row in rows
    )
    body = paragraph("Before") + f"<w:tbl>{table}</w:tbl>" + paragraph("After")
    document = read_docx(make_docx(body), "a.docx")
    assert document.text == "Before\n\nName | Days\nParental | 130\n\nAfter"
    assert document.tables == (
        Table(8, 34, 20),
    )  # without further marks the first row is the header


def test_notes_come_last_without_separators():
    notes = (
        f'<w:footnote w:type="separator">{paragraph("----")}</w:footnote>'
        f"<w:footnote>{paragraph('A note.')}</w:footnote>"
    )
    assert text(paragraph("Text."), footnotes=notes) == "Text.\n\nA note."


def test_comments_have_their_author():
    comments = f'<w:comment w:author="Ada  L">{paragraph("Why?")}{paragraph("Say.")}</w:comment>'
    comments += f"<w:comment>{paragraph('x')}</w:comment>"
    assert text(paragraph("Text."), comments=comments) == (
        "Text.\n\nComment by Ada L: Why?\n\nSay.\n\nComment: x"
    )


def test_headers_and_footers_are_added_once_without_page_numbers():
    number = (
        "<w:p><w:r><w:t>Page </w:t></w:r><w:r><w:instrText> PAGE </w:instrText></w:r>"
        "<w:r><w:t>1</w:t></w:r></w:p>"
        '<w:p><w:fldSimple w:instr="NUMPAGES"><w:r><w:t>9</w:t></w:r></w:fldSimple></w:p>'
    )
    extracted = text(
        paragraph("Text.") + number,
        header1=paragraph("Acme Ltd") + number,
        header2=paragraph("Acme Ltd"),
        footer1=paragraph("Confidential"),
    )
    assert extracted == "Text.\n\nPage 1\n\n9\n\nConfidential\n\nAcme Ltd"


def test_the_style_before_a_tracked_change_is_ignored():
    old = '<w:pPrChange><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr></w:pPrChange>'
    assert read_docx(make_docx(paragraph("x", "", old), styles=STYLES), "a.docx").headings == ()


def test_the_title_property_unless_it_is_a_placeholder():
    core = "<dc:title>Leave policy</dc:title><dc:creator>Ada</dc:creator>"
    document = read_docx(make_docx(paragraph("x"), core=core), "a.docx")
    assert (document.title, document.metadata) == ("Leave policy", {"author": "Ada"})
    core = "<dc:title>Word Document</dc:title>"
    assert read_docx(make_docx(paragraph("x"), core=core), "a.docx").title is None


def billion_laughs():
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">'
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    return f'<!DOCTYPE x [{entities}]><w:document xmlns:w="{TRANSITIONAL}">&i;</w:document>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_zip({"word/document.xml": billion_laughs()}), "declares entities"),
        (make_zip({"word/document.xml": billion_laughs().encode("utf-16")}), "declares entities"),
        (make_zip({"word/document.xml": " " * 65_000_000}), "document.xml inflates to over 64 MB"),
        (make_zip({"word/document.xml": "<w:p"}), "damaged docx: word/document.xml: "),
        (make_zip({"other.xml": ""}), "damaged docx: it has no word/document.xml"),
        (make_docx(paragraph("x"))[:-30], "damaged docx: "),
        (b"PK\x03\x04", "damaged docx: "),
    ],
)
def test_damaged_and_malicious_files_are_refused(data, reason):
    with pytest.raises(DocumentError, match=reason) as caught:
        read_docx(data, "a.docx")
    assert not caught.value.skipped


def test_an_encrypted_member_needs_a_password():
    data = bytearray(make_docx(paragraph("x")))
    data[6] |= 1  # the "encrypted" flag: in the local header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DocumentError, match="encrypted docx: needs a password"):
        read_docx(bytes(data), "a.docx")


def test_elements_nested_a_hundred_thousand_deep_are_read():
    deep = "<w:sdt>" * 100_000 + paragraph("down here") + "</w:sdt>" * 100_000
    assert text(deep) == "down here"


def test_nested_tables_take_linear_time():
    table = "<w:tbl><w:tr><w:tc>" + paragraph("x")
    deep = table * 20_000 + "</w:tc></w:tr></w:tbl>" * 20_000
    assert text(deep).split() == ["x"] * 20_000


def test_a_real_file(real_files):
    document = read_docx((real_files / "office/unit_test_headers.docx").read_bytes(), "a.docx")
    assert document.title == "Test Document"
    assert (2, "Section 1.1") in [(heading.level, heading.text) for heading in document.headings]


def run(content, properties=""):
    return f"<w:r><w:rPr>{properties}</w:rPr>{content}</w:r>"


def field(*parts):
    """Return a complex field: instruction, then result."""
    marks = [run(f'<w:fldChar w:fldCharType="{kind}"/>') for kind in ("begin", "separate", "end")]
    return marks[0] + parts[0] + marks[1] + parts[1] + marks[2]


RAISED = '<w:vertAlign w:val="superscript"/>'
LOWERED = '<w:vertAlign w:val="subscript"/>'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (run("<w:t>2</w:t>") + run("<w:t>6</w:t>", RAISED) + run("<w:t>4</w:t>", RAISED), "2^64"),
        (run("<w:t>H</w:t>") + run("<w:t>2</w:t>", LOWERED) + run("<w:t>O</w:t>"), "H2O"),
        (run('<w:sym w:char="F061" w:font="Symbol"/>') + run("<w:t> b</w:t>"), "α b"),
        (run("<w:t>\uf0fc b</w:t>", '<w:rFonts w:ascii="Wingdings"/>'), "✓ b"),
        (
            field(
                run("<w:instrText>IF </w:instrText>")
                + field(run("<w:instrText>MERGEFIELD x</w:instrText>"), run("<w:t>inner</w:t>")),
                run("<w:t>outer</w:t>"),
            ),
            "outer",
        ),
        (
            run("<w:fldChar w:fldCharType='begin'><w:ffData><w:checkBox><w:default w:val='1'/>"
                "</w:checkBox></w:ffData></w:fldChar>") + run("<w:t> yes</w:t>"),
            "☒ yes",
        ),
        (run("<w:drawing><docPr descr='Plan of the pump'/></w:drawing>"), "[Plan of the pump]"),
        (run("<w:drawing><docPr descr='image1.png'/></w:drawing>") + run("<w:t>a</w:t>"), "a"),
    ],
)  # fmt: skip
def test_runs_fields_symbols_and_pictures(content, expected):
    assert text(f"<w:p>{content}</w:p>") == expected
