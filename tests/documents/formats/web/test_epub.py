"""EPUB: chapters in the order of the spine, with titles from the table of contents."""

import pytest

from ragkit.documents.formats.web.epub import read_epub
from ragkit.errors import DocumentError
from tests.documents.files import make_zip
from tests.documents.office_files import make_epub, text_by_locator

PAGE = (
    '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>'
    "<title/><script src='x.js'/></head><body>{}</body></html>"
)


def encryption(algorithm, path):
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:e='
        '"http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData><e:EncryptionMethod Algorithm='
        f'"{algorithm}"/><e:CipherData><e:CipherReference URI="{path}"/></e:CipherData>'
        "</e:EncryptedData></encryption>"
    )


def test_chapters_are_read_in_reading_order_with_their_numbers():
    book = make_epub(
        {
            "b.xhtml": PAGE.format("<h1>First</h1><p>one</p>"),
            "empty.xhtml": PAGE.format("<img src='x.png'/>"),
            "text/a%20b.xhtml": PAGE.format("<p><a id='x'/>two</p>"),
        },
        metadata="<dc:title>A book</dc:title><dc:creator>Ada</dc:creator><dc:language>en"
        "</dc:language><dc:date>1999</dc:date><dc:identifier>urn:isbn:1</dc:identifier>",
    )
    document = read_epub(book, "a.epub")
    assert text_by_locator(document) == [("1", "First\n\none"), ("3", "two")]
    assert document.title == "A book"
    assert document.metadata == {
        "author": "Ada",
        "language": "en",
        "date": "1999",
        "identifier": "urn:isbn:1",
    }


def test_a_chapter_without_a_heading_has_the_title_of_the_table_of_contents():
    page = PAGE.format("<p><a id='x'/>two</p><pre>code</pre>")
    toc = (
        "<navMap><navPoint><navLabel><text>The\n second</text></navLabel>"
        "<content src='a.xhtml#top'/></navPoint></navMap>"
    )
    document = read_epub(make_epub({"z.xhtml": PAGE.format(""), "a.xhtml": page}, toc), "a.epub")
    assert text_by_locator(document) == [("2", "The second\n\ntwo\n\ncode")]
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "The second")]
    assert [document.text[start:end] for start, end in document.fences] == ["code"]


def test_a_missing_chapter_is_a_warning():
    book = make_epub({"a.xhtml": PAGE.format("a"), "b.xhtml": PAGE.format("b")})
    document = read_epub(book.replace(b"OPS/a.xhtml", b"OPS/c.xhtml"), "a.epub")
    assert text_by_locator(document) == [("2", "b")]
    assert document.warnings == ("chapter 1: damaged epub: it has no OPS/a.xhtml",)


def test_obfuscated_fonts_do_not_matter():
    fonts = encryption("http://www.idpf.org/2008/embedding", "OPS/font.otf")
    book = make_epub({"a.xhtml": PAGE.format("a")}, **{"META-INF/encryption.xml": fonts})
    assert read_epub(book, "a.epub").text == "a"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            make_epub(
                {"a.xhtml": "x"},
                **{"META-INF/encryption.xml": encryption("urn:aes", "OPS/a.xhtml")},
            ),
            r"encrypted epub: protected by DRM",
        ),
        (make_zip({"mimetype": ""}), "damaged epub: it has no META-INF/container.xml"),
        (make_epub({}), "damaged epub: it has no chapters"),
        (make_epub({"a.xhtml": "a"})[:-40], "damaged epub: "),
        (make_epub({"a.xhtml": " " * 5_000_000}), "chapter 1: .* over 200 times its size"),
    ],
)
def test_damaged_encrypted_and_hostile_files_are_refused(data, reason):
    with pytest.raises(DocumentError, match=reason):
        read_epub(data, "a.epub")


@pytest.mark.parametrize(
    "hostile",
    [
        "<a" * 150_000,
        "<a " + " " * 300_000,
        "<a" + " x" * 150_000,
        "<" + "a" * 300_000,
        "<a /" * 75_000,
        "<p " + "/" * 300_000,
    ],
)
def test_hostile_pages_are_read(hostile):
    read_epub(make_epub({"a.xhtml": f"<p>x</p>{hostile}"}), "a.epub")
