"""Charts and diagrams of text documents."""

from ragkit.documents.formats.office.docx import read_docx
from tests.documents.files import make_zip, paragraph
from tests.documents.office_files import OOXML, relationships_part

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
CHART = (
    "<c:chart><c:title><a:t>Complaints</a:t></c:title><c:ser><c:tx><c:v>2023</c:v></c:tx>"
    '<c:cat><c:pt idx="0"><c:v>Brno</c:v></c:pt></c:cat>'
    '<c:val><c:pt idx="0"><c:v>17</c:v></c:pt></c:val></c:ser></c:chart>'
)
DIAGRAM = "<dgm:pt><a:p><a:r><a:t>Order</a:t></a:r></a:p></dgm:pt>"


def test_a_chart_and_a_diagram_follow_their_paragraph():
    body = (
        paragraph("Before") + "<w:p><w:r><w:drawing><c:chart r:id='c'/></w:drawing></w:r></w:p>"
        "<w:p><w:r><w:drawing><dgm:relIds r:dm='d'/></w:drawing></w:r></w:p>" + paragraph("After")
    )
    data = make_zip({
        "word/document.xml": f"<w:document {W} {OOXML}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relationships_part(
            ("c", "chart", "charts/chart1.xml"), ("d", "diagramData", "diagrams/data1.xml")
        ),
        "word/charts/chart1.xml": f"<c:chartSpace {OOXML}>{CHART}</c:chartSpace>",
        "word/diagrams/data1.xml": f"<dgm:dataModel {OOXML}>{DIAGRAM}</dgm:dataModel>",
    })  # fmt: skip
    text = read_docx(data, "a.docx").text
    assert text == "Before\n\nComplaints\n\n| 2023\nBrno | 17\n\nOrder\n\nAfter"
