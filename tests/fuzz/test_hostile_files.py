"""Malicious files in a folder that is indexed: each is read or has a reason, and the harmless file
beside it is found."""

import os
import socket
import sys
import zlib
from pathlib import Path

import pytest

from ragkit import Settings
from ragkit.documents.sandbox.sandbox import Sandbox
from ragkit.documents.unpacking.limits import MAX_DEPTH
from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.ingest.plan import FileTask
from ragkit.ingest.reading import ReadContext, read
from ragkit.ingest.scan import ScannedFile
from tests.conftest import WordEncoder
from tests.documents.files import PNG, make_docx, make_pdf, make_zip, paragraph
from tests.documents.office_files import make_xlsx

DEEP = 100_000
BOMB = bytes(60_000_000)


@pytest.fixture
def index_files(open_collection, tmp_path):
    """Return a function that indexes files (name → content, or a function that creates the path)
    and returns path → (status, reason). Each file has as much time as it needs on a busy machine:
    the other limits refuse it."""
    collection = open_collection(Settings(passage_tokens=40, overlap=0.0, reader_seconds=600))

    def index(**files):
        folder = tmp_path / "hostile"
        folder.mkdir()
        (folder / "harmless.txt").write_text("Cats sleep for most of the day.\n")
        for name, content in files.items():
            make = (
                content if callable(content) else lambda path, data=content: path.write_bytes(data)
            )
            make(folder / name.replace("__", "."))
        collection.index(folder)
        assert collection.search("cats sleep", k=1)[0].path == "harmless.txt"
        outcomes = {file.path: (file.status, file.reason) for file in collection.files()}
        assert outcomes.pop("harmless.txt") == ("indexed", None)
        return outcomes

    return index


def nested_zip(depth):
    data = make_zip({"a.txt": b"x"})
    for _ in range(depth):
        data = make_zip({"a.zip": data})
    return data


def pdf_bomb():
    """Return a PDF page whose content is compressed a thousandfold."""
    packed = zlib.compress(b"BT /F 12 Tf " + b"(x) Tj " * 20_000_000 + b"ET", 9)
    data = make_pdf(["short"])
    at = data.index(b"11 0 obj")
    end = data.index(b"endobj", at)
    stream = b"11 0 obj<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream " % (
        len(packed),
        packed,
    )
    return data[:at] + stream + data[end:]


def test_compression_bombs_are_refused(index_files):
    outcomes = index_files(
        a__zip=make_zip({"a.txt": BOMB}),
        b__docx=make_docx(paragraph("x" * 60_000_000)),
        c__xlsx=make_xlsx({"One": " " * 65_000_000}),
        d__pdf=pdf_bomb(),
    )
    assert outcomes["a.zip"] == (
        "failed",
        "nothing to read in it: 1 of 1 a.txt inflates to over 200 times its size",
    )
    assert outcomes["b.docx"][0] == outcomes["c.xlsx"][0] == "failed"
    assert "inflates to over" in outcomes["b.docx"][1]
    assert "inflates to over" in outcomes["c.xlsx"][1]
    assert outcomes["d.pdf"] == ("failed", "needed more than 1,024 MB")


def test_entities_are_not_expanded_or_loaded(index_files, tmp_path):
    (tmp_path / "secret.txt").write_text("top secret")
    laughs = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    uri = (tmp_path / "secret.txt").as_uri()
    body = f'<!DOCTYPE x [<!ENTITY s SYSTEM "{uri}">]><x>Stolen: &s;</x>'
    document = make_zip({"word/document.xml": body})
    outcomes = index_files(
        a__xml=f'<!DOCTYPE l [<!ENTITY a0 "ha">{laughs}]><l>&a9;</l>'.encode(),
        b__xml=body.encode(),
        c__docx=document,
    )
    assert outcomes["a.xml"] == (
        "failed",
        "declares entities that refer to others too deeply: not read",
    )
    assert outcomes["b.xml"] == ("indexed", None)
    assert outcomes["c.docx"][0] == "failed"


