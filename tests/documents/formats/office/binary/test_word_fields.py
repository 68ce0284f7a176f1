"""Fields of Word files: results, buttons, equations, ruby annotations, form fields."""

import struct

import pytest

from ragkit.documents.formats.office.binary.doc import read_doc
from tests.documents.word_files import SPECIAL, make_doc


def text(content, **parts):
    return read_doc(make_doc(content, **parts), "a.doc").text


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
        ("\x13field\r", "field"),  # without an end it is no field
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
