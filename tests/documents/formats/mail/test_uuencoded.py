"""Uuencoded files in the text of a message."""

import binascii

from ragkit.documents.formats.mail.uuencoded import iter_files, without_files
from ragkit.documents.read import read_all


def encode(content):
    lines = [content[at : at + 45] for at in range(0, len(content), 45)]
    return "".join(binascii.b2a_uu(line).decode() for line in lines)


def test_the_file_is_a_member_and_no_text():
    content = b"Pump and valve list for the north hall, with sizes of all bearings"
    text = f"See below.\n\nbegin 644 list.txt\n{encode(content)}`\nend\n\nRegards"
    assert list(iter_files(text)) == [("list.txt", content)]
    assert without_files(text) == "See below.\n\n\n\nRegards"
    message = f"From: a@b.c\nSubject: x\nDate: Tue, 5 Mar 2024 10:00:00 +0100\n\n{text}"
    records = list(read_all(message.encode(), "a.eml"))
    assert [record.name for record in records] == ["", "list.txt"]
    assert "begin" not in records[0].document.text
    assert records[1].document.text == content.decode()


def test_text_that_begins_alike_stays():
    for text in ("begin 644 a.txt\nno lines", "begin the end", "begin 644 a\n\nend"):
        assert list(iter_files(text)) == []
        assert without_files(text) == text
