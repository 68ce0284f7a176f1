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


def test_a_shape_shows_the_text_of_its_master_until_it_has_its_own():
    # [MS-VSDX] 2.2.5.3: what a shape does not have, it inherits from its master.
    masters = {
        "4": '<Shapes><Shape ID="5"><Text>Pump</Text><Shapes><Shape ID="6"><Text>12 bar</Text>'
        '</Shape><Shape ID="7"/></Shapes></Shape></Shapes>',
        "8": '<Shapes><Shape ID="5"><Text>Valve</Text></Shape></Shapes>',
    }
    page = (
        '<Shapes><Shape ID="1" Master="4"><Shapes><Shape ID="2" MasterShape="6"/>'
        '<Shape ID="3" MasterShape="7"/></Shapes></Shape>'
        '<Shape ID="11" Master="4"><Text>Own</Text></Shape><Shape ID="12" Master="8"/>'
        '<Shape ID="13" Master="8"><Text/></Shape><Shape ID="14" Master="99"/></Shapes>'
    )
    document = read(make_vsdx(masters, Plan=page), "a.vsdx")
    assert document.text == "Pump\n\n12 bar\n\nOwn\n\nValve"


def test_a_long_text_of_a_master_is_not_shown_without_end():
    masters = {"4": f'<Shapes><Shape ID="5"><Text>{"word " * 80_000}</Text></Shape></Shapes>'}
    shapes = "".join(f'<Shape ID="{number}" Master="4"/>' for number in range(50))
    document = read(make_vsdx(masters, Plan=f"<Shapes>{shapes}</Shapes>"), "a.vsdx")
    assert document.text.count("word") == 160_000
    assert document.warnings == (
        "texts that shapes have from their masters, beyond 1,000,000 characters, are not read",
    )
