"""Presentations of PowerPoint 97 to 2003, made by hand as [MS-PPT] describes them."""

from __future__ import annotations

import struct

from tests.documents.mail_files import make_ole2

DOCUMENT, SLIDE, NOTES, LIST, ENTRY = 1000, 1006, 1008, 4080, 1011


def atom(kind, content, instance=0):
    """Return a record without inner records."""
    return struct.pack("<HHI", instance << 4, kind, len(content)) + content


def container(kind, *records, instance=0):
    """Return a record of records."""
    content = b"".join(records)
    return struct.pack("<HHI", instance << 4 | 0xF, kind, len(content)) + content


def text_box(text, kind=4, top=0, left=0, more=b"", placeholder=None, narrow=False):
    """Return a shape with text; paragraphs end with "\\r". `kind`: 0 title, 1 body, 2 notes."""
    encoded = atom(4008, text.encode("latin-1")) if narrow else atom(4000, text.encode("utf-16-le"))
    box = container(0xF00D, atom(3999, struct.pack("<I", kind)), encoded, more)
    client = b""
    if placeholder is not None:
        client = container(0xF011, atom(3011, struct.pack("<IBB2x", 0, placeholder, 0)))
    return container(0xF004, atom(0xF010, struct.pack("<4h", top, left, 9, 9)), client, box)


def outline_box(index, top=0):
    """Return a shape that shows a text of the list of slides."""
    box = container(0xF00D, atom(3998, struct.pack("<I", index)))
    return container(0xF004, atom(0xF010, struct.pack("<4h", top, 0, 9, 9)), box)


def table(*rows):
    """Return a group of shapes that is a table."""
    head = container(0xF004, atom(0xF122, struct.pack("<HI", 0x39F, 1), instance=1))
    cells = [
        container(
            0xF004,
            atom(0xF00F, struct.pack("<4i", 100 * x, 50 * y, 0, 0)),
            container(0xF00D, atom(3999, struct.pack("<I", 4)), atom(4008, text.encode("latin-1"))),
        )
        for y, row in enumerate(rows)
        for x, text in enumerate(row)
    ]
    return container(0xF003, head, *reversed(cells))


def drawing(*shapes):
    """Return the shapes of a slide."""
    return container(1036, container(0xF002, container(0xF003, *shapes)))


def make_ppt(
    slides, *, notes=None, outlines=None, objects=(), pictures=b"", replaced=(), token=None
):
    """Return a presentation. `slides`: records of each; `notes`: number of a slide, from 0 →
    shapes; `outlines`: number → texts in the list of slides; `objects`: embedded files;
    `replaced`: slides of an older save with the same numbers."""
    stream, offsets = b"", {}

    def add(number, record):
        nonlocal stream
        offsets[number] = len(stream)
        stream += record

    edit = 0
    if replaced:
        for number, content in enumerate(replaced):
            add(10 + number, container(SLIDE, content))
        edit, stream = _end_save(stream, offsets, 0)
    for number, content in enumerate(slides):
        add(10 + number, container(SLIDE, content))
    for number, shapes in (notes or {}).items():
        add(50 + number, container(NOTES, atom(1009, struct.pack("<I4x", 256 + number)), shapes))
    for number, content in enumerate(objects):
        add(80 + number, content)
    slide_list = [
        atom(ENTRY, struct.pack("<IIiII", 10 + number, 0, 0, 256 + number, 0))
        + b"".join((outlines or {}).get(number, ()))
        for number in range(len(slides))
    ]
    note_list = [
        atom(ENTRY, struct.pack("<IIiII", 50 + number, 0, 0, 999, 0)) for number in notes or {}
    ]
    lists = [container(LIST, *slide_list)] if slides else []
    lists += [container(LIST, *note_list, instance=2)] if notes else []
    add(1, container(DOCUMENT, *lists, atom(1002, b"")))
    edit, stream = _end_save(stream, offsets, edit)
    user = struct.pack("<HHIIII", 0, 0x0FF6, 20, 20, token or 0xE391C05F, edit)
    files = {"PowerPoint Document": stream, "Current User": user}
    return make_ole2({**files, "Pictures": pictures} if pictures else files)


def _end_save(stream, offsets, before):
    """Append the directory and the edit; return the offset of the edit, and the stream."""
    directory = b"".join(
        struct.pack("<II", number | 1 << 20, offset) for number, offset in offsets.items()
    )
    at = len(stream)
    stream += atom(0x1772, directory)
    edit = len(stream)
    content = struct.pack("<IIIIIIHH", 0, 0, before, at, 1, 99, 0, 0)
    return edit, stream + atom(0x0FF5, content)
