"""`read`: one entry for all formats, and nothing but DocumentError when things go wrong."""

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.documents import READERS, media_types, read
from ragkit.errors import DocumentError

from .files import PNG, make_docx, make_pdf, make_zip, paragraph

SEEDS = [
    ("a.pdf", make_pdf(["One page.", "Another page."], title="Seed")),
    ("a.docx", make_docx(paragraph("Some text."), styles="", core="<dc:title>T</dc:title>")),
    ("a.html", b"<!doctype html><title>t</title><h1>H</h1><ul><li>x<table><tr><td>1<pre>a</pre>"),
    ("a.md", b"---\ntitle: x\n---\n# A\n\n```\ncode\n```\n\nB\n---\n> q\n<!-- c -->\n"),
    ("a.rst", b"A\n=\n\ntext::\n\n  code\n\nBb\n--\n\n.. code-block:: c\n\n  int x;\n"),
    ("a.txt", "naïve café".encode("latin-1")),
    ("a.txt", "Grüße\r\n".encode("utf-16")),
]


def check(document):
    """What every document promises."""
    text = document.text
    assert "\0" not in text and "\r" not in text
    text.encode("utf-8")  # fails on lone surrogates
    for spans in ([(each.start, each.end) for each in document.headings], document.fences):
        ends = [0, *(offset for span in spans for offset in span), len(text)]
        assert ends == sorted(ends)
        assert all(start < end for start, end in spans)
    assert list(document.pages) == sorted(document.pages)
    assert all(0 <= page <= len(text) for page in document.pages)
    assert all(each.text and 1 <= each.level <= 9 for each in document.headings)


def read_if_possible(data, name):
    try:
        check(read(data, name))
    except DocumentError as error:
        assert 0 < len(str(error)) < 200


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300), st.sampled_from([name for name, _ in SEEDS]))
def test_any_bytes(data, name):
    read_if_possible(data, name)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SEEDS), st.data())
def test_damaged_files(seed, data):
    name, content = seed
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    read_if_possible(content[:start] + data.draw(st.binary(max_size=20)) + content[end:], name)


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet="#-=`~<>!|*.:[]()\n\t ab1\u00e9\ud800", max_size=200), st.sampled_from("mrh")
)
def test_any_markup(text, kind):
    name = {"m": "a.md", "r": "a.rst", "h": "a.html"}[kind]
    check(read(text.encode("utf-8", "surrogatepass"), name))


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.rst", "a.html", "a.pdf", "a.docx", "a.py"])
@pytest.mark.parametrize("data", [b"", b" \r\n\t\n"])
def test_an_empty_file_has_no_text(name, data):
    document = read(data, name)
    assert (document.text, document.headings, document.warnings) == ("", (), ())


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (PNG, "a.txt", "binary file (PNG image)"),
        (b"\0\1\2\3", "a", "binary file"),
        (make_zip({"xl/workbook.bin": ""}), "a.xlsb", "xlsb is not supported yet"),
        (b"Subject: x\n\ntext", "a.eml", "e-mail is not supported yet"),
    ],
)
def test_what_is_no_document_is_skipped(data, name, reason):
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
def test_a_name_that_does_not_fit_is_noted(data, name, warning):
    assert read(data, name).warnings == (warning,)


def test_code_keeps_its_type_and_its_lines():
    document = read(b"# no heading\nx = 1\n", "src/a.py")
    assert (document.media_type, document.lines) == ("text/x-python", True)
    assert (document.text, document.headings) == ("# no heading\nx = 1\n", ())


def test_a_parser_that_fails_costs_only_its_file(monkeypatch):
    def fail(data, name):
        raise ZeroDivisionError("deep\ninside")

    monkeypatch.setitem(READERS, "text/markdown", fail)
    with pytest.raises(DocumentError, match=r"^cannot be read: ZeroDivisionError: deep inside$"):
        read(b"x", "a.md")


def test_every_type_has_a_reader_or_words_for_why_not():
    types = {*media_types.EXTENSIONS.values(), *(found for _, found in media_types.MAGIC)}
    types |= {found for _, found in media_types.ZIP_PARTS}
    types |= {found for found, _ in media_types.MAGIC_AT}
    assert types <= READERS.keys() | media_types.KIND.keys()
    assert not READERS.keys() & media_types.KIND.keys()


def test_parsers_load_only_when_they_are_needed():
    code = "import sys, ragkit.documents as d; d.read(b'x', 'a.md'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"selectolax", "pypdfium2", "charset_normalizer", "pathspec"} & set(loaded)


def test_every_real_file_is_read_or_explained(real_files):
    reasons = []
    for path in sorted(each for each in real_files.rglob("*") if each.is_file()):
        try:
            document = read(path.read_bytes(), path.name)
        except DocumentError as error:
            assert error.skipped
            reasons.append(str(error))
        else:
            check(document)
            assert document.text
    assert all(reason.endswith("is not supported yet") for reason in reasons)
