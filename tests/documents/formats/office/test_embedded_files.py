"""Files in Office files are members."""

import struct

from ragkit.documents.read import read_all
from tests.documents.files import PNG, make_docx, make_zip, paragraph, read_zip
from tests.documents.mail_files import make_ole2
from tests.documents.office_files import make_xlsx, relationships_part, rows


def native(label, content):
    head = b"\2\0" + label + b"\0" + b"C:\\" + label + b"\0" + b"\0\0\3\0" + struct.pack("<I", 4)
    body = head + b"abc\0" + struct.pack("<I", len(content)) + content
    return struct.pack("<I", len(body)) + body


def records(embedded, links=""):
    files = read_zip(make_docx(paragraph("outer")))
    parts = {f"word/embeddings/{name}": content for name, content in embedded.items()}
    data = make_zip({**files, **parts, **links} if links else {**files, **parts})
    return {
        record.name: record.document.text if record.document else record.kind
        for record in read_all(data, "a.docx")
    }


def test_documents_packed_files_and_objects_are_read():
    sheet = make_xlsx({"S": rows(["part", "price"])})
    assert records(
        {
            "a.xlsx": sheet,
            "b.bin": make_ole2({"\x01Ole10Native": native(b"notes.txt", b"packed words")}),
            "c.bin": make_ole2({"Package": make_docx(paragraph("inner"))}),
            "d.bin": make_ole2({"Equation Native": b"x"}),
            "e.bin": make_ole2({"WordDocument": b"x"}),
        }
    ) == {
        "": "outer",
        "a.xlsx": "S\n\npart | price",
        "notes.txt": "packed words",
        "c.bin": "inner",
        "e.bin": "damaged",
    }


def test_the_workbook_of_a_chart_is_left_out():
    link = relationships_part(("p", "package", "../embeddings/a.xlsx"))
    links = {"word/charts/chart1.xml": "<c/>", "word/charts/_rels/chart1.xml.rels": link}
    assert records({"a.xlsx": make_xlsx({"S": rows(["a", 1])})}, links) == {"": "outer"}


def test_pictures_in_a_document_are_read_as_images():
    data = make_zip({
        "word/document.xml": '<w:document xmlns:w="http://schemas.openxmlformats.org/'
        'wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Text</w:t></w:r></w:p></w:body>'
        "</w:document>",
        "word/media/image1.png": PNG,
        "word/media/drawing.emf": b"x",
    })  # fmt: skip
    document, picture = read_all(data, "a.docx")
    assert (document.document.text, picture.name) == ("Text", "image1.png")
    assert (picture.kind, picture.skipped) == ("image", True)
