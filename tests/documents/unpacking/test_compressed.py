"""Compressed files: their content, its name, and the reasons for damaged ones."""

import bz2
import gzip
import lzma

import pytest
import zstandard

from ragkit.documents.read import read, read_all
from ragkit.documents.unpacking import compressed
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError

NOTE = b"# Intro\n\nThe zebra lives in the savanna.\n"


def texts(data, name):
    return {record.name: record.document.text for record in read_all(data, name) if record.document}


@pytest.mark.parametrize(
    ("pack", "suffix"),
    [
        (gzip.compress, ".gz"),
        (bz2.compress, ".bz2"),
        (lzma.compress, ".xz"),
        (zstandard.compress, ".zst"),
    ],
)
def test_a_compressed_file_is_read_as_its_content(pack, suffix):
    document = read(pack(NOTE), f"intro.md{suffix}")
    assert (document.media_type, document.title, document.lines) == ("text/markdown", "Intro", True)
    assert texts(pack(NOTE) + pack(b"more\n"), f"intro.md{suffix}") == {
        "": f"{NOTE.decode()}more\n"
    }
    with pytest.raises(DocumentError, match=r"^damaged: the compressed data ends too early$"):
        read(pack(NOTE * 9)[:-5], "a")


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("guide.md.gz", "guide.md"),
        ("docs.tgz", "docs.tar"),
        ("a/b.TBZ2", "a/b.tar"),
        ("notes.zst", "notes"),
        ("README", "README"),
        (".tgz", ".tgz"),
    ],
)
def test_the_name_loses_the_suffix_of_the_compression(name, inner):
    assert compressed.inner_name(name) == inner


def test_streams_one_after_the_other_and_padding_at_the_end_are_no_damage():
    data = lzma.compress(b"one ") + lzma.compress(b"two") + bytes(8)
    content, name = compressed.decompress(data, "a.txt.xz", compressed.open_xz, Budget())
    assert (content, name) == (b"one two", "a.txt")


def test_damaged_data_has_a_reason():
    data = bytearray(gzip.compress(NOTE))
    data[-5] ^= 255  # of the checksum
    with pytest.raises(DocumentError, match="damaged compressed data: CRC check failed"):
        compressed.decompress(bytes(data), "a.gz", compressed.open_gzip, Budget())
