"""The directory of a ppt: the newest save counts, and chains of saves end."""

import struct

from ragkit.documents.formats.office.binary.ppt import read_ppt
from tests.documents.ppt_files import drawing, make_ppt, text_box


def test_what_a_later_save_replaced_is_not_read():
    old = [drawing(text_box("Old words"))]
    data = make_ppt([drawing(text_box("New words"))], replaced=old)
    assert read_ppt(data, "a.ppt").text == "New words"


def test_a_directory_that_refers_to_itself_ends():
    data = bytearray(make_ppt([drawing(text_box("Words"))]))
    at = data.index(struct.pack("<HHI", 0, 0x0FF5, 28)) + 16
    edit = data.index(struct.pack("<HHI", 0, 0x0FF5, 28)) - 512
    data[at : at + 4] = struct.pack("<I", edit)
    assert read_ppt(bytes(data), "a.ppt").text == "Words"
