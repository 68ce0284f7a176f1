"""Pictures and files in office documents of one XML file."""

import base64

import pytest

from ragkit.documents.formats.office.flat import flat_files, flat_xml
from ragkit.documents.read import read_all

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
CODE = base64.encodebytes(PIXEL).decode()
ODF = (
    '<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" office:mimetype="a.b.text">'
    "<office:body><office:text><text:p>Words</text:p><draw:frame><draw:image>"
    f"<office:binary-data>{CODE}</office:binary-data></draw:image></draw:frame></office:text>"
    "</office:body></office:document>"
)
WORD = (
    '<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:body><w:p>'
    "<w:r><w:t>Words</w:t></w:r><w:r><w:pict>"
    f'<w:binData w:name="wordml://03000001.png">{CODE}</w:binData></w:pict></w:r></w:p></w:body>'
    "</w:wordDocument>"
)
PART = '<pkg:part pkg:name="/{}"><pkg:{}>{}</pkg:{}></pkg:part>'
BODY = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    "<w:p><w:r><w:t>Words</w:t></w:r></w:p></w:body></w:document>"
)


def package(*others):
    parts = PART.format("word/document.xml", "xmlData", BODY, "xmlData") + "".join(others)
    namespace = "http://schemas.microsoft.com/office/2006/xmlPackage"
    return f'<pkg:package xmlns:pkg="{namespace}">{parts}</pkg:package>'


def records(data):
    found = {record.name: record for record in read_all(data.encode(), "a.xml")}
    assert found.pop("").document.text == "Words"
    return found


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (ODF, "picture 1"),
        (WORD, "03000001.png"),
        (package(PART.format("word/media/a.png", "binaryData", CODE, "binaryData")), "a.png"),
    ],
)
def test_pictures_are_members(data, name):
    (picture,) = records(data).values()
    assert (picture.name, picture.kind) == (name, "image")  # one pixel shows nothing


def test_parts_beyond_the_limit_are_reported(monkeypatch):
    for module in (flat_xml, flat_files):
        monkeypatch.setattr(module, "MAX_PARTS", 2)
    others = [PART.format(f"word/footer{n}.xml", "xmlData", "<a/>", "xmlData") for n in range(4)]
    (left,) = records(package(*others)).values()
    assert (left.reason, left.kind, left.skipped) == (
        "3 parts after the first 2 are not read", "limit", False,
    )  # fmt: skip


def test_damaged_base64_is_reported():
    (picture,) = records(ODF.replace(CODE, "aGVsb")).values()
    assert picture.reason == "damaged base64"
