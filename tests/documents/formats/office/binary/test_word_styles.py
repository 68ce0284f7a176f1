"""Lists, styles and fonts of Word files; damaged ones are read as far as they go."""

import struct

from ragkit.documents.formats.office.binary.doc import read_doc
from ragkit.documents.formats.office.binary.word_styles import (
    parse_fonts,
    parse_numbering,
    parse_styles,
)
from tests.documents.word_files import make_doc

NO_BASE = 0xFFF


def level(text_of_level, number_style=0, start=1, flags=0):
    return (
        struct.pack("<iBB", start, number_style, flags).ljust(28, b"\0")
        + struct.pack("<H", len(text_of_level))
        + text_of_level.encode("utf-16-le")
    )


def test_list_items_have_the_numbers_that_word_displays():
    levels = [level("\0."), level("\0.\1.", 4), *[level("")] * 7]
    definition = struct.pack("<Ii9H", 7, 0, *[NO_BASE] * 9).ljust(28, b"\0")
    lists = struct.pack("<H", 1) + definition
    uses = struct.pack("<I", 1) + struct.pack("<I", 7).ljust(16, b"\0") + bytes(4)
    numbered, below = b"\x0b\x46\x01\x00", b"\x0a\x26\x01\x0b\x46\x01\x00"
    content = "One\rTwo\rDeep\rThree\rWords\rFour\r"
    # The levels follow the definitions, outside of the size that the header gives.
    data = make_doc(
        content,
        paragraphs={
            3: (0, numbered),
            7: (0, numbered),
            12: (0, below),
            18: (0, numbered),
            29: (0, numbered),
        },
        structures={73: lists, 74: uses},
        after={73: b"".join(levels)},
    )
    assert read_doc(data, "a.doc").text == (
        "1. One\n2. Two\n  2.a. Deep\n3. Three\n\nWords\n\n4. Four"
    )


def test_structures_that_are_cut_off_are_read_as_far_as_they_go():
    assert parse_styles(b"\x12\0\xff\xff\x0a") == {}
    assert parse_fonts(b"\xff\xff\0\0\x60") == [""]
    numbering = parse_numbering(b"\xff\xff", b"\xff\xff\xff\xff")
    assert numbering.next_label("1", 0) is None
