"""doc: text by pieces, headings, lists, tables, notes, comments, headers, fields; damaged files."""

import struct

import pytest

from ragkit.documents.formats.office.binary.doc import read_doc
from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError
from tests.documents.word_files import DELETED, IN_TABLE, ROW_END, SPECIAL, make_doc, plc

NO_BASE = 0xFFF
STYLES = [
    (0, NO_BASE, "Standard", b""),
    (1, 0, "Überschrift 1", b""),
    (62, 0, "Titel", b""),
    (19, 0, "Verzeichnis 1", b""),
    (0xFFE, 1, "Eigene", b"\x40\x26\x01"),  # outline level 2
]


def text(content, **parts):
    return read_doc(make_doc(content, **parts), "a.doc").text


def test_styles_and_outline_levels_make_headings_and_the_title():
    document = read_doc(
        make_doc(
            "Leave\rFirst\rMine\rWords.\r",
            styles=STYLES,
            paragraphs={5: (2, b""), 11: (1, b""), 16: (4, b""), 23: (0, b"\x40\x26\x09")},
        ),
        "a.doc",
    )
    assert document.text == "Leave\n\nFirst\n\nMine\n\nWords."
    assert [(h.text, h.level) for h in document.headings] == [
        *(("Leave", 1), ("First", 1), ("Mine", 2))
    ]
    assert document.title == "Leave"


def test_the_table_of_contents_is_left_out_as_in_docx():
    assert text("First\t1\rWords.\r", styles=STYLES, paragraphs={7: (3, b"")}) == "Words."


def test_deleted_text_is_left_out_and_special_characters_are_no_text():
    content = "Kept gone words.\x02\r"
    runs = [(5, 10, DELETED), (16, 17, SPECIAL)]
    assert text(content, characters=runs) == "Kept words."


def test_raised_and_lowered_characters_and_symbols():
    font = "Symbol".encode("utf-16-le") + b"\0\0"
    fonts = struct.pack("<HH", 1, 0) + bytes((39 + len(font),)) + bytes(39) + font
    runs = [(1, 3, b"\x48\x2a\x01"), (5, 6, b"\x48\x2a\x02"), (10, 11, b"\x09\x6a\x00\x00\x61\xf0")]
    assert text("264 xT is (\r", characters=runs, structures={15: fonts}) == "2^64 x_T is α"


def test_a_table_is_a_line_per_row_and_tables_in_cells_become_text():
    cell, end = (0, IN_TABLE), (0, IN_TABLE + ROW_END)
    content = "Item\x07Cost\x07\x07Rent\x07a\rb\x07\x07After.\r"
    marks = [at for at, char in enumerate(content) if char in "\x07\r"]
    places = dict(zip(marks, [cell, cell, end, cell, cell, cell, end], strict=False))
    document = read_doc(make_doc(content, paragraphs=places), "a.doc")
    assert document.text == "Item | Cost\nRent | a b\n\nAfter."
    assert [(t.start, t.end) for t in document.tables] == [(0, 22)]

    inner = IN_TABLE + b"\x49\x66\x02\0\0\0"
    content = "A\x07x\ry\r\rB\x07\x07"
    places = [
        (1, cell),
        (3, (0, inner + b"\x4b\x24\x01")),
        (5, (0, inner + b"\x4b\x24\x01")),
        (6, (0, inner + b"\x4b\x24\x01\x4c\x24\x01")),
        (8, cell),
        (9, end),
    ]
    assert text(content, paragraphs=dict(places)) == "A | x | y B"


def test_notes_comments_headers_and_text_boxes_follow_the_body():
    parts = ["Body.\r", "\x02 Note.\r", "\r\r\r\r\r\rACME\r\x13PAGE\x141\x15\r", "", "\x05Why?\r",
             "\x02 End note.\r", "Boxed.\r"]  # fmt: skip
    structures = {
        11: plc([0, 1, 2, 3, 4, 5, 6, 11, 20]),
        4: plc([2, 6], [bytes(30)]),
        5: plc([0, 6, 6]),
        36: struct.pack("<H", 3) + "Ada".encode("utf-16-le"),
    }
    document = make_doc("".join(parts), lengths=[*map(len, parts)], structures=structures)
    assert read_doc(document, "a.doc").text == (
        "Body.\n\nBoxed.\n\nNote.\n\nEnd note.\n\nComment by Ada: Why?\n\nACME"
    )


def test_encrypted_old_and_damaged_files_are_reported_as_such():
    def reason(data):
        (record, *_) = read_all(data, "a.doc")
        assert record.document is None
        return record.kind, record.reason

    assert reason(make_doc("Words.\r", flags=0x0100))[0] == "encrypted"
    good = make_doc("Words.\r")
    old = good.replace(b"\xec\xa5\xc1\x00", b"\xdc\xa5\x65\x00")
    assert reason(old)[0] == "unsupported"
    assert "--convert-to docx" in reason(old)[1]
    assert reason(good.replace(b"\xec\xa5\xc1\x00", b"\0\0\0\0"))[0] == "damaged"
    assert reason(good[:600])[0] == "damaged"
    pieces = plc([0, 2**31], [bytes(8)])  # one that says it has 2,147 million characters
    huge = make_doc("Words.\r", structures={33: b"\x02" + struct.pack("<I", 16) + pieces})
    assert reason(huge)[0] == "limit"
    assert reason(make_doc("Words.\r", structures={33: b""}))[0] == "damaged"
    with pytest.raises(DocumentError, match="out of order"):
        pieces = plc([9, 3], [bytes(8)])
        read_doc(make_doc("x\r", structures={33: b"\x02\x10\0\0\0" + pieces}), "a.doc")


def test_a_text_that_is_cut_off_is_read_with_a_warning():
    document = read_doc(make_doc("Words.\r", lengths=[9000]), "a.doc")
    assert document.text == "Words."
    assert document.warnings == ("cut off: read as far as it goes",)
    with pytest.raises(DocumentError, match="cut off"):
        read_doc(make_doc("\r", lengths=[9000]), "a.doc")


def test_it_is_recognised_by_its_content():
    document = read(make_doc("Words.\r"), "letter.bin")
    assert (document.media_type, document.media_type_by) == ("application/msword", "content")


def test_a_field_without_its_end_hides_no_text():
    expected = "Before HYPERLINK x after.\n\nSecond."
    assert text("Before \x13HYPERLINK x after.\rSecond.\r") == expected
    linked = "Before\x13 HYPERLINK x\x14link\x15 after.\rSecond.\r"
    deleted = (linked.index("\x14"), linked.index("\x15") + 1, DELETED)
    assert text(linked, characters=[deleted]) == "Before after.\n\nSecond."
