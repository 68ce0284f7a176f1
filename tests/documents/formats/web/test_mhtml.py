"""MHTML: the page in a web archive."""

import base64

import pytest

from ragkit.documents.formats.web.mhtml import read_mhtml
from ragkit.documents.read import read
from ragkit.errors import DocumentError
from ragkit.records import media_types

HEAD = (
    b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://x.y/page\r\n"
    b"Subject: =?utf-8?q?Stra=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/related;\r\n\ttype="text/html";\r\n\tboundary="--B--"\r\n\r\n'
)


def archive(*parts):
    lines = b"".join(b"\r\n----B--\r\n" + part for part in parts)
    return HEAD + lines + b"\r\n----B----\r\n"


def page(content, encoding="quoted-printable", more=b""):
    return (
        b"Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
        + encoding.encode()
        + b"\r\n"
        + more
        + b"\r\n"
        + content
    )


STYLE = b"Content-Type: text/css\r\n\r\np { color: red }\r\n"


def test_only_the_page_is_read():
    data = archive(STYLE, page(b"<h1>Caf=E9</h1><p>one =\r\ntwo</p>"))
    document = read(data, "a.mhtml")
    assert (document.text, document.title) == ("Café\n\none two", "Café")
    assert document.media_type == media_types.MHTML
    assert document.metadata == {"canonical": "https://x.y/page"}
    assert document.warnings == ()


def test_base64_and_the_address_of_the_page_itself():
    content = base64.encodebytes("<p>Grüße</p>".encode("latin-1"))
    data = archive(page(content, "base64", b"Content-Location: https://x.y/own\r\n"))
    document = read_mhtml(data, "a.mht")
    assert (document.text, document.title) == ("Grüße", "Straße")
    assert document.metadata == {"canonical": "https://x.y/own"}


def test_the_start_parameter_names_the_page():
    head = HEAD.replace(b"type=", b'start="<2>";\r\n\ttype=')
    data = archive(
        page(b"frame", more=b"Content-ID: <1>\r\n"), page(b"page", more=b"Content-ID: <2>\r\n")
    )
    assert read_mhtml(data.replace(HEAD, head), "a.mht").text == "page"
    assert read_mhtml(data, "a.mht").text == "frame"


def test_a_page_that_is_cut_off_is_read_up_to_the_cut():
    data = archive(page(base64.b64encode(b"<p>one two three</p>"), "base64"))
    cut = data[: data.index(b"PHA+") + 18]  # 18 characters are 13 bytes and a half
    assert read_mhtml(cut, "a.mht").text == "one two th"


def test_a_file_without_a_page_is_refused():
    for data in (archive(STYLE), b"Subject: x\n\ntext", HEAD, b""):
        with pytest.raises(DocumentError, match="damaged MHTML: it has no HTML part"):
            read_mhtml(data, "a.mht")


def test_the_depth_of_multiparts_is_limited():
    nested = b'Content-Type: multipart/related; boundary="--B--"\r\n\r\n----B--\r\n'
    with pytest.raises(DocumentError, match="no HTML part"):
        read_mhtml(nested * 20_000, "a.mht")
