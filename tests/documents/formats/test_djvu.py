"""DjVu: the text layer by page, scans by OCR, bookmarks; damaged files, and without the library."""

import struct
import sys

import pytest

from ragkit.documents.formats.djvu import read_djvu
from ragkit.documents.ocr import OcrText
from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError
from tests.documents.djvu_files import make_djvu
from tests.documents.engines import fake_ocr

pytest.importorskip("djvu_rs")


def test_paragraphs_and_lines_of_the_text_layer_are_read():
    data = make_djvu("Leave \n\x1f\x1d\x0bPar-\nents may be absent\nfor 26 weeks. \n\x1f")
    document = read_djvu(data, "a.djvu")
    assert document.text == "Leave\n\nParents may be absent\nfor 26 weeks."
    assert document.pages == (0,)


def test_properties_and_bookmarks_are_title_metadata_and_headings():
    import djvu_rs

    editor = djvu_rs.Editor.from_bytes(make_djvu("Leave\nParents may be absent.\n"))
    editor.set_metadata({"title": "Policy", "author": "Ada", "year": "2024"})
    document = read_djvu(editor.to_bytes(), "a.djvu")
    assert document.title == "Policy"
    assert document.metadata == {"author": "Ada", "date": "2024"}


def test_a_scan_without_an_engine_is_reported_as_such():
    (record,) = read_all(make_djvu(None), "a.djvu")
    assert (record.document, record.kind) == (None, "no_text_layer")


def test_a_scan_is_rendered_for_the_ocr_engine():
    ocr, engine = fake_ocr(OcrText("Scanned words.", 90.0))
    document = read_djvu(make_djvu(None), "a.djvu", ocr)
    assert document.text == "Scanned words."
    assert document.recognition.pages == (1,)
    (image,) = engine.images
    assert (image.width, image.height, len(image.pixels)) == (100, 50, 5000)


def test_damaged_files_are_reported():
    def kind(data):
        (record,) = read_all(data, "a.djvu")
        assert record.document is None
        return record.kind

    good = make_djvu("Words.")
    assert kind(good[:30]) == "damaged"
    assert kind(b"AT&TFORM" + bytes(40)) == "damaged"
    # A list of pages in other files.
    form = b"DJVMDIRM" + struct.pack(">IBHx", 3, 1, 0)
    assert kind(b"AT&TFORM" + struct.pack(">I", len(form)) + form) == "unsupported"


def test_without_the_library_the_format_is_unsupported(monkeypatch):
    monkeypatch.setitem(sys.modules, "djvu_rs", None)
    with pytest.raises(DocumentError, match=r"ragkit-search\[djvu\]") as caught:
        read_djvu(make_djvu("Words."), "a.djvu")
    assert (caught.value.kind, caught.value.skipped) == ("unsupported", True)


def test_it_is_recognised_by_its_content():
    assert read(make_djvu("Words."), "a.bin").media_type == "image/vnd.djvu"
