"""Properties of OLE2 documents: title, author, dates; damaged ones are left out."""

import struct

from ragkit.documents.formats.office.binary.doc import read_doc
from tests.documents.word_files import make_doc


def summary(*properties):
    """A stream of properties: (number, type, value)."""
    table, values = b"", b""
    for number, kind, value in properties:
        table += struct.pack("<II", number, 8 + 8 * len(properties) + len(values))
        values += struct.pack("<I", kind) + value + bytes(-len(value) % 4)
    body = struct.pack("<II", 8 + len(table) + len(values), len(properties)) + table + values
    return struct.pack("<HHI16xI16xI", 0xFFFE, 0, 2, 1, 48) + body


def test_properties_are_title_and_metadata_and_damaged_ones_are_left_out():
    title = "Лист".encode("cp1251")
    properties = summary(
        (1, 2, struct.pack("<H", 1251)),
        (2, 30, struct.pack("<I", len(title) + 1) + title + b"\0"),
        (4, 31, struct.pack("<I", 4) + "Ada\0".encode("utf-16-le")),
        (12, 64, struct.pack("<Q", 133_722_144_000_000_000)),
        (5, 0x101F, struct.pack("<I", 0xFFFFFFFF)),  # a list of 4,294,967,295 strings
    )
    document = read_doc(make_doc("Words.\r", more={"\x05SummaryInformation": properties}), "a.doc")
    assert document.title == "Лист"
    assert document.metadata == {"author": "Ada", "created": "2024-10-01T00:00:00+00:00"}


def test_a_last_sector_that_is_not_filled_is_no_damage():
    data = make_doc("Words.\r")
    assert read_doc(data + bytes(100), "a.doc").text == "Words."
    assert read_doc(data.rstrip(b"\xff"), "a.doc").text == "Words."
