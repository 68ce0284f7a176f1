"""Office documents in one XML file have the text of those in a package."""

import re

import pytest

from ragkit.documents.formats.office.flat.flat_xml import read_flat_odf
from ragkit.documents.read import read
from ragkit.errors import DocumentError
from tests.documents.files import make_docx, paragraph, read_zip
from tests.documents.office_files import DC, ODF, make_pptx, make_xlsx, shape

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
WORD = '<?mso-application progid="Word.Document"?>\n'


def flat(kind, body, before=""):
    return (
        f'{HEAD}<office:document {ODF} {DC} office:mimetype="application/vnd.oasis.opendocument.'
        f'{kind}"><office:meta><dc:creator>Ann</dc:creator></office:meta>{before}<office:body>'
        f"<office:{kind}>{body}</office:{kind}></office:body></office:document>"
    )


SHEET = (
    '<table:table table:name="S"><table:table-row><table:table-cell><text:p>words</text:p>'
    "</table:table-cell></table:table-row></table:table>"
)
FOOTER = "<style:footer><text:p>at the foot</text:p></style:footer>"
MASTERS = (
    f"<office:master-styles><style:master-page>{FOOTER}</style:master-page></office:master-styles>"
)


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text", "<text:h text:outline-level='1'>Keys</text:h><text:p>Words.</text:p>",
         "Keys\n\nWords.\n\nat the foot"),
        ("spreadsheet", SHEET, "S\n\nwords"),
        ("presentation", "<draw:page><text:p>a slide</text:p></draw:page>", "a slide"),
    ],
)  # fmt: skip
def test_flat_opendocument_files_are_read_like_packages(kind, body, text):
    document = read(flat(kind, body, MASTERS).encode(), "a.xml")
    assert document.text == text
    assert document.media_type == "application/vnd.oasis.opendocument.text-flat-xml"


def test_a_flat_file_that_is_cut_off_is_read_as_far_as_it_goes():
    whole = flat("text", "<text:p>first</text:p><text:p>second</text:p>")
    document = read(whole[: whole.index("second")].encode(), "a.fodt")
    assert document.text == "first"
    assert document.warnings == ("content.xml is damaged: read as far as it goes",)
    with pytest.raises(DocumentError, match="damaged flat OpenDocument file"):
        read(f"{HEAD}<office:document {ODF}".encode(), "a.fodt")


def test_a_package_in_one_file_is_read_like_docx():
    parts = ""
    for name, content in read_zip(make_docx(paragraph("Words of today"))).items():
        inner = re.sub(r"^<\?xml[^>]*>\s*", "", content.decode())
        data = f"<pkg:xmlData>{inner}</pkg:xmlData>"
        parts += f'<pkg:part pkg:name="/{name}">{data}</pkg:part>'
    namespace = 'xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"'
    data = f"{HEAD}{WORD}<pkg:package {namespace}>{parts}</pkg:package>"
    assert read(data.encode(), "a.xml").text == "Words of today"
    assert read(data.replace("UTF-8", "UTF-16").encode("utf-16"), "a.xml").text == "Words of today"


def test_a_presentation_and_a_workbook_in_one_file_are_read_like_pptx_and_xlsx():
    # PowerPoint saves "PowerPoint XML Presentation (*.xml)" with the same elements as Word.
    namespace = 'xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"'
    for data, text in (
        (make_pptx(shape("a slide")), "a slide"),
        (make_xlsx({"S": "<row><c><v>5</v></c></row>"}), "S\n\n5"),
    ):
        parts = '<pkg:part pkg:name="/"><pkg:xmlData/></pkg:part>'  # damaged: without a name
        for name, content in read_zip(data).items():
            inner = re.sub(r"^<\?xml[^>]*>\s*", "", content.decode())
            parts += f'<pkg:part pkg:name="/{name}"><pkg:xmlData>{inner}</pkg:xmlData></pkg:part>'
        package = f"{HEAD}<pkg:package {namespace}>{parts}</pkg:package>"
        assert read(package.encode(), "a.xml").text == text


def test_signs_in_attributes_end_no_tag_and_entities_are_refused():
    body = flat("text", "<text:p>words</text:p>").replace("<office:body>", "<office:body a='>'>")
    data = body.replace(" office:mimetype", " office:version='1>2' office:mimetype")
    assert read(data.encode(), "a.fodt").text == "words"
    declared = data.replace(HEAD, HEAD + "<!DOCTYPE a [<!ENTITY e '<text:p/>'>]>")
    with pytest.raises(DocumentError, match="entities"):
        read_flat_odf(declared.encode(), "a.fodt")


def test_word_of_2003_is_read_like_docx():
    namespaces = (
        'xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml" xmlns:wx='
        '"http://schemas.microsoft.com/office/word/2003/auxHint"'
    )
    styles = (
        '<w:styles><w:style w:type="paragraph" w:styleId="H"><w:name w:val="heading 1"/>'
        "</w:style></w:styles>"
    )
    picture = (
        '<w:p><w:r><w:pict><w:binData w:name="a.png">aGVsbG8=</w:binData></w:pict></w:r></w:p>'
    )
    body = paragraph("Keys", style="H") + paragraph("Words of 2003") + picture
    data = (
        f"{HEAD}{WORD}<w:wordDocument {namespaces}>{styles}<w:body><wx:sect>{body}</wx:sect>"
        "</w:body></w:wordDocument>"
    )
    document = read(data.encode(), "a.xml")
    assert document.text == "Keys\n\nWords of 2003"
    assert [heading.text for heading in document.headings] == ["Keys"]
