"""Blocks and messages of iWork documents."""

import pytest

from ragkit.documents.formats.office.iwork.iwa import decompress_snappy, parse_message
from ragkit.errors import DocumentError
from tests.documents.iwork_files import message


def test_back_references_of_snappy_are_followed():
    # "ab", eight bytes from two bytes before, a long literal, four bytes from 61 bytes before.
    literal = bytes(range(61))
    data = b"\x4b" + b"\x04ab" + b"\x11\x02" + b"\xf0\x3c" + literal + b"\x0f\x3d\0\0\0"
    assert decompress_snappy(data) == b"ab" * 5 + literal + literal[:4]
    with pytest.raises(DocumentError, match="cut off"):
        decompress_snappy(data[:-9])
    with pytest.raises(DocumentError, match="refers to nothing"):
        decompress_snappy(b"\x08" + b"\x11\x02")


def test_messages_have_numbers_and_bytes_by_field():
    data = message((1, 300), (2, "text"), (2, b"more")) + b"\x1d\1\2\3\4"
    assert parse_message(data) == {1: [300], 2: [b"text", b"more"], 3: [b"\1\2\3\4"]}
    for damage in (data[:-1], b"\x0b", b"\xff" * 11):
        with pytest.raises(DocumentError, match="damaged iWork file"):
            parse_message(damage)
