"""Pages, Numbers and Keynote: texts, headings, tables, slides, notes; damaged files."""

import struct

import pytest

from ragkit.documents.formats.office.iwork.iwork import read_iwork
from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError
from tests.documents.files import PNG, make_zip, read_zip
from tests.documents.iwork_files import (
    cell,
    make_iwork,
    message,
    part,
    ref,
    storage,
    table_objects,
)

DECIMAL = (125 | (0x1820 - 1) << 113).to_bytes(16, "little")  # 12.5
ROWS = [
    [cell(3, struct.pack("<I", 0), 8), cell(3, struct.pack("<I", 1), 8)],
    [cell(2, DECIMAL, 1), None, cell(5, struct.pack("<d", 86400 * 31), 4)],
    [cell(6, struct.pack("<d", 1.0), 2), cell(7, struct.pack("<d", 90.0), 2), cell(8)],
]
TABLE = table_objects(100, "Costs", ROWS, ["Item", "Cost"])
TABLE_TEXT = "Item | Cost\n12.5 |  | 2001-02-01\nTRUE | 0:01:30 | #ERROR"


def pages(text, **more):
    objects = {1: (10000, b"", []), 2: (2001, storage(text, **more), [])}
    objects[10] = (2022, message((1, message((1, "Heading 2")))), [])
    objects[11] = (2022, message((1, message((3, ref(10))))), [])  # a variation of it
    objects[20] = (2003, b"", [100])
    objects[30] = (2001, storage("A note.", kind=2), [])
    objects[31] = (2001, storage("ACME\n7", kind=1), [])
    objects[32] = (2001, storage("Boxed.", kind=3), [])
    return make_iwork({"Document": {**objects, **TABLE}})


def test_pages_reads_body_headings_tables_boxes_notes_and_margins():
    text = "Title\nWords of\u2028two lines.\n\ufffc\nEnd."
    document = read_iwork(
        pages(text, styles=[(0, 11), (6, 99)], attachments=[(text.index("\ufffc"), 20)]), "a.pages"
    )
    assert document.text == (
        "Title\n\nWords of\ntwo lines.\n\nItem | Cost\n12.5 | 2001-02-01\nTRUE | 0:01:30 | #ERROR"
        "\n\nEnd.\n\nBoxed.\n\nA note.\n\nACME\n\n7"
    )
    assert [(h.text, h.level) for h in document.headings] == [("Title", 2)]


def test_numbers_reads_the_rows_of_every_table():
    objects = {
        1: (1, message((1, ref(2)), (1, ref(3))), []),
        2: (2, message((1, "Budget"), (2, ref(100))), []),
        3: (2, message((1, "Notes"), (2, ref(50))), []),
        50: (3056, b"", [51]),
        51: (2001, storage("A text box."), []),
    }
    document = read_iwork(make_iwork({"Document": objects, "Tables/Tile": TABLE}), "a.numbers")
    assert document.text == f"Budget\n\n{TABLE_TEXT}\n\nNotes\n\nA text box."
    assert [place.value for place in document.locators] == [
        *("Budget!A1:B1", "Budget!A2:C2", "Budget!A3:C3", "Notes!A1")
    ]


def keynote(**more):
    node = message((2, ref(5)))
    show = message((3, message((2, ref(41)), (2, ref(40)))))
    slides = {
        f"Slide-{n}": {
            n: (5, b"", [n + 10, n + 20, n + 30, n + 35, 999]),
            n + 10: (7, message((2, 2)), [n + 11]),
            n + 11: (2001, storage(f"Title {n}"), []),
            n + 20: (7, message((2, 3)), [n + 21]),
            n + 21: (2001, storage("One\nTwo"), []),
            n + 30: (15, b"", [n + 31]),
            n + 31: (2001, storage("Say this.", kind=4), []),
            n + 35: (7, message((2, 1)), [n + 36]),
            n + 36: (2001, storage("7"), []),
        }
        for n in (200, 300)
    }
    objects = {
        1: (1, b"", [2]),
        2: (2, show, [40, 41]),
        40: (4, node, [200]),
        41: (4, node, [300]),
    }
    masters = {999: (5, b"", [998]), 998: (2001, storage("Click to edit"), [])}
    return make_iwork({"Document": objects, **slides, "MasterSlide": masters}, **more)


