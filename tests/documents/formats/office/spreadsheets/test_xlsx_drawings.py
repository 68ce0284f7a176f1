"""Text boxes, charts, diagrams and pictures over the cells of a sheet."""

from ragkit.documents.formats.office.spreadsheets.xlsx import read_xlsx
from tests.documents.files import make_zip
from tests.documents.office_files import OOXML, relationships_part, rows, text_by_locator

XDR = 'xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"'
CHART = (
    "<c:chart><c:title><a:t>Costs</a:t></c:title><c:ser><c:tx><c:v>2023</c:v></c:tx>"
    '<c:cat><c:pt idx="0"><c:v>Brno</c:v></c:pt></c:cat>'
    '<c:val><c:pt idx="0"><c:v>17</c:v></c:pt></c:val></c:ser></c:chart>'
)


def anchor(content, column=0, row=0):
    return (
        f"<xdr:twoCellAnchor><xdr:from><xdr:col>{column}</xdr:col><xdr:row>{row}</xdr:row>"
        f"</xdr:from><xdr:to><xdr:col>99</xdr:col><xdr:row>99</xdr:row></xdr:to>{content}"
        "</xdr:twoCellAnchor>"
    )


def test_drawings_follow_the_rows_with_their_cell():
    box = "<xdr:sp><xdr:txBody><a:p><a:r><a:t>Only</a:t></a:r><a:r><a:t> an estimate</a:t></a:r>"
    box += "</a:p></xdr:txBody></xdr:sp>"
    picture = '<xdr:pic><xdr:cNvPr name="Picture 1" descr="Plan of the depot"/></xdr:pic>'
    drawing = anchor(box, 3, 1) + anchor("<c:chart r:id='c'/>", 0, 9) + anchor(picture, 27, 4)
    data = make_zip(
        {
            "xl/workbook.xml": f'<workbook {OOXML}><sheets><sheet name="S" r:id="r"/>'
            '<sheet name="Chart" r:id="s"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relationships_part(
                ("r", "worksheet", "sheet.xml"), ("s", "chartsheet", "chartsheet.xml")
            ),
            "xl/sheet.xml": f"<worksheet {OOXML}>{rows(['a', 1])}</worksheet>",
            "xl/_rels/sheet.xml.rels": relationships_part(("d", "drawing", "drawing.xml")),
            "xl/chartsheet.xml": f"<chartsheet {OOXML}/>",
            "xl/_rels/chartsheet.xml.rels": relationships_part(("d", "drawing", "other.xml")),
            "xl/drawing.xml": f"<xdr:wsDr {XDR} {OOXML}>{drawing}</xdr:wsDr>",
            "xl/_rels/drawing.xml.rels": relationships_part(("c", "chart", "chart.xml")),
            "xl/other.xml": f"<xdr:wsDr {XDR} {OOXML}>{anchor(box)}</xdr:wsDr>",
            "xl/chart.xml": f"<c:chartSpace {OOXML}>{CHART}</c:chartSpace>",
        }
    )
    assert text_by_locator(read_xlsx(data, "a.xlsx")) == [
        ("S!A1:B1", "S\n\na | 1"),
        ("S!D2", "Only an estimate"),
        ("S!A10", "Costs\n| 2023\nBrno | 17"),
        ("S!AB5", "[Plan of the depot]"),
        ("Chart!A1", "Chart\n\nOnly an estimate"),
    ]
