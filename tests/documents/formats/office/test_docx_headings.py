"""Headings by size and weight, in docx files whose styles are a publisher's own."""

from ragkit.documents.formats.office.docx import read_docx
from tests.documents.files import make_docx, paragraph

TEXT = "Ships that enter the harbour pay dues on the day of their arrival, by weight."
STYLES = (
    '<w:docDefaults><w:rPrDefault><w:rPr><w:sz w:val="22"/></w:rPr></w:rPrDefault></w:docDefaults>'
    '<w:style w:type="paragraph" w:styleId="PubText"><w:name w:val="Pub Text"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="PubA"><w:name w:val="Pub A"/><w:rPr><w:b/>'
    '<w:sz w:val="36"/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="PubB"><w:name w:val="Pub B"/><w:basedOn w:val="PubA"/>'
    '<w:rPr><w:sz w:val="28"/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="PubC"><w:name w:val="Pub C"/><w:rPr><w:b/></w:rPr>'
    "</w:style>"
)


def run(text, properties):
    return f"<w:p><w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def headings(*paragraphs, styles=STYLES):
    document = read_docx(make_docx("".join(paragraphs), styles=styles), "a.docx")
    return [(heading.level, heading.text) for heading in document.headings]


def test_headings_have_larger_or_bold_letters():
    text = paragraph(TEXT, "PubText") * 4
    assert headings(
        paragraph("Harbour rules", "PubA"), text, paragraph("Dues", "PubB"), text,
        paragraph("By weight", "PubC"), text, paragraph("Cranes", "PubB"), text,
        paragraph("The harbour office ends its day at five.", "PubC"), text,
    ) == [
        (1, "Harbour rules"), (2, "Dues"), (3, "By weight"), (2, "Cranes"),
    ]  # fmt: skip


def test_letters_may_be_set_on_the_text_itself():
    text = paragraph(TEXT) * 4
    assert headings(
        run("Dues", '<w:sz w:val="32"/>'), text, run("Cranes", "<w:b/>"), text,
        run("Not bold", '<w:b w:val="0"/>'), text, styles="",
    ) == [(1, "Dues"), (2, "Cranes")]  # fmt: skip


def test_styles_that_are_headings_decide_alone():
    styles = STYLES + (
        '<w:style w:type="paragraph" w:styleId="H"><w:name w:val="heading 2"/></w:style>'
    )
    text = paragraph(TEXT) * 4
    found = headings(paragraph("Dues", "H"), text, paragraph("Large", "PubA"), text, styles=styles)
    assert found == [(2, "Dues")]


def test_text_that_is_large_or_bold_throughout_has_no_headings():
    assert headings(*[paragraph("Dues of the day", "PubA"), paragraph("Cranes", "PubC")] * 5) == []
    assert headings(paragraph("Dues", "PubA")) == []
    cell = f"<w:tbl><w:tr><w:tc>{paragraph('Dues', 'PubA')}</w:tc></w:tr></w:tbl>"
    assert headings(cell, paragraph(TEXT) * 4) == []
