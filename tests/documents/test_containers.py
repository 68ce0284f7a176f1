"""Archives and compressed files: every member is a record, with a document or with a reason."""

import gzip
import io
import tarfile

import pytest

from ragkit.documents.read import read, read_all, safe_member_name
from ragkit.documents.unpacking import limits
from ragkit.errors import DocumentError
from ragkit.records.documents import Record
from tests.documents.files import PNG, make_docx, make_zip, paragraph

NOTE = b"# Intro\n\nThe zebra lives in the savanna.\n"


def tar(members, compression=""):
    """Return a tar file of (name or TarInfo, content)."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{compression}") as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def texts(data, name):
    return {record.name: record.document.text for record in read_all(data, name) if record.document}


def reasons(data, name):
    return {
        record.name: (record.reason, record.skipped)
        for record in read_all(data, name)
        if record.document is None
    }


def test_a_zip_is_read_like_a_folder():
    data = make_zip({"guide/intro.md": NOTE, "a.docx": make_docx(paragraph("Word.")), "d/": b""})
    records = list(read_all(data, "docs.zip"))
    assert [record.name for record in records] == ["guide/intro.md", "a.docx"]
    assert [record.document.title for record in records] == ["Intro", None]
    assert [record.document.lines for record in records] == [True, False]
    assert records[1].document.text == "Word."


def test_members_that_are_no_documents_have_a_reason():
    data = make_zip({".env": b"x", "__MACOSX/a.md": b"x", "i.png": PNG, "e.txt": b""})
    assert reasons(data, "a.zip") == {
        ".env": ("hidden", True),
        "__MACOSX/a.md": ("hidden", True),
        "i.png": ("no text layer; install ragkit-search[ocr]", True),
    }
    assert texts(data, "a.zip") == {"e.txt": ""}


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_a_tar_is_read_like_a_folder_whatever_its_compression(compression):
    data = tar([("src/a.py", b"x = 1\n"), ("b.md", NOTE)], compression)
    assert texts(data, "backup") == {"src/a.py": "x = 1\n", "b.md": NOTE.decode()}


def test_archives_in_archives_have_nested_paths():
    inner = make_zip({"deep.txt": b"A pangolin."})
    data = tar([("in.zip", inner), ("notes.txt.gz", gzip.compress(b"Zipped."))], "gz")
    assert texts(data, "a.tgz") == {"in.zip/deep.txt": "A pangolin.", "notes.txt.gz": "Zipped."}


def test_member_names_are_safe_and_unique():
    data = tar(
        [("/etc/passwd", b"1"), ("../../etc/passwd", b"2"), ("a\nb.txt", b"3"), ("x\\y.txt", b"4")]
    )
    assert texts(data, "a.tar") == {
        "etc/passwd": "1",
        "etc/passwd (2)": "2",
        "a_b.txt": "3",
        "x/y.txt": "4",
    }
    assert safe_member_name("../..") == "unnamed"
    assert safe_member_name("C:\\docs\\..\\a.md") == "C:/docs/a.md"


def test_reading_ends_after_too_many_members(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMBERS", 3)
    data = tar([(f"{number}.txt", b"x") for number in range(5)])
    assert list(texts(data, "a.tar")) == ["0.txt", "1.txt", "2.txt"]
    assert reasons(data, "a.tar") == {"": ("the rest is not read: over 3 members", False)}


def test_reading_ends_after_too_many_bytes(monkeypatch):
    monkeypatch.setattr(limits.ByteAllowance.__init__, "__defaults__", (8,))
    data = tar([("a.txt", b"12345"), ("b.txt", b"6789"), ("c.txt", b"x")])
    assert texts(data, "a.tar") == {"a.txt": "12345"}
    assert reasons(data, "a.tar") == {
        "": ("the rest is not read: over 256 MB when inflated", False)
    }


def test_reading_ends_after_too_much_time():
    data = tar([("a.txt", b"x")])
    (record,) = read_all(data, "a.tar", budget=limits.Budget(seconds=-1.0))
    reason = "the rest is not read: it took over -1 s"
    assert record == Record("", reason=reason, kind="timeout")


def test_read_refuses_an_archive():
    with pytest.raises(DocumentError, match=r"^zip archive of documents$") as caught:
        read(make_zip({"a.txt": b"x"}), "a.zip")
    assert caught.value.skipped


def test_a_repeated_image_in_a_container_is_read_once():
    data = make_zip({"a/logo.png": PNG, "b/logo.png": PNG, "b/note.txt": "x"})
    records = {record.name: record for record in read_all(data, "mails.zip")}
    repeated = records["b/logo.png"]
    assert repeated.reason == "a repeated image: the same as a/logo.png"
    assert (repeated.skipped, repeated.kind) == (True, "no_document")
    assert records["a/logo.png"].reason != repeated.reason
