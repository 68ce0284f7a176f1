"""Visio: the texts of the shapes, page by page."""

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError
from tests.documents.files import make_zip

NS = 'xmlns="http://schemas.microsoft.com/office/visio/2012/main"'
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPE = "http://schemas.microsoft.com/visio/2010/relationships/page"


def drawing(**pages):
    """Return a vsdx file with these pages: name → XML of its shapes and connections."""
    ids = range(1, len(pages) + 1)
    listed = "".join(
        f'<Page ID="{n}" Name="{name}"><Rel r:id="rId{n}"/></Page>'
        for n, name in zip(ids, pages, strict=True)
    )
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{TYPE}" Target="page{n}.xml"/>' for n in ids
    )
    r = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    members = {
        "visio/document.xml": f"<VisioDocument {NS}/>",
        "visio/pages/pages.xml": f"<Pages {NS} {r}>{listed}</Pages>",
        "visio/pages/_rels/pages.xml.rels": f'<Relationships xmlns="{RELATIONS}">{relations}'
        "</Relationships>",
    }
    for n, content in zip(ids, pages.values(), strict=True):
        members[f"visio/pages/page{n}.xml"] = f"<PageContents {NS}>{content}</PageContents>"
    return make_zip(members)


def test_each_page_is_a_section_with_its_connections():
    one = (
        '<Shapes><Shape ID="1"><Text>Edge <cp IX="0"/>router</Text></Shape>'
        '<Shape ID="2"><Shapes><Shape ID="3"><Text>Core</Text></Shape></Shapes></Shape>'
        '<Shape ID="4"><Text>fibre</Text></Shape></Shapes><Connects>'
        '<Connect FromSheet="4" FromCell="BeginX" ToSheet="1"/>'
        '<Connect FromSheet="4" FromCell="EndX" ToSheet="3"/></Connects>'
    )
    two = '<Shapes><Shape ID="1"><Text>Rack</Text></Shape></Shapes>'
    document = read(drawing(Network=one, Room=two), "a.vsdx")
    assert document.text == (
        "Network\n\nEdge router\n\nCore\n\nEdge router → Core: fibre\n\nRoom\n\nRack"
    )
    assert [document.text[start:][:4] for start in document.pages] == ["Netw", "Room"]


def test_a_drawing_without_text_is_no_document():
    with pytest.raises(DocumentError, match=r"^a drawing without text$"):
        read(drawing(Empty="<Shapes/>"), "a.vsdx")
