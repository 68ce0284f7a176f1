"""Pictures in cells: the description stands for the error that Excel stores."""

from ragkit.documents.formats.office.spreadsheets.xlsx import read_xlsx
from tests.documents.files import make_zip
from tests.documents.office_files import OOXML, relationships_part

RICH = 'xmlns="http://schemas.microsoft.com/office/spreadsheetml/2017/richdata"'
XLRD = 'xmlns:xlrd="http://schemas.microsoft.com/office/spreadsheetml/2017/richdata"'


def test_a_picture_in_a_cell_is_read_by_its_description():
    cells = "".join(f'<c t="e" vm="{number}"><v>#VALUE!</v></c>' for number in (1, 2, 9))
    data = make_zip(
        {
            "xl/workbook.xml": f'<workbook {OOXML}><sheets><sheet name="S" r:id="r"/></sheets>'
            "</workbook>",
            "xl/_rels/workbook.xml.rels": relationships_part(("r", "worksheet", "sheet.xml")),
            "xl/sheet.xml": f"<worksheet {OOXML}><sheetData><row>{cells}</row></sheetData>"
            "</worksheet>",
            "xl/metadata.xml": f'<metadata {OOXML} {XLRD}><futureMetadata><bk><xlrd:rvb i="0"/>'
            '</bk><bk><xlrd:rvb i="1"/></bk></futureMetadata><valueMetadata><bk><rc v="0"/></bk>'
            '<bk><rc v="1"/></bk></valueMetadata></metadata>',
            "xl/richData/rdrichvalue.xml": f'<rvData {RICH}><rv s="0"><v>0</v><v>5</v>'
            '<v>Photo of pump</v></rv><rv s="0"><v>1</v><v>5</v></rv></rvData>',
            "xl/richData/rdrichvaluestructure.xml": f'<rvStructures {RICH}><s t="_localImage">'
            '<k n="_rvRel:LocalImageIdentifier"/><k n="CalcOrigin"/><k n="Text"/></s>'
            "</rvStructures>",
        }
    )
    assert read_xlsx(data, "a.xlsx").text == "S\n\nPhoto of pump | [picture] | #VALUE!"
