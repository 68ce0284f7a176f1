"""The structure of Word files: pieces of text, positions, operations."""

from ragkit.documents.formats.office.binary.doc import read_doc
from ragkit.documents.formats.office.binary.word_file import parse_operations
from tests.documents.word_files import make_doc


def read_text(content, **parts):
    return read_doc(make_doc(content, **parts), "a.doc").text


def test_pieces_are_read_in_the_order_of_the_text_and_in_their_own_width():
    assert read_text("One “two”.\rThree € four.\r", split=11) == "One “two”.\n\nThree € four."


def test_characters_that_windows_does_not_define_keep_the_positions_of_others():
    document = make_doc(
        "One.\rT\x8do.\rEnd.\r",
        split=5,
        paragraphs={14: (1, b"")},
        styles=[(0, 0xFFF, "Normal", b""), (1, 0, "heading 1", b"")],
    )
    document = document.replace(b"T\x3fo", b"T\x8do")
    assert [h.text for h in read_doc(document, "a.doc").headings] == ["End."]


def test_letters_beyond_the_basic_plane_are_read():
    assert read_text("a 𐌲 b\r") == "a 𐌲 b"


def test_operations_have_operands_of_one_to_four_bytes_or_of_a_size_of_their_own():
    data = b"\x16\x24\x01" + b"\x0b\x46\x02\x00" + b"\x03\x6a\1\2\3\4" + b"\x08\xd6\4\0abc"
    assert parse_operations(data) == (
        (0x2416, b"\1"),
        (0x460B, b"\2\0"),
        (0x6A03, b"\1\2\3\4"),
        (0xD608, b"abc"),
    )
    assert parse_operations(data[:5]) == ((0x2416, b"\1"),)
