"""`read`: one function for all formats, which raises nothing but DocumentError."""

import io
import subprocess
import sys
import zipfile
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.documents.formats.markup import markdown
from ragkit.documents.read import read
from ragkit.errors import DocumentError
from tests.documents.files import PNG, make_docx, make_pdf, make_zip, paragraph
from tests.documents.office_files import make_epub, make_odf, make_pptx, make_xlsx, rows, shape

SEEDS = [
    (
        "a.rtf",
        rb"{\rtf1{\fonttbl{\f0\fcharset128 A;}}\f0 \'83A{\*\x y}\u8364?\par a\cell b\cell\row}",
    ),
    (
        "a.mht",
        b'Content-Type: multipart/related; boundary="b"\n\n--b\nContent-Type: text/html\n'
        b"Content-Transfer-Encoding: base64\n\nPHA+eDwvcD4=\n--b--\n",
    ),
    ("a.odt", make_odf("text", "<text:p>a<text:note><text:p>b</text:p></text:note></text:p>")),
    ("a.pdf", make_pdf(["One page.", "Another page."], title="Seed")),
    ("a.docx", make_docx(paragraph("Some text."), styles="", core="<dc:title>T</dc:title>")),
    ("a.html", b"<!doctype html><title>t</title><h1>H</h1><ul><li>x<table><tr><td>1<pre>a</pre>"),
    ("a.md", b"---\ntitle: x\n---\n# A\n\n```\ncode\n```\n\nB\n---\n> q\n<!-- c -->\n"),
    ("a.rst", b"A\n=\n\ntext::\n\n  code\n\nBb\n--\n\n.. code-block:: c\n\n  int x;\n"),
    ("a.eml", b"From: =?utf-8?q?a=C3?= <a@b.c>\nDate: x\nContent-Type: text/html\n\n<p>Hi<b>x"),
    ("a.csv", b'a;b\n1;"x\ny"\n\n2;z\n'),
    ("a.json", b'{"title": "A", "x": [1, {"y": "\\u00e9"}]}\n'),
    ("a.jsonl", b'{"a": 1}\n{"b": [2]}\n'),
    ("a.xml", b"<a><title>T</title><p>x <b>y</b></p><row><c>1</c><c>2</c></row><li>z</li></a>"),
    ("a.ipynb", b'{"cells": [{"cell_type": "markdown", "source": ["# A"]}], "metadata": {}}'),
    ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\n<i>Hi</i>\n\n00:03.0 --> 00:04.0\nyou.\n"),
    ("a.1", b'.TH A 1\n.SH B\n.nf\nc\\fBd\\(em\n.fi\n.Op Fl x Ar y\n.IP "a b" 2\n'),
    ("a.adoc", b"= A\n\nBb\n--\n\n----\ncode\n----\n////\nx\n////\n// y\n:author: z\n"),
    ("a.org", b"#+TITLE: A\n* TODO B :t:\n:PROPERTIES:\n:END:\n#+BEGIN_SRC\n* c\n#+END_SRC\n"),
    ("a.tex", b"\\begin{document}\n\\section{A {b}}\n\\begin{verbatim}\nx\n\\end{verbatim}\n% c\n"),
    ("a.txt", "naïve café".encode("latin-1")),
    ("a.txt", "Grüße\r\n".encode("utf-16")),
]