def test_keynote_reads_the_slides_in_the_order_of_the_show():
    document = read_iwork(keynote(), "a.key")
    slide = "Title {}\n\nOne\nTwo\n\nNotes: Say this."
    assert document.text == f"{slide.format(300)}\n\n{slide.format(200)}"
    assert [(place.kind, place.value) for place in document.locators] == [
        *(("slide", "1"), ("slide", "2"))
    ]
    assert document.title == "Title 300"


def test_a_document_that_is_a_folder_has_its_objects_in_a_zip_of_their_own():
    index = {name: data for name, data in read_zip(keynote()).items() if name.startswith("Index")}
    document = read(make_zip({"Index.zip": make_zip(index)}), "a.key")
    assert document.title == "Title 300"


def test_a_slide_that_the_show_does_not_list_comes_last():
    parts = read_zip(keynote())
    show = (2, message((3, message((2, ref(41))))), [40, 41])
    objects = {1: (1, b"", [2]), 2: show, 40: (4, b"", [200]), 41: (4, b"", [300])}
    document = read_iwork(make_zip({**parts, "Index/Document.iwa": part(objects)}), "a.key")
    assert [heading.text for heading in document.headings] == ["Title 300", "Title 200"]


def test_pages_reads_tables_apart_from_the_text_and_all_kinds_of_texts():
    objects = {1: (10000, b"", []), 2: (2001, storage("Words."), [])}
    objects |= {30: (2001, storage("An endnote.", kind=4), [])}
    document = read_iwork(make_iwork({"Document": {**objects, **TABLE}}), "a.pages")
    assert document.text == (
        "Words.\n\nAn endnote.\n\nItem | Cost\n12.5 | 2001-02-01\nTRUE | 0:01:30 | #ERROR"
    )


def test_positions_count_utf_16_units():
    text = "\U0001f600 Words.\nTitle"
    document = read_iwork(pages(text, styles=[(0, 99), (10, 11)]), "a.pages")
    assert [heading.text for heading in document.headings] == ["Title"]


def test_numbers_reads_tables_and_texts_in_groups_once():
    objects = {
        1: (1, message((1, ref(2))), []),
        2: (2, message((1, "Budget"), (2, ref(50)), (2, ref(60))), [50, 60]),
        50: (3008, b"", [2, 100, 51]),
        51: (2001, storage("A text box."), []),
        60: (3056, b"", [2, 61]),
        61: (2001, storage("Another."), []),
    }
    document = read_iwork(make_iwork({"Document": {**objects, **TABLE}}), "a.numbers")
    assert document.text == f"Budget\n\n{TABLE_TEXT}\n\nA text box.\nAnother."


def test_pictures_are_members_without_their_small_copies():
    data = keynote(**{"Data/map-12.png": PNG, "Data/map-small-13.png": PNG})
    assert [record.name for record in read_all(data, "a.key")] == ["", "map-12.png"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: make_zip({**read_zip(data), "Index/Document.iwa": b"\0\xff\xff\xff"}),
        lambda data: make_zip({"Index/Document.iwa": b""}),
        lambda data: make_zip({"Index/Document.iwa": part({1: (1, b"\x08", [])})}),
    ],
)
def test_damaged_files_are_reported_and_never_empty(damage):
    (record, *_) = read_all(damage(pages("Words.")), "a.pages")
    assert (record.document, record.kind) == (None, "damaged")


def test_encrypted_files_are_reported_as_such():
    with pytest.raises(DocumentError, match="encrypted") as caught:
        read_iwork(make_zip({"Index/Document.iwa": b"x", ".iwpv2": b"x"}), "a.pages")
    assert caught.value.kind == "encrypted"


def test_objects_that_refer_to_each_other_end():
    objects = {1: (10000, b"", []), 2: (2001, storage("Words.", styles=[(0, 3)]), [2])}
    objects[3] = (2022, message((1, message((3, ref(3))))), [])
    assert read_iwork(make_iwork({"Document": objects}), "a.pages").text == "Words."
