"""mobi and azw3: chapters, titles, properties, compression; damaged and encrypted files."""

import struct

import pytest

from ragkit.documents.formats.web.mobi import read_mobi
from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError
from tests.documents.files import PNG
from tests.documents.mobi_files import make_mobi

PAGES = (
    '<html><body><h1>Contents</h1><p><a filepos="{0:010d}">Getting started</a></p>'
    "<mbp:pagebreak/><p>Read this first.</p><mbp:pagebreak/><h2>Second</h2><p>Words.</p>"
    "<mbp:pagebreak/></body></html>"
)
PAGES = PAGES.format(PAGES.index("<mbp:pagebreak/>") + 2)


def test_page_breaks_separate_chapters_and_links_give_them_titles():
    document = read_mobi(make_mobi(PAGES), "a.mobi")
    assert document.text == (
        "Contents\n\nGetting started\n\nGetting started\n\nRead this first.\n\nSecond\n\nWords."
    )
    assert [h.text for h in document.headings] == ["Contents", "Getting started", "Second"]
    assert [(place.kind, place.value) for place in document.locators] == [
        *(("chapter", "1"), ("chapter", "2"), ("chapter", "3"))
    ]


def test_properties_are_title_and_metadata():
    properties = [
        *((100, "Ada"), (100, "Bo"), (503, "Leave &amp; pay"), (524, "en"), (9999, "x")),
        (103, "<p>About leave.</p>"),
    ]
    document = read_mobi(make_mobi(PAGES, properties=properties), "a.mobi")
    assert document.title == "Leave & pay"
    assert document.metadata == {
        "author": "Ada, Bo", "language": "en", "description": "About leave."
    }  # fmt: skip


def test_books_of_version_8_are_pages_without_styles():
    page = "<?xml version='1.0'?><html><head><title>{}</title></head><body></body></html><p>{}</p>"
    pages = page.format("One", "First.") + page.format("Two", "Second.")
    data = make_mobi(pages + "p { color: red }", version=8, flows=[(0, len(pages)), (0, 1)])
    document = read_mobi(data, "a.azw3")
    assert document.text == "One\n\nFirst.\n\nTwo\n\nSecond."
    assert [place.value for place in document.locators] == ["1", "2"]


def test_a_text_for_palm_is_read_as_it_is():
    data = make_mobi("One.\r\n\r\nTwo < three.", creator=b"TEXtREAd")
    assert read_mobi(data, "a.prc").text == "One.\n\nTwo < three."


def test_pictures_are_members():
    records = {r.name: r for r in read_all(make_mobi(PAGES, pictures=[PNG + bytes(50)]), "a.mobi")}
    assert [*records] == ["", "picture 1.png"]
    assert records["picture 1.png"].kind == "image"


def test_encrypted_and_damaged_books_are_reported_as_such():
    def reason(data):
        (record, *_) = read_all(data, "a.mobi")
        assert record.document is None
        return record.kind

    assert reason(make_mobi(PAGES, encryption=2)) == "encrypted"
    assert reason(make_mobi(PAGES, compression=7)) == "damaged"
    assert reason(make_mobi(PAGES)[:100]) == "damaged"
    assert reason(make_mobi("%MOP")) == "unsupported"
    assert reason(make_mobi(PAGES, compression=17480)) == "damaged"
    with pytest.raises(DocumentError, match="out of order"):
        data = bytearray(make_mobi(PAGES))
        data[78:82] = b"\xff\xff\xff\xff"
        read_mobi(bytes(data), "a.mobi")


def test_a_book_without_all_its_records_has_a_warning():
    data = make_mobi("", records=[b"<p>One</p>", b"<p>Two</p>"])
    data = data.replace(struct.pack(">IHH", 9, 2, 4096), struct.pack(">IHH", 9, 5, 4096))
    document = read_mobi(data, "a.mobi")
    assert document.warnings == ("cut off: read as far as it goes",)


def test_it_is_recognised_by_its_content():
    document = read(make_mobi(PAGES), "book.bin")
    assert document.media_type == "application/x-mobipocket-ebook"
