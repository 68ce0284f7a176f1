"""Mobipocket and Kindle books, made by hand."""

from __future__ import annotations

import struct


def make_mobi(
    text, *, compression=1, version=6, title="Leave", properties=(), pictures=(), encryption=0,
    records=None, phrases=(), trailing=0, flows=None, creator=b"BOOKMOBI",
):  # fmt: skip
    """Return a book. `text`: its HTML; `records`: the compressed text, if it is not stored;
    `properties`: (number, text); `phrases`: records of the dictionary; `flows`: offsets (start,
    end) of the parts of the text."""
    records = list(records or [text.encode()])
    name = title.encode()
    extra = b"".join(
        struct.pack(">II", number, 8 + len(value.encode())) + value.encode()
        for number, value in properties
    )
    head = bytearray(16 + 232)
    struct.pack_into(">HxxIHHHxx", head, 0, compression, 9, len(records), 4096, encryption)
    first_phrases = 1 + len(records)
    first_picture = first_phrases + len(phrases)
    if creator == b"BOOKMOBI":
        head[16:20] = b"MOBI"
        struct.pack_into(">IIIII", head, 20, 232, 2, 65001, 1, version)
        exth = b"EXTH" + struct.pack(">II", 12 + len(extra), len(properties)) + extra
        struct.pack_into(">II", head, 84, len(head) + len(exth), len(name))
        struct.pack_into(">III", head, 108, first_picture, first_phrases, len(phrases))
        struct.pack_into(">I", head, 128, 0x40)
        struct.pack_into(">I", head, 192, first_picture + len(pictures) if flows else 0xFFFFFFFF)
        struct.pack_into(">I", head, 240, trailing)
        head += exth + name
    parts = [bytes(head), *records, *phrases, *pictures]
    if flows:
        numbers = [offset for flow in flows for offset in flow]
        parts.append(b"FDST" + struct.pack(f">II{len(numbers)}I", 12, len(flows), *numbers))
    start = 78 + 8 * len(parts) + 2
    entries, at = b"", start
    for part in parts:
        entries += struct.pack(">II", at, 0)
        at += len(part)
    palm = name.ljust(32, b"\0")[:32] + bytes(28) + creator + bytes(8)
    return palm + struct.pack(">H", len(parts)) + entries + bytes(2) + b"".join(parts)
