"""Web archives: a document per page, with address and date."""

import gzip
import zlib

import zstandard

from ragkit.documents.read import read_all


def record(kind, address, content):
    return (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {address}\r\n"
        f"WARC-Date: 2024-03-12T10:00:00Z\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content + b"\r\n\r\n"  # fmt: skip


def http(body, content_type="text/html", status="200 OK", more=""):
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}\r\n".encode() + body


PAGE = b"<html><title>Home</title><body><p>Hello there</p></body></html>"
RECORDS = [
    record("warcinfo", "", b"software: test\r\n"),
    record("request", "https://example.org/", b"GET / HTTP/1.1\r\n\r\n"),
    record("response", "https://example.org/",
           http(gzip.compress(PAGE), "text/html", more="Content-Encoding: gzip\r\n")),
    record("response", "https://example.org/a/b.txt?x=1",
           http(b"5\r\nSome \r\n4;q=1\r\ntext\r\n0\r\n\r\n", "text/plain",
                more="Transfer-Encoding: chunked\r\n")),
    record("response", "https://example.org/s.css", http(b"p {}", "text/css")),
    record("response", "https://example.org/gone", http(b"Not here", status="404 Not Found")),
    record("resource", "https://example.org/note.md", b"# A note\n"),
]  # fmt: skip


def test_each_page_that_was_fetched_is_a_document():
    for data, name in ((b"".join(RECORDS), "a.warc"),
                       (b"".join(map(gzip.compress, RECORDS)), "a.warc.gz")):  # fmt: skip
        records = {found.name: found for found in read_all(data, name)}
        home = records["example.org/index.html"].document
        assert (home.text, home.title) == ("Hello there", "Home")
        assert home.metadata == {"url": "https://example.org/", "date": "2024-03-12T10:00:00Z"}
        assert records["example.org/a/b.txt?x=1"].document.text == "Some text"
        assert records["example.org/note.md"].document.headings
        reasons = {key: found.reason for key, found in records.items() if found.reason}
        assert reasons == {
            "example.org/s.css": "part of a web page (text/css)",
            "example.org/gone": "answered with HTTP status 404",
        }
        assert len(records) == 5


def test_a_file_that_is_cut_off_says_so():
    *_, last = read_all(b"".join(RECORDS)[:-200], "a.warc")
    assert last.reason.startswith("damaged WARC file: ")


def test_a_page_is_read_in_the_encoding_that_the_server_named_whatever_its_address():
    page = "<title>T</title><p>Привет, мир &amp; это текст".encode("cp1251")
    data = record("response", "https://example.org/a.php",
                  http(page, "text/html; charset=windows-1251"))  # fmt: skip
    (found,) = read_all(data, "a.warc")
    assert (found.document.text, found.document.title) == ("Привет, мир & это текст", "T")


def test_a_deflated_page_that_is_cut_off_has_a_reason():
    packed = zlib.compress(PAGE)
    for body, expected in ((packed, "Hello there"), (packed[2:-4], "Hello there"),
                           (packed[:-9], None), (PAGE, "Hello there")):  # fmt: skip
        data = record("response", "https://example.org/a",
                      http(body, more="Content-Encoding: deflate\r\n"))  # fmt: skip
        (found,) = read_all(data, "a.warc")
        assert (found.document and found.document.text) == expected
        assert (found.reason is None) == (expected is not None)


def test_content_compressed_with_zstandard_is_read():
    page = zstandard.compress(b"<h1>Dues</h1><p>By weight.</p>")
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: zstd\r\n\r\n" + page
    head = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://x.y/\r\nContent-Length: {}"
    data = head.format(len(http)).encode() + b"\r\n\r\n" + http + b"\r\n\r\n"
    (found,) = read_all(data, "a.warc")
    assert found.document.text == "Dues\n\nBy weight."
