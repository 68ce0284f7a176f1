"""Outlook messages: headers, bodies and attachments by the properties of [MS-OXMSG]."""

import struct

import pytest

from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError
from tests.documents.mail_files import OUTLOOK_MESSAGE, make_ole2, property_stream, text_stream


def test_a_message_and_its_attachments():
    records = list(read_all(make_ole2(OUTLOOK_MESSAGE), "a.msg"))
    assert [record.name for record in records] == ["", "notes.txt", "Inner"]
    own = records[0].document
    opening = "From: Ann Berg <ann@example.org>\nTo: Bo; Cy\nDate: 2024-10-01T00:00:00+00:00\n\n"
    assert own.text.rstrip("\0") == f"{opening}See you.\nAnn"
    assert own.title == "Plans for Käse"
    assert records[1].document.text.rstrip() == "Attached words."
    assert records[2].document.text == "Inside."


def test_an_html_body_is_decoded_by_its_code_page():
    page = b"<p>Caf\xe9 <b>words</b></p>".ljust(4096)
    tree = {
        "__properties_version1.0": property_stream(32, x3FDE=struct.pack("<Q", 1252)),
        "__substg1.0_10130102": page,
    }
    assert read(make_ole2(tree), "a.msg").text == "Café words"


def test_a_damaged_message_is_refused():
    with pytest.raises(DocumentError, match="damaged Outlook message"):
        data = make_ole2(OUTLOOK_MESSAGE)
        read(
            data[:48] + b"\xff\xff\xff\x7f" + data[52:], "a.msg"
        )  # [MS-CFB] 2.2: the first sector of the directory
    with pytest.raises(DocumentError, match="it has no properties"):
        read(make_ole2(text_stream("0037", "x")), "a.msg")


def test_attachments_without_content_and_inline_images_are_skipped():
    tree = {
        "__properties_version1.0": property_stream(32),
        **text_stream("1000", "Words."),
        "__attach_version1.0_#00000000": {  # attach method "by reference": no 3701 stream
            "__properties_version1.0": property_stream(8),
            **text_stream("3001", "shared/plan.docx"),
        },
        "__attach_version1.0_#00000001": {
            "__properties_version1.0": property_stream(8),
            **text_stream("3704", "LOGO.PNG"),
            **text_stream("3712", "<1>"),
            "__substg1.0_37010102": b"image",
        },
    }
    own, *others = read_all(make_ole2(tree), "a.msg")
    assert own.document.text.rstrip("\0") == "Words."
    assert [(record.name, record.reason, record.skipped) for record in others] == [
        ("shared_plan.docx", "attached by reference, not in the file", True),
        ("LOGO.PNG", "image shown in the message", True),
    ]


def test_byte_strings_are_decoded_and_the_time_of_receipt_replaces_a_missing_date():
    tree = {
        # 1601-01-01 plus 86,400 days of 86,400 s, the FILETIME of 1837-07-23 00:00 UTC
        "__properties_version1.0": property_stream(
            32, x0E06=struct.pack("<Q", 86_400 * 86_400 * 10_000_000)
        ),
        "__substg1.0_1000001E": b"Caf\xe9 au lait, voil\xe0.",
    }
    document = read(make_ole2(tree), "a.msg")
    assert document.metadata["date"] == "1837-07-23T00:00:00+00:00"
    assert document.text.rstrip("\0").endswith("Café au lait, voilà.")
