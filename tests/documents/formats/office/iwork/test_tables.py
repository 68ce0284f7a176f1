"""Cells of iWork tables, in the layouts of 2013 and later."""

import struct

import pytest

from ragkit.documents.formats.office.iwork.iwa import IworkObject
from ragkit.documents.formats.office.iwork.tables import read_table
from tests.documents.iwork_files import message, table_objects


def read_cell(content, *, old=False):
    objects = table_objects(100, "T", [[content]], ["zero", "one"])
    if old:
        row = message((1, 0), (3, content), (4, b"\0\0"))
        objects[102] = (6002, message((5, row)), [])
    found = {key: IworkObject(kind, data, (), "x") for key, (kind, data, _) in objects.items()}
    return read_table(found, found[101]).rows


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (struct.pack("<BBxxIIII", 4, 3, 0x14, 0, 9, 1), "one"),  # with a style
        (struct.pack("<BBxxIId", 4, 2, 0x20, 0, 0.5), "0.5"),
        (struct.pack("<BBxxIId", 4, 5, 0x40, 0, 86400.0), "2001-01-02"),
        (struct.pack("<BxBxIId", 3, 6, 0x20, 0, 1.0), "TRUE"),
    ],
)
def test_cells_of_2013_are_read(content, expected):
    assert read_cell(content, old=True) == [(0, [(0, expected)])]


def test_cells_that_are_cut_off_are_damaged_or_empty():
    assert read_cell(b"\5\3") == []
