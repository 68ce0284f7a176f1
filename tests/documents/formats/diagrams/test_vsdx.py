"""Visio: the texts of the shapes, page by page."""

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError
from tests.documents.visio_files import make_vsdx


def test_each_page_is_a_section_with_its_connections():
    one = (
        '<Shapes><Shape ID="1"><Text>Edge <cp IX="0"/>router</Text></Shape>'
        '<Shape ID="2"><Shapes><Shape ID="3"><Text>Core</Text></Shape></Shapes></Shape>'
        '<Shape ID="4"><Text>fibre</Text></Shape></Shapes><Connects>'
        '<Connect FromSheet="4" FromCell="BeginX" ToSheet="1"/>'
        '<Connect FromSheet="4" FromCell="EndX" ToSheet="3"/></Connects>'
    )
    two = '<Shapes><Shape ID="1"><Text>Rack</Text></Shape></Shapes>'
    document = read(make_vsdx(Network=one, Room=two), "a.vsdx")
    assert document.text == (
        "Network\n\nEdge router\n\nCore\n\nEdge router → Core: fibre\n\nRoom\n\nRack"
    )
    assert [document.text[start:][:4] for start in document.pages] == ["Netw", "Room"]


def test_a_drawing_without_text_is_no_document():
    with pytest.raises(DocumentError, match=r"^a drawing without text$"):
        read(make_vsdx(Empty="<Shapes/>"), "a.vsdx")
