"""doc: text by pieces, headings, lists, tables, notes, comments, headers, fields; damaged files."""

import struct

import pytest

from ragkit.documents.formats.office.binary.doc import read_doc
from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError
from tests.documents.files import PNG
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


def test_pieces_are_read_in_the_order_of_the_text_and_in_their_own_width():
    assert text("One “two”.\rThree € four.\r", split=11) == "One “two”.\n\nThree € four."


def test_characters_that_windows_does_not_define_keep_the_positions_of_others():
    document = make_doc("One.\rT\x8do.\rEnd.\r", split=5, paragraphs={14: (1, b"")}, styles=STYLES)
    document = document.replace(b"T\x3fo", b"T\x8do")
    assert [h.text for h in read_doc(document, "a.doc").headings] == ["End."]


def test_letters_beyond_the_basic_plane_are_read():
    assert text("a 𐌲 b\r") == "a 𐌲 b"


def test_deleted_text_is_left_out_and_special_characters_are_no_text():
    content = "Kept gone words.\x02\r"
    runs = [(5, 10, DELETED), (16, 17, SPECIAL)]
    assert text(content, characters=runs) == "Kept words."


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('See \x13HYPERLINK "http://x.y" \x14the page\x15.\r', "See the page."),
        ("A \x13IF \x13PAGE\x141\x15=1 \x14yes\x15 B\r", "A yes B"),  # a field in a code
        ("\x13TITLE\x14Old \x13AUTHOR\x14Ann\x15\x15.\r", "Old Ann."),
        ("\x13MACROBUTTON NoMacro [Type here]\x15\r", "[Type here]"),
        ('\x13EQ \\* jc2 \\* "Font:M" \\o\\ad(\\s\\up 10(とうきょう),東京)\x15\r', "東京"),
        ("x = \x13EQ \\f(12,5)\x15\r", "x = 12/5"),
        ("\x13EQ \\r(3,16)\x15\r", "3√16"),
        ("\x13 SECTIONPAGES \x15\r", ""),
        ("a\x0bb\x1ec\x1fd\re\x0cf\r", "a\nb-cd\n\ne\n\nf"),
        ("\x13field\r", ""),  # without an end: its code is no text
    ],
)
def test_fields_show_their_result_and_never_their_code(content, expected):
    assert text(content) == expected


def form(kind, result, default=0, entries=()):
    """The data of a form field, as it lies in the stream of data."""
    empty = struct.pack("<HH", 0, 0)
    content = struct.pack("<IHHH", 0xFFFFFFFF, kind | result << 2, 0, 0) + empty
    content += struct.pack("<H", default) + 5 * empty
    content += struct.pack("<HIH", 0xFFFF, len(entries), 0)
    content += b"".join(struct.pack("<H", len(e)) + e.encode("utf-16-le") for e in entries)
    return struct.pack("<IH62x", 68 + len(content), 68) + content


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        ("FORMCHECKBOX", form(1, 1), "☒"),
        ("FORMCHECKBOX", form(1, 0), "☐"),
        ("FORMCHECKBOX", form(1, 25, 1), "☒"),  # not filled in: the default
        ("FORMCHECKBOX", b"\xff" * 99, "☐"),
        ("FORMDROPDOWN", form(2, 1, entries=("blue", "red")), "red"),
        ("FORMDROPDOWN", form(2, 9, entries=("blue", "red")), ""),
    ],
)
def test_form_fields_show_their_state(code, data, expected):
    content = f"\x13 {code} \x01\x15 Yes\r"
    at = content.index("\x01")
    runs = [(at, at + 1, SPECIAL + struct.pack("<HI", 0x6A03, 0))]
    assert text(content, characters=runs, data=data) == f"{expected} Yes".strip()


def test_raised_and_lowered_characters_and_symbols():
    font = "Symbol".encode("utf-16-le") + b"\0\0"
    fonts = struct.pack("<HH", 1, 0) + bytes((39 + len(font),)) + bytes(39) + font
    runs = [(1, 3, b"\x48\x2a\x01"), (5, 6, b"\x48\x2a\x02"), (10, 11, b"\x09\x6a\x00\x00\x61\xf0")]
    assert text("264 xT is (\r", characters=runs, structures={15: fonts}) == "2^64 x_T is α"


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


def test_embedded_files_and_pictures_are_documents_of_their_own():
    body = b"\x02\0n.txt\0C:\\n.txt\0\0\0\3\0" + struct.pack("<I", 2) + b"t\0"
    body += struct.pack("<I", 6) + b"Words."
    native = struct.pack("<I", len(body)) + body
    png = PNG + bytes(60)
    picture = b"\x00\x6e\x1e\xf0" + struct.pack("<I", 17 + len(png)) + bytes(17) + png
    metafile = b"\x40\x3d\x1a\xf0" + struct.pack("<I", 40) + bytes(40)
    data = make_doc(
        "Body.\r",
        data=picture + picture + metafile,
        more={"ObjectPool": {"_1": {"\x01Ole10Native": native}, "_2": {"Contents": b"?"}}},
    )
    records = {record.name: record for record in read_all(data, "a.doc")}
    assert records[""].document.text == "Body."
    assert records["n.txt"].document.text == "Words."
    assert [(name, records[name].kind) for name in list(records)[2:]] == [
        ("object 2", "unsupported"),
        ("picture 1.png", "image"),
        ("picture 2.emf", "image"),
    ]


def test_it_is_recognised_by_its_content():
    document = read(make_doc("Words.\r"), "letter.bin")
    assert (document.media_type, document.media_type_by) == ("application/msword", "content")


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
