"""Outlook messages, made by hand as [MS-CFB] and [MS-OXMSG] describe them."""

import struct

import pytest

from ragkit.documents import read, read_all
from ragkit.errors import DocumentError

SECTOR, FREE, END = 512, 0xFFFFFFFF, 0xFFFFFFFE


def compound_file(tree):
    """An OLE2 file of streams (bytes) and storages (dicts). All streams get sectors of their own,
    padded to what is not kept in the mini stream."""
    entries, sectors, chains = [("Root Entry", 5, FREE, FREE, 0)], [], []

    def children(storage):
        below = []
        for name, content in storage.items():
            entries.append(None)
            number = len(entries) - 1
            if isinstance(content, dict):
                entries[number] = (name, 1, children(content), FREE, 0)
            else:
                padded = content.ljust(4096, b"\0")
                chains.append((len(sectors), -(-len(padded) // SECTOR)))
                entries[number] = (name, 2, FREE, len(sectors), max(4096, len(content)))
                for at in range(0, len(padded), SECTOR):
                    sectors.append(padded[at : at + SECTOR].ljust(SECTOR, b"\0"))
            below.append(number)
        siblings.update(zip(below, [*below[1:], FREE], strict=False))
        return below[0] if below else FREE

    siblings = {}
    entries[0] = ("Root Entry", 5, children(tree), END, 0)
    directory = b"".join(
        _entry(*entry, siblings.get(number, FREE)) for number, entry in enumerate(entries)
    )
    first = len(sectors)
    directory += bytes(-len(directory) % SECTOR)
    sectors += [directory[at : at + SECTOR] for at in range(0, len(directory), SECTOR)]
    chains.append((first, len(sectors) - first))
    table = [FREE] * (SECTOR // 4 * (len(sectors) // 127 + 1))
    for start, length in chains:
        table[start : start + length] = [*range(start + 1, start + length), END]
    fat = len(sectors)
    for at in range(len(table) // 128):
        table[fat + at] = 0xFFFFFFFD
    sectors += [struct.pack("<128I", *table[at : at + 128]) for at in range(0, len(table), 128)]
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
        0, len(table) // 128, first, 0, 4096, END, 0, END, 0,
    )  # fmt: skip
    places = [*range(fat, fat + len(table) // 128)]
    header += struct.pack("<109I", *places, *[FREE] * (109 - len(places)))
    return header + b"".join(sectors)


def _entry(name, kind, child, start, size, sibling):
    wide = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII36xIQ", wide, len(wide), kind, 1, FREE, sibling, child, start, size
    )


def properties(header, **small):
    entries = b"".join(
        struct.pack("<HHI8s", 0x40, int(tag[1:], 16), 6, value) for tag, value in small.items()
    )
    return bytes(header) + entries


def text(tag, value):
    return {f"__substg1.0_{tag}001F": value.encode("utf-16-le")}


def filetime(seconds_since_1601):
    return struct.pack("<Q", seconds_since_1601 * 10_000_000)


# 2024-10-01 00:00 UTC is 133,722,144,000,000,000 tenths of microseconds after 1601.
OCTOBER = filetime(13_372_214_400)
INNER = {
    "__properties_version1.0": properties(24),
    **text("0037", "Inner"),
    **text("1000", "Inside."),
}
MESSAGE = {
    "__properties_version1.0": properties(32, x0039=OCTOBER),
    **text("0037", "Plans for Käse"),
    **text("0C1A", "Ann Berg"),
    **text("5D01", "ann@example.org"),
    **text("0E04", "Bo; Cy"),
    **text("1000", "See you.\r\nAnn"),
    "__attach_version1.0_#00000000": {
        "__properties_version1.0": properties(8),
        **text("3707", "notes.txt"),
        "__substg1.0_37010102": b"Attached words.".ljust(4096),
    },
    "__attach_version1.0_#00000001": {
        "__properties_version1.0": properties(8),
        "__substg1.0_3701000D": INNER,
    },
}


def test_a_message_and_what_is_attached():
    records = list(read_all(compound_file(MESSAGE), "a.msg"))
    assert [record.name for record in records] == ["", "notes.txt", "Inner"]
    own = records[0].document
    opening = "From: Ann Berg <ann@example.org>\nTo: Bo; Cy\nDate: 2024-10-01T00:00:00+00:00\n\n"
    assert own.text.rstrip("\0") == f"{opening}See you.\nAnn"
    assert own.title == "Plans for Käse"
    assert records[1].document.text.rstrip() == "Attached words."
    assert records[2].document.text == "Inside."


def test_a_message_with_a_page_only():
    page = b"<p>Caf\xe9 <b>words</b></p>".ljust(4096)
    tree = {
        "__properties_version1.0": properties(32, x3FDE=struct.pack("<Q", 1252)),
        "__substg1.0_10130102": page,
    }
    assert read(compound_file(tree), "a.msg").text == "Café words"


def test_a_damaged_message_is_refused():
    with pytest.raises(DocumentError, match="damaged Outlook message"):
        data = compound_file(MESSAGE)
        read(data[:48] + b"\xff\xff\xff\x7f" + data[52:], "a.msg")  # where its directory is
    with pytest.raises(DocumentError, match="it has no properties"):
        read(compound_file(text("0037", "x")), "a.msg")
