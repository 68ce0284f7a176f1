"""Files of Word 97 to 2003, made by hand as [MS-DOC] describes them."""

from __future__ import annotations

import struct

from tests.documents.mail_files import make_ole2

PAGE, TEXT_AT, PAIRS = 512, 0x800, 183
IN_TABLE, ROW_END = b"\x16\x24\x01", b"\x17\x24\x01"
DELETED, SPECIAL = b"\x00\x08\x01", b"\x55\x08\x01"


def make_doc(
    text, *, lengths=(), paragraphs=None, characters=(), styles=(), structures=None, flags=0,
    split=0, data=b"", more=None, after=None,
):  # fmt: skip
    """Return a doc. `text`: its parts one after the other; paragraphs end with "\\r".

    `lengths`: of main text, footnotes, headers, macros, comments, endnotes, text boxes; default:
    all is main text. `paragraphs`: position of a mark → (style number, operations); `characters`:
    (start, end, operations); `styles`: (number of a built-in style, base, name, operations).
    `structures`: place in the header → bytes of the table stream; `after`: bytes that follow one
    and are not counted. `data`: the stream `Data`; `more`: further streams. `split`: the text is
    stored as two pieces of this many characters and the rest, the second one first and in one byte
    each.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    text = "".join(map(chr, struct.unpack(f"<{len(units) // 2}H", units)))
    lengths = [*(lengths or [len(text)]), *[0] * 8][:8]
    cut = split or len(text)
    first = text[:cut].encode("utf-16-le", "surrogatepass")
    second = text[cut:].encode("cp1252", "replace")
    second_at, first_at = TEXT_AT, TEXT_AT + len(second) + len(second) % 2
    stored = second.ljust(first_at - TEXT_AT, b"\0") + first

    def offset(position):
        return first_at + 2 * position if position < cut else second_at + position - cut

    pieces = struct.pack("<2I", 0, cut)
    items = struct.pack("<HIH", 0, first_at, 0)
    if split:
        pieces += struct.pack("<I", len(text))
        items += struct.pack("<HIH", 0, second_at * 2 | 0x40000000, 0)
    clx = b"\x02" + struct.pack("<I", len(pieces + items)) + pieces + items
    body = bytearray(TEXT_AT) + stored
    body += bytes(-len(body) % PAGE)
    character_page = len(body) // PAGE
    body += _page([(offset(a), offset(b - 1) + (2 if b <= cut else 1), ops)
                   for a, b, ops in characters], paragraphs=False)  # fmt: skip
    marks = {
        at: (paragraphs or {}).get(at, (0, b""))
        for at, char in enumerate(text)
        if char in "\r\x07\x0c"
    }
    runs, start = [], 0
    for at, (style, operations) in marks.items():
        if (start < cut) == (at < cut):
            end = offset(at) + (2 if at < cut else 1)
            runs.append((offset(start), end, struct.pack("<H", style) + operations))
        start = at + 1
    runs.sort()
    pages = [_page(runs[at : at + 15], paragraphs=True) for at in range(0, len(runs), 15)]
    paragraph_page = len(body) // PAGE
    body += b"".join(pages)
    table, pairs = b"", {}
    for place, content in {
        1: _style_sheet(styles),
        12: struct.pack("<3I", 0, 1 << 30, character_page),
        13: struct.pack(f"<{2 * len(pages) + 1}I", *range(len(pages) + 1),
                        *range(paragraph_page, paragraph_page + len(pages))),
        33: clx,
        **(structures or {}),
    }.items():  # fmt: skip
        pairs[place] = (len(table), len(content))
        table += content + (after or {}).get(place, b"")
    struct.pack_into("<HH", body, 0, 0xA5EC, 0xC1)
    struct.pack_into("<H", body, 10, 0x0200 | flags)
    struct.pack_into("<H", body, 32, 14)
    struct.pack_into("<H", body, 62, 22)
    struct.pack_into("<8I", body, 76, *lengths)
    struct.pack_into("<H", body, 152, PAIRS)
    for place in range(PAIRS):
        struct.pack_into("<2I", body, 154 + 8 * place, *pairs.get(place, (0, 0)))
    return make_ole2(
        {"WordDocument": bytes(body), "1Table": table, "Data": data.ljust(4096), **(more or {})}
    )


def _page(runs, *, paragraphs):
    """Return a page of formatted runs: (start, end, properties)."""
    page, top, entries, offsets, end = bytearray(PAGE), PAGE - 1, b"", [], None
    for start, run_end, content in sorted(runs):
        if end is not None and start > end:  # runs are contiguous: one without properties between
            offsets.append(end)
            entries += bytes(13 if paragraphs else 1)
        size = len(content) + 1
        size += size % 2 if paragraphs else 0
        top = (top - size) // 2 * 2
        count = size // 2 if paragraphs else len(content)
        page[top : top + 1 + len(content)] = bytes((count,)) + content
        entries += bytes((top // 2,)) + (bytes(12) if paragraphs else b"")
        offsets.append(start)
        end = run_end
    if end is not None:
        offsets.append(end)
    header = struct.pack(f"<{len(offsets)}I", *offsets) + entries
    assert len(header) <= top
    page[: len(header)] = header
    page[-1] = max(len(offsets) - 1, 0)
    return bytes(page)


def _style_sheet(styles):
    sheet = struct.pack("<HHH", 18, len(styles), 10).ljust(20, b"\0")
    for identifier, base, name, operations in styles:
        style = struct.pack("<5H", identifier, base << 4 | 1, 2, 0, 0)
        style += struct.pack("<H", len(name)) + name.encode("utf-16-le") + b"\0\0"
        style += struct.pack("<HH", len(operations) + 2, 0) + operations
        sheet += struct.pack("<H", len(style)) + style
    return sheet


def plc(positions, items=()):
    """Return a structure of positions and items."""
    return struct.pack(f"<{len(positions)}I", *positions) + b"".join(items)
