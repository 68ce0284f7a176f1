"""Text in another format that a Word file contains as a part of its own."""

import pytest

from ragkit.documents.formats.office.docx import read_docx
from tests.documents.files import make_docx, make_zip, paragraph
from tests.documents.office_files import OOXML, relationships_part

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def read(content, name):
    body = paragraph("Before") + "<w:altChunk r:id='a'/>" + paragraph("After")
    return read_docx(
        make_zip({
            "word/document.xml": f"<w:document {W} {OOXML}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": relationships_part(("a", "aFChunk", name)),
            f"word/{name}": content,
        }),
        "a.docx",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<html><body><h2>Roof</h2><p>In May</p></body></html>", "chunk.html"),
        (b"{\\rtf1{\\stylesheet{\\s1 heading 2;}}\\s1 Roof\\par\\pard In May\\par}", "chunk.rtf"),
    ],
)
def test_the_text_stands_at_its_place(content, name):
    document = read(content, name)
    assert document.text == "Before\n\nRoof\n\nIn May\n\nAfter"
    assert [(heading.level, heading.text) for heading in document.headings] == [(2, "Roof")]


def test_what_is_not_read_is_a_warning():
    document = read(make_docx(paragraph("inner")), "chunk.docx")
    assert document.text == "Before\n\nAfter"
    assert document.warnings == ("word/chunk.docx is part of the text and is not read",)
