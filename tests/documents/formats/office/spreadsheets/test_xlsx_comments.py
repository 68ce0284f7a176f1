"""Threads and classic notes of a sheet."""

from ragkit.documents.formats.office.spreadsheets.xlsx import read_xlsx
from tests.documents.files import make_zip
from tests.documents.office_files import OOXML, relationships_part, rows, text_by_locator

THREADS = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"


def test_notes_beside_threads_are_read_and_copies_of_threads_are_not():
    note = '<comment ref="{}"><text><r><t>{}</t></r></text></comment>'
    data = make_zip(
        {
            "xl/workbook.xml": f'<workbook {OOXML}><sheets><sheet name="S" r:id="r"/></sheets>'
            "</workbook>",
            "xl/_rels/workbook.xml.rels": relationships_part(("r", "worksheet", "sheet.xml")),
            "xl/sheet.xml": f"<worksheet {OOXML}>{rows(['hinge', 40])}</worksheet>",
            "xl/_rels/sheet.xml.rels": relationships_part(
                ("c", "comments", "comments.xml"), ("t", "threadedComment", "threads.xml")
            ),
            "xl/comments.xml": f"<comments {OOXML}>{note.format('A1', 'Ask Brno')}"
            f"{note.format('B1', '[Threaded comment] copy')}</comments>",
            "xl/threads.xml": f'<ThreadedComments xmlns="{THREADS}"><threadedComment ref="B1">'
            "<text>Too few</text></threadedComment></ThreadedComments>",
        }
    )
    assert text_by_locator(read_xlsx(data, "a.xlsx")) == [
        ("S!A1:B1", "S\n\nhinge | 40"),
        ("S!B1", "Comment on B1: Too few"),
        ("S!A1", "Comment on A1: Ask Brno"),
    ]
