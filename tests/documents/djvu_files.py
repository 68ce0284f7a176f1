"""DjVu documents of one page, made by hand as the DjVu 3 specification describes them."""

from __future__ import annotations

import struct


def make_djvu(text):
    """Return a document whose page has this text layer; None: it has none."""
    chunks = b"INFO" + struct.pack(">IHHBBBBBB", 10, 100, 50, 24, 0, 100, 0, 22, 1)
    if text is not None:
        content = text.encode()
        layer = struct.pack(">I", len(content))[1:] + content + b"\1"
        chunks += b"TXTa" + struct.pack(">I", len(layer)) + layer + bytes(len(layer) % 2)
    form = b"DJVU" + chunks
    return b"AT&TFORM" + struct.pack(">I", len(form)) + form