def opened(data):
    """Return the members of a zip: name → content."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


TABLE = (
    "<table:table table:name='S'><table:table-row table:number-rows-repeated='2'>"
    "<table:table-cell><text:p>x</text:p></table:table-cell></table:table-row></table:table>"
)
CHART = "<c:ser><c:cat><c:pt idx='1'><c:v>x</c:v></c:pt></c:cat></c:ser>"
LIST = "<text:list><text:list-item><text:p>a</text:p></text:list-item></text:list>"
STYLES = "<cellXfs><xf numFmtId='9'/></cellXfs>"
PACKAGES = [
    opened(make_docx(paragraph("x", "", '<w:numPr><w:ilvl w:val="1"/></w:numPr>'))),
    opened(make_pptx(shape("a", "b", at=(1, 2)), links=[("n", "chart", "../c.xml")], c=CHART)),
    opened(make_xlsx({"S": rows(["a", 1], [None, 2.5])}, ["x"], STYLES)),
    opened(make_odf("text", LIST + TABLE)),
    opened(make_odf("presentation", f"<draw:page><draw:frame>{LIST}</draw:frame></draw:page>")),
    opened(make_odf("spreadsheet", TABLE)),
    opened(make_epub({"a.xhtml": "<html><body><p>x</p><pre/></body></html>"})),
]


def check(document):
    """Assert what holds for every document."""
    text = document.text
    assert "\0" not in text and "\r" not in text
    text.encode("utf-8")  # fails on lone surrogates
    for spans in ([(heading.start, heading.end) for heading in document.headings], document.fences):
        ends = [0, *(offset for span in spans for offset in span), len(text)]
        assert ends == sorted(ends)
        assert all(start < end for start, end in spans)
    assert list(document.pages) == sorted(document.pages)
    assert [locator.start for locator in document.locators] == sorted(
        locator.start for locator in document.locators
    )
    assert all(0 <= locator.start < len(text) and locator.value for locator in document.locators)
    for table in document.tables:
        assert 0 <= table.start <= table.header_end < table.end <= len(text)
    assert all(one.end <= other.start for one, other in pairwise(document.tables))
    assert all(heading.text and 1 <= heading.level <= 9 for heading in document.headings)


def read_if_possible(data, name):
    try:
        check(read(data, name))
    except DocumentError as error:
        assert 0 < len(str(error)) < 200


@settings(max_examples=300)
@given(st.binary(max_size=300), st.sampled_from([name for name, _ in SEEDS]))
def test_any_bytes_give_a_document_or_an_error(data, name):
    read_if_possible(data, name)


@settings(max_examples=400)
@given(st.sampled_from(SEEDS), st.data())
def test_damaged_files_give_a_document_or_an_error(seed, data):
    name, content = seed
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    read_if_possible(content[:start] + data.draw(st.binary(max_size=20)) + content[end:], name)


@settings(max_examples=400)
@given(st.sampled_from(PACKAGES), st.data())
def test_damaged_members_give_a_document_or_an_error(package, data):
    name = data.draw(st.sampled_from([key for key in package if key != "mimetype"]))
    content = package[name]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    new = data.draw(
        st.binary(max_size=20) | st.sampled_from([b"<x>", b"</text:p>", b"9" * 20, b"A"])
    )
    read_if_possible(make_zip({**package, name: content[:start] + new + content[end:]}), "a")


@settings(max_examples=300)
@given(
    st.text(alphabet="#-=`~<>!|*.:[]()\n\t ab1\u00e9\ud800", max_size=200),
    st.sampled_from("mrhoat"),
)
def test_any_markup_gives_a_document(text, kind):
    names = {"m": "a.md", "r": "a.rst", "h": "a.html", "o": "a.org", "a": "a.adoc", "t": "a.tex"}
    name = names[kind]
    check(read(text.encode("utf-8", "surrogatepass"), name))


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.rst", "a.html", "a.pdf", "a.docx", "a.py"])
@pytest.mark.parametrize("data", [b"", b" \r\n\t\n"])
def test_an_empty_file_has_no_text(name, data):
    document = read(data, name)
    assert (document.text, document.headings, document.warnings) == ("", (), ())


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (PNG, "a.txt", "no text layer; install ragkit-search[ocr]"),
        (b"\0\1\2\3", "a", "binary file"),
        (b"7z\xbc\xaf\x27\x1c", "a.bin", "7z is not supported yet; unpack it: 7z x FILE"),
        (make_zip({"a.txt": "x"}), "a.zip", "zip archive of documents"),
    ],
)
def test_a_file_that_is_no_document_is_skipped(data, name, reason):
    with pytest.raises(DocumentError) as caught:
        read(data, name)
    assert (str(caught.value), caught.value.skipped) == (reason, True)


@pytest.mark.parametrize(
    ("data", "name", "warning"),
    [
        (b"just text", "a.pdf", "the name says PDF, the content is text"),
        (b"<html><p>x", "a.docx", "the name says docx, the content is HTML"),
        (make_pdf(["x"]), "a.txt", "the name says text, the content is PDF"),
    ],
)
def test_a_name_that_contradicts_the_content_is_a_warning(data, name, warning):
    assert read(data, name).warnings == (warning,)


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx"])
def test_an_encrypted_office_file_needs_a_password(name):
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    with pytest.raises(DocumentError, match="encrypted Office file: needs a password"):
        read(data + "EncryptedPackage".encode("utf-16-le") + bytes(99), name)


def test_code_keeps_its_type_and_its_lines():
    document = read(b"# no heading\nx = 1\n", "src/a.py")
    assert (document.media_type, document.lines) == ("text/x-python", True)
    assert (document.text, document.headings) == ("# no heading\nx = 1\n", ())


def test_any_exception_of_a_reader_becomes_a_document_error(monkeypatch):
    def fail(data, name):
        raise ZeroDivisionError("deep\ninside")

    monkeypatch.setattr(markdown, "read_markdown", fail)
    with pytest.raises(DocumentError, match=r"^cannot be read: ZeroDivisionError: deep inside$"):
        read(b"x", "a.md")


def test_parsers_are_imported_on_first_use():
    code = "import sys; from ragkit.documents.read import read; read(b'x', 'a.md');"
    code += " print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"selectolax", "pypdfium2", "charset_normalizer", "pathspec"} & set(loaded)


def test_every_real_file_is_read_or_has_a_reason(real_files):
    reasons = []
    for path in sorted(path for path in real_files.rglob("*") if path.is_file()):
        try:
            document = read(path.read_bytes(), path.name)
        except DocumentError as error:
            assert error.skipped
            reasons.append(str(error))
        else:
            check(document)
            assert document.text
    assert all(reason.endswith("is not supported yet") for reason in reasons)


def test_an_extension_that_several_kinds_of_files_have_is_no_contradiction():
    key = b"-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEB\n-----END PUBLIC KEY-----\n"
    assert read(key, "server.key").warnings == ()
