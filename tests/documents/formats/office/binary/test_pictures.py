"""Pictures in streams of doc and ppt: each content once, with reasons for vector pictures."""

import struct

from ragkit.documents.formats.office.binary.pictures import picture_members
from ragkit.documents.unpacking.limits import Budget


def picture(header, content, skipped):
    return header + struct.pack("<I", skipped + len(content)) + bytes(skipped) + content


def test_pictures_are_found_wherever_they_lie():
    png = picture(b"\x10\x6e\x1e\xf0", b"png", 33)
    jpeg = picture(b"\xa0\x46\x1d\xf0", b"jpeg", 17)
    cut_off = b"\x00\x6e\x1e\xf0" + struct.pack("<I", 999)
    streams = [b"junk" + png + png + jpeg, cut_off + picture(b"\x60\x21\x1b\xf0", b"wmf", 50)]
    members = list(picture_members(iter(streams), Budget()))
    assert [(member.name, member.data, member.kind) for member in members] == [
        ("picture 1.png", b"png", "damaged"),
        ("picture 2.jpg", b"jpeg", "damaged"),
        ("picture 3.wmf", b"", "image"),
    ]
