"""Binary workbooks (xlsb), made by hand as [MS-XLSB] describes them."""

from __future__ import annotations

import struct

from tests.documents.files import make_zip

_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def record(kind, content):
    """Return a record: type and size as numbers of seven bits a byte, and its content."""
    head = bytes((kind & 0x7F | 0x80, kind >> 7)) if kind > 127 else bytes((kind,))
    size, left = b"", len(content)
    while left > 127:
        size += bytes((left & 0x7F | 0x80,))
        left >>= 7
    return head + size + bytes((left,)) + content


def wide(text):
    """Return a counted text."""
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def row(number):
    """Return the record that begins a row; `number` counts from 0."""
    return record(0, struct.pack("<I", number) + bytes(13))


def cell(kind, column, value, style=0):
    """Return the record of a cell; `column` counts from 0."""
    return record(kind, struct.pack("<II", column, style) + value)


def make_xlsb(sheets, *, strings=(), formats=None, styles=(0,), comments=b""):
    """Return a workbook. `sheets`: records by name, hidden ones with "!"; `styles`: number of the
    format of each cell style; `formats`: number → code; `comments`: records, of the first sheet."""
    workbook, links, files = record(153, bytes(12)), "", {}
    for number, (name, content) in enumerate(sheets.items(), start=1):
        hidden = name.startswith("!")
        entry = struct.pack("<II", hidden, number) + wide(f"rId{number}")
        workbook += record(156, entry + wide(name.removeprefix("!")))
        links += _link(f"rId{number}", "worksheet", f"worksheets/sheet{number}.bin")
        files[f"xl/worksheets/sheet{number}.bin"] = content
    links += _link("rId90", "sharedStrings", "sharedStrings.bin")
    links += _link("rId91", "styles", "styles.bin")
    style_records = b"".join(
        record(44, struct.pack("<H", number) + wide(code))
        for number, code in (formats or {}).items()
    )
    style_records += record(617, bytes(4))
    style_records += b"".join(record(47, struct.pack("<HH", 0, n) + bytes(12)) for n in styles)
    style_records += record(618, b"")
    files |= {
        "xl/workbook.bin": workbook,
        "xl/_rels/workbook.bin.rels": f"<Relationships>{links}</Relationships>",
        "xl/sharedStrings.bin": b"".join(record(19, b"\0" + wide(text)) for text in strings),
        "xl/styles.bin": style_records,
    }
    if comments:
        link = _link("rId1", "comments", "../comments1.bin")
        files["xl/worksheets/_rels/sheet1.bin.rels"] = f"<Relationships>{link}</Relationships>"
        files["xl/comments1.bin"] = comments
    return make_zip(files)


def _link(key, kind, target):
    return f'<Relationship Id="{key}" Type="{_TYPE}{kind}" Target="{target}"/>'
