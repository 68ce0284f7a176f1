"""draw.io: pages in plain and in compressed form."""

import base64
import zlib
from urllib.parse import quote

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError

MODEL = (
    '<mxGraphModel><root><mxCell id="0"/><mxCell id="a" value="&lt;b&gt;Load&lt;/b&gt; balancer"'
    ' vertex="1"/><object id="b" label="Postgres primary" tags="x"><mxCell vertex="1"/></object>'
    '<mxCell id="e" edge="1" source="a" target="b" value="replicates to"/></root></mxGraphModel>'
)
LABELS = "Load balancer\n\nPostgres primary\n\nLoad balancer → Postgres primary: replicates to"


def packed(model):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(deflater.compress(quote(model).encode()) + deflater.flush()).decode()


@pytest.mark.parametrize("content", [MODEL, packed(MODEL)], ids=["plain", "compressed"])
@pytest.mark.parametrize("name", ["a.drawio", "a.dio", "a.xml", "a"])
def test_labels_are_read_whatever_the_form(content, name):
    document = read(
        f'<mxfile host="x"><diagram name="Net">{content}</diagram></mxfile>'.encode(), name
    )
    assert (document.text, document.title) == (LABELS, "Net")


def test_each_page_is_a_section():
    pages = f'<diagram name="One">{packed(MODEL)}</diagram><diagram name="Two">{MODEL}</diagram>'
    document = read(f"<mxfile>{pages}</mxfile>".encode(), "a.drawio")
    assert document.text == f"One\n\n{LABELS}\n\nTwo\n\n{LABELS}"
    assert [heading.text for heading in document.headings] == ["One", "Two"]
    assert [document.text[start:][:3] for start in document.pages] == ["One", "Two"]


def test_a_bare_model_is_read_and_damage_is_reported():
    assert read(MODEL.encode(), "a.drawio").text == LABELS
    with pytest.raises(DocumentError, match=r"^damaged draw\.io file: "):
        read(b"<mxfile><diagram>!!!!</diagram></mxfile>", "a.drawio")
    with pytest.raises(DocumentError, match=r"^a drawing without text$"):
        read(b"<mxfile><diagram/></mxfile>", "a.drawio")
