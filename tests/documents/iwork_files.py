"""Pages, Numbers and Keynote documents, made by hand: objects as protobuf in Snappy blocks."""

from __future__ import annotations

import struct

from tests.documents.files import make_zip


def varint(value):
    """Return a number of seven bits a byte."""
    data = b""
    while value > 127:
        data += bytes((value & 127 | 128,))
        value >>= 7
    return data + bytes((value,))


def message(*fields):
    """Return a message. `fields`: (number, value); a value is a number, a text or bytes."""
    data = b""
    for key, value in fields:
        if isinstance(value, int):
            data += varint(key << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            data += varint(key << 3 | 2) + varint(len(content)) + content
    return data


def ref(key):
    """Return a reference to an object."""
    return message((1, key))


def storage(text, kind=0, styles=(), attachments=()):
    """Return a text. `styles`, `attachments`: (position, number of the object)."""

    def table(entries):
        return message(*((1, message((1, place), (2, ref(key)))) for place, key in entries))

    return message((1, kind), (3, text), (5, table(styles)), (9, table(attachments)))


def part(objects):
    """Return a part of a document. `objects`: number → (type, message, numbers it refers to)."""
    data = b""
    for key, (kind, content, references) in objects.items():
        packed = b"".join(map(varint, references))
        info = message((1, kind), (3, len(content)), (5, packed))
        header = message((1, key), (2, info))
        data += varint(len(header)) + header + content
    return block(data)


def block(data):
    """Return data as one block of literals."""
    packed = varint(len(data))
    for at in range(0, len(data), 60):
        piece = data[at : at + 60]
        packed += bytes((len(piece) - 1 << 2,)) + piece
    return struct.pack("<I", len(packed) << 8) + packed


def make_iwork(parts, **files):
    """Return a document. `parts`: name of a part → its objects; `files`: further files."""
    packed = {f"Index/{name}.iwa": part(objects) for name, objects in parts.items()}
    return make_zip({**packed, **files})


def cell(kind, value=b"", flags=0):
    """Return a cell of the layout since 2014."""
    return bytes((5, kind)) + bytes(6) + struct.pack("<I", flags) + value


def table_objects(first, name, rows, texts=()):
    """Return the objects of a table, from the number `first` on. `rows`: cells, None is empty."""
    infos = []
    for index, cells in enumerate(rows):
        buffer, offsets = b"", []
        for content in cells:
            offsets.append(0xFFFF if content is None else len(buffer))
            buffer += content or b""
        infos.append(
            (5, message((1, index), (6, buffer), (7, struct.pack(f"<{len(offsets)}H", *offsets))))
        )
    entries = [(3, message((1, key), (3, text))) for key, text in enumerate(texts)]
    tiles = message((1, message((1, 0), (2, ref(first + 2)))), (2, 256))
    store = message((3, tiles), (4, ref(first + 3)))
    return {
        first: (6000, message((2, ref(first + 1))), [first + 1]),
        first + 1: (6001, message((4, store), (8, name)), []),
        first + 2: (6002, message(*infos), []),
        first + 3: (6005, message((1, 1), *entries), []),
    }