def test_an_external_entity_reads_no_file(index_files, collection, tmp_path):
    (tmp_path / "secret.txt").write_text("top secret")
    uri = (tmp_path / "secret.txt").as_uri()
    index_files(a__xml=f'<!DOCTYPE x [<!ENTITY s SYSTEM "{uri}">]><x>Stolen: &s;</x>'.encode())
    assert all("top secret" not in hit.text for hit in collection.search("top secret", k=9))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a__json", b"[" * DEEP + b"1" + b"]" * DEEP),
        ("a__xml", b"<a>" * DEEP + b"words" + b"</a>" * DEEP),
        ("a__html", b"<html>" + b"<div>" * DEEP + b"words"),
        ("a__rtf", b"{\\rtf1 " + b"{" * DEEP + b"words" + b"}" * DEEP),
        ("a__md", b">" * DEEP + b"words"),
        ("a__docx", make_docx("<w:sdt>" * DEEP + paragraph("words") + "</w:sdt>" * DEEP)),
    ],
)
def test_deeply_nested_text_is_indexed(index_files, name, data):
    ((status, reason),) = index_files(**{name: data}).values()
    assert (status, reason) == ("indexed", None)


def test_archives_nested_too_deep_are_refused(index_files):
    ((status, reason),) = index_files(a__zip=nested_zip(100)).values()
    assert status == "failed"
    assert reason.endswith(f"nested more than {MAX_DEPTH} files deep")


def test_truncated_and_encrypted_files_have_a_status_and_a_reason(index_files):
    pdf, docx = make_pdf(["A page of words."] * 9), make_docx(paragraph("words"))
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le")
    outcomes = index_files(
        cut__pdf=pdf[:300],
        cut__docx=docx[:200],
        cut__xls=ole[:512],
        cut__msg=ole[:512],
        cut__zip=make_zip({"a.txt": b"words"})[:40],
        locked__pdf=make_pdf(["x"], encrypted=True),
        locked__docx=ole,
        pdf__docx=pdf,
        docx__pdf=docx,
        text__pdf=b"Only words.\n",
        image__txt=PNG + bytes(99),
        noise__bin=bytes(range(256)) * 99,
        nul__txt=b"a\0b" * 99,
        nothing__pdf=b"",
    )
    assert {name: status for name, (status, _) in outcomes.items()} == {
        **dict.fromkeys(("cut.pdf", "cut.docx", "cut.xls", "cut.msg", "cut.zip"), "failed"),
        **dict.fromkeys(("locked.pdf", "locked.docx"), "failed"),
        **dict.fromkeys(("pdf.docx", "docx.pdf", "text.pdf"), "indexed"),
        **dict.fromkeys(("image.txt", "noise.bin", "nul.txt"), "skipped"),
        "nothing.pdf": "empty",
    }
    assert outcomes["locked.docx"][1] == "encrypted Office file: needs a password"
    assert "password" in outcomes["locked.pdf"][1]
    assert all(reason for status, reason in outcomes.values() if status in ("failed", "skipped"))


def test_legacy_and_utf16_encodings_are_searchable(index_files, collection):
    outcomes = index_files(
        a__txt="The wombat digs für Ärger.".encode("utf-16"),
        b__txt="Le numbat mange des termites; déjà l'été.".encode("latin-1"),
        c__csv="name;animal\nJosé;quoll\n".encode("utf-16-le"),
    )
    assert {status for status, _ in outcomes.values()} == {"indexed"}
    assert "für Ärger" in collection.search("wombat", k=1)[0].text
    assert "déjà l'été" in collection.search("numbat termites", k=1)[0].text


@pytest.mark.slow
def test_a_line_of_50_mb_is_indexed(index_files, collection):
    outcomes = index_files(
        a__txt=b"word" * 12_499_000, b__json=b'{"a": "' + b"x" * 49_000_000 + b'"}'
    )
    assert outcomes == {"a.txt": ("indexed", None), "b.json": ("indexed", None)}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has none of these")
