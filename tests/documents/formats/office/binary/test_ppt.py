"""ppt: slides in order, titles, tables, notes, comments, embedded files; damaged files."""

import struct

import pytest

from ragkit.documents.formats.office.binary.ppt import read_ppt
from ragkit.documents.read import read_all
from ragkit.errors import DocumentError
from tests.documents.mail_files import make_ole2
from tests.documents.ppt_files import (
    atom,
    container,
    drawing,
    make_ppt,
    outline_box,
    table,
    text_box,
)


def texts(*slides, **parts):
    return read_ppt(make_ppt(slides, **parts), "a.ppt").text


def test_slides_have_their_title_first_and_their_shapes_from_top_to_bottom():
    document = read_ppt(
        make_ppt(
            [
                drawing(
                    text_box("Right", top=900, left=500),
                    text_box("Left", top=910, left=10),
                    text_box("Above", top=10, narrow=True),
                    text_box("Leave\x0bpolicy", kind=0, top=2000),
                    text_box("7", placeholder=8, top=5000),  # the number of the slide
                ),
                drawing(text_box("Only words")),
            ]
        ),
        "a.ppt",
    )
    assert document.text == "Leave policy\n\nAbove\n\nLeft\n\nRight\n\nOnly words"
    assert [(h.text, h.level) for h in document.headings] == [("Leave policy", 1)]
    assert [(place.kind, place.value, place.start) for place in document.locators] == [
        ("slide", "1", 0),
        ("slide", "2", document.text.index("Only")),
    ]
    assert document.title == "Leave policy"


def test_placeholders_show_the_texts_of_the_list_of_slides():
    outline = [
        *(atom(3999, struct.pack("<I", 0)), atom(4008, b"Title")),
        *(atom(3999, struct.pack("<I", 1)), atom(4000, "One\rTwo".encode("utf-16-le"))),
    ]
    slide = drawing(outline_box(1, 50), outline_box(0, 900), outline_box(7))
    assert texts(slide, outlines={0: outline}) == "Title\n\nOne\nTwo"


def test_levels_below_the_first_are_list_items_and_fields_are_no_text():
    levels = struct.pack("<IHI", 4, 0, 0) + struct.pack("<IHIH", 5, 1, 0xF, 1)
    style = atom(4001, levels)
    field = atom(4056, struct.pack("<I", 4))
    body = text_box("One\r*two", kind=1, more=style + field)
    assert texts(drawing(text_box("Title", kind=0), body)) == "Title\n\nOne\n- two"


def test_a_group_that_is_a_table_has_a_line_per_row():
    document = read_ppt(make_ppt([drawing(table(["Item", "Cost"], ["Rent", "9"]))]), "a.ppt")
    assert document.text == "Item | Cost\nRent | 9"
    assert len(document.tables) == 1


def test_notes_comments_and_hidden_slides_are_read():
    comment = container(12000, atom(4026, "Ada".encode("utf-16-le")),
                        atom(4026, "Why?".encode("utf-16-le"), instance=1))  # fmt: skip
    program_data = container(5000, container(5002, container(5003, comment)))
    hidden = atom(1017, bytes(10) + b"\4\0" + bytes(4))
    notes = drawing(text_box("Say this.", kind=2), text_box("3", kind=4))
    document = read_ppt(
        make_ppt([hidden + drawing(text_box("Words")) + program_data], notes={0: notes}), "a.ppt"
    )
    assert document.text == "Words\n\nNotes: Say this.\n\nComment by Ada: Why?"
    assert document.warnings == ("1 hidden slides are read",)


def test_encrypted_and_damaged_files_are_reported_as_such():
    def reason(data):
        (record, *_) = read_all(data, "a.ppt")
        assert record.document is None
        return record.kind

    good = make_ppt([drawing(text_box("Words"))])
    assert reason(make_ppt([drawing(text_box("Words"))], token=0xF3D1C4DF)) == "encrypted"
    assert reason(make_ole2({"PowerPoint Document": bytes(5000)})) == "damaged"
    assert reason(good[:700]) == "damaged"
    # The list names a slide that is not there.
    with pytest.raises(DocumentError, match="none of its slides"):
        read_ppt(good.replace(struct.pack("<HHI", 0xF, 1006, 0)[:4], b"\x0f\0\xff\xff"), "a.ppt")
    assert read_ppt(make_ppt([]), "a.ppt").text == ""  # no slides


def test_deep_groups_end():
    shape = text_box("Deep")
    for _ in range(300):
        shape = container(0xF003, shape)
    assert texts(drawing(text_box("Words"), shape)) == "Words"
