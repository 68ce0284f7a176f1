"""File type detection: content first, name second."""

import pytest

from ragkit.documents.detect import detect
from ragkit.records import media_types
from ragkit.records.media_types import BINARY, DOCX, ENCRYPTED_OFFICE
from tests.documents.files import PNG, make_docx, make_pdf, make_zip
from tests.documents.office_files import make_epub, make_odf

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (make_pdf(["hello"]), "a.txt", "application/pdf"),
        (b"X-Gateway: mail\r\n" + make_pdf(["hello"]), "a.pdf", "application/pdf"),
        (b"A PDF starts with\n%PDF-1.4\nand has pages.", "a.txt", "text/plain"),
        (b"just text", "a.pdf", "text/plain"),
        (make_docx(""), "a.zip", DOCX),
        (b"<html><p>saved as Word", "a.docx", "text/html"),
        (make_zip({"xl/workbook.xml": ""}), "a.docx", XLSX),
        (make_zip({"notes.txt": ""}), "a.docx", "application/zip"),
        (make_zip({"word/document.xml": "x" * 999})[:-60], "a.docx", DOCX),
        (OLE2 + "EncryptedPackage".encode("utf-16-le"), "a.docx", ENCRYPTED_OFFICE),
        (OLE2 + "WordDocument".encode("utf-16-le"), "a.doc", "application/msword"),
        (OLE2 + "Workbook".encode("utf-16-le"), "a.xls", media_types.XLS),
        (OLE2 + "Book".encode("utf-16-le") + bytes(56), "a.xls", media_types.XLS),
        (OLE2, "a.xls", media_types.XLS),  # cut off before its streams are named
        (OLE2, "a.MSG", media_types.MSG),
        (OLE2, "a.ppt", "application/vnd.ms-powerpoint"),
        (OLE2, "Thumbs.db", "application/vnd.ms-office"),
        (make_zip({"xl/workbook.bin": ""}), "a.xlsx", media_types.XLSB),
        (make_zip({"ppt/presentation.xml": ""}), "a.zip", media_types.PPTX),
        (make_zip({"visio/documents/plan.txt": ""}), "a.zip", media_types.ZIP),
        (make_zip({"Index.zip": "", "a.txt": ""}), "a.zip", media_types.ZIP),
        (make_zip({"Index.zip": ""}), "a.pages", media_types.IWORK),
        (b"-----BEGIN PRIVATE KEY-----", "a.key", "text/plain"),
        (b"WARC/1.0 is a format.", "a.txt", "text/plain"),
        (b"<svg><path/></svg>\n\n# Title", "a.md", "text/markdown"),
        (b"<svg><symbol/></svg><h1>Title</h1>", "a.html", "text/html"),
        (b"<svg><path/></svg>", "a.txt", "image/svg+xml"),
        (make_epub({}), "a.zip", media_types.EPUB),
        (make_odf("spreadsheet-template", ""), "a.zip", media_types.ODS),
        (b"{\\rtf1 x}", "a.doc", media_types.RTF),
        (b"a\tb\n", "a.xls", "text/plain"),
        (b"<html><table><tr><td>1", "a.xls", "text/html"),
        (b"From: <Saved by Blink>\n", "a.mhtml", media_types.MHTML),
        (PNG, "a.txt", "image/png"),
        (b"\xff\xd8\xff\xe0", "a", "image/jpeg"),
        (b"\x7fELF\2\1\1", "ls", "application/x-elf"),
        (b"SQLite format 3\0", "x.txt", "application/x-sqlite3"),
        (b"text\0with NUL", "a.txt", BINARY),
        (bytes(range(1, 32)) * 9, "a.txt", BINARY),
        ("naïve".encode("utf-16"), "a.txt", "text/plain"),
        ("<!DOCTYPE html><p>x".encode("utf-16"), "a.txt", "text/html"),
        (b"the ftyp of things", "a.txt", "text/plain"),
        (b"", "a.md", "text/markdown"),
        (b"SIMPLE = T /" + b" " * 9000 + bytes(range(256)) * 99, "a.fits", BINARY),
        (b"\x09\x02\x06\x00" + bytes(99), "a.xls", media_types.XLS),
    ],
)
def test_the_content_decides_the_type(data, name, expected):
    assert detect(data, name).media_type == expected


def test_the_member_mimetype_decides_opendocument_formats():
    odt = b"PK\x03\x04" + bytes(14) + len(ODT).to_bytes(4, "little") + bytes(8)
    assert detect(odt + b"mimetype" + ODT.encode() + b"PK\x03\x04", "a").media_type == ODT


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        ("<!doctype html>", "text/html"),
        ("\ufeff\n <HTML lang=en>", "text/html"),
        ('<?xml version="1.0"?><!-- x --><!DOCTYPE html PUBLIC "-//W3C//DTD">', "text/html"),
        ('<?xml version="1.0"?><svg xmlns="x">', "image/svg+xml"),
        ('<?xml version="1.0"?><factbook>', "application/xml"),
        ("<!-- never closed", "text/plain"),
        ("<htmlish>", "text/plain"),
    ],
)
def test_html_is_detected_by_its_first_markup(opening, expected):
    assert detect(opening.encode(), "notes.txt").media_type == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("README.md", "text/markdown"),
        ("docs/index.RST", "text/x-rst"),
        ("src/app.py", "text/x-python"),
        ("Makefile", "text/x-makefile"),
        ("deploy/Dockerfile", "text/x-dockerfile"),
        ("CMakeLists.txt", "text/x-cmake"),
        ("page.htm", "text/html"),
        ("LICENSE", "text/plain"),
        ("notes.unknown", "text/plain"),
        ("drawing.svg", "text/plain"),
    ],
)
def test_the_name_decides_between_text_formats(name, expected):
    assert detect(b"some text", name).media_type == expected