def test_links_out_of_the_folder_and_special_files_are_skipped(index_files, tmp_path):
    def bound(path):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))

    (tmp_path / "outside.txt").write_text("elsewhere")
    outcomes = index_files(
        fifo__txt=os.mkfifo,
        socket__txt=bound,
        device__txt=lambda path: path.symlink_to("/dev/zero"),
        loop__txt=lambda path: path.symlink_to(path),
        up=lambda path: path.symlink_to(path.parent),
        out__txt=lambda path: path.symlink_to(tmp_path / "outside.txt"),
        proc=lambda path: path.symlink_to("/proc"),
    )
    assert outcomes == {
        "fifo.txt": ("skipped", "not a regular file (FIFO)"),
        "socket.txt": ("skipped", "not a regular file (socket)"),
        "device.txt": ("skipped", "symbolic link out of the folder"),
        "loop.txt": ("skipped", "link loop"),
        "up": ("skipped", "link loop"),
        "out.txt": ("skipped", "symbolic link out of the folder"),
        "proc": ("skipped", "symbolic link out of the folder"),
    }


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_a_file_that_reports_no_size_is_read_up_to_the_limit(collection):
    """Files in /proc report a size of 0."""
    collection.index("/proc/self/status")
    ((status, reason),) = [(file.status, file.reason) for file in collection.files()]
    assert status in ("indexed", "empty", "skipped", "failed")
    assert status == "indexed" or reason or status == "empty"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has none of these")
@pytest.mark.parametrize("kind", ["fifo", "file"])
def test_a_file_that_blocks_is_unreadable(tmp_path, monkeypatch, kind):
    """A FIFO, or a file like /proc/kmsg: it reports no size, and reading waits for an event."""
    path, end = tmp_path / "a.txt", None
    if kind == "fifo":
        os.mkfifo(path)
        end = os.open(path, os.O_RDWR)  # reading it would wait, not end
        expected = "it is a FIFO now, not a regular file"
    else:
        path.touch()
        expected = "nothing can be read without waiting for it"

        def wait(descriptor, count):
            assert not os.get_blocking(descriptor)
            raise BlockingIOError(11, "Resource temporarily unavailable")

        monkeypatch.setattr(os, "read", wait)
    task = FileTask(str(tmp_path), ScannedFile("a.txt", 0, 0, 0), None)
    options = IndexOptions.from_settings(Settings(max_file_mb=0.001))
    context = ReadContext(options, ReadSettings("fifo"), WordEncoder)
    reading = read(task, context, Sandbox())
    if end is not None:
        os.close(end)
    assert reading.reason == expected
    assert (reading.kind, reading.skipped) == ("unreadable", False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets names be any bytes")
def test_unusual_file_names_are_indexed_or_skipped(index_files):
    def odd(path):
        Path(os.fsdecode(os.fsencode(path.parent) + b"/caf\xe9.txt")).write_text("x")

    outcomes = index_files(odd=odd, **{"new\nline__txt": b"Words.", "tab\there__md": b"Words."})
    assert outcomes == {
        "caf\\xe9.txt": ("skipped", "name is not UTF-8"),
        "new\nline.txt": ("indexed", None),
        "tab\there.md": ("indexed", None),
    }


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read all")
def test_a_file_without_permission_fails(index_files):
    def closed(path):
        path.write_text("secret")
        path.chmod(0)

    assert index_files(a__txt=closed) == {"a.txt": ("failed", "permission denied")}


def test_a_file_over_a_limit_is_read_again_with_a_higher_limit(open_collection, tmp_path):
    path = tmp_path / "in" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(make_zip({"b.zip": make_zip({"a.txt": b"Words."})}))
    os.utime(path, (1e9, 1e9))
    narrow = open_collection(Settings(reader_depth=1))
    assert narrow.index(path.parent).failed == narrow.index().failed == 1
    collection = open_collection(Settings(reader_depth=2))
    assert collection.index().added == 1
    assert [file.status for file in collection.files()] == ["indexed"]
