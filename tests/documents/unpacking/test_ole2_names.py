"""The root storage of an OLE2 file decides what kind of file it is."""

import pytest

from ragkit.documents.detect import detect
from ragkit.documents.unpacking.ole2_names import root_names
from ragkit.records import media_types
from tests.documents.mail_files import make_ole2


def test_only_names_at_the_root_count():
    data = make_ole2({"Workbook": b"x" * 9, "Object": {"WordDocument": b"y" * 9}})
    assert root_names(data) == {"Workbook", "Object"}
    assert detect(data, "a.bin").media_type == media_types.XLS
    message = make_ole2({"__substg1.0_0037001F": b"s", "__attach": {"WordDocument": b"y"}})
    assert detect(message, "a.bin").media_type == media_types.MSG


@pytest.mark.parametrize("size", [0, 8, 100, 511, 512, 600, 1100])
def test_damaged_files_have_no_names(size):
    assert root_names(make_ole2({"Workbook": b"x"})[:size]) in (None, frozenset({"Workbook"}))


def test_chains_that_never_end_are_left():
    data = bytearray(make_ole2({"Workbook": b"x"}))
    for at in range(512, len(data) - 3, 4):
        looped = bytes(data[:at]) + b"\0\0\0\0" + bytes(data[at + 4 :])
        root_names(looped)  # ends
