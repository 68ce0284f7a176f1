"""Small e-mail messages (eml, msg) and OLE2 files, made by hand for the readers' tests.

OLE2 files follow [MS-CFB], Outlook messages [MS-OXMSG].
"""

import struct
from email.message import EmailMessage

SECTOR, FREE, END, FAT = 512, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STORAGE, STREAM, ROOT = 1, 2, 5  # object types of directory entries


def make_ole2(tree):
    """Return an OLE2 file. `tree`: name → bytes (a stream) or dict (a storage).

    Every stream is padded with NUL bytes to 4,096 bytes, so that no mini stream is needed.
    """
    entries, sectors, chains = [("Root Entry", ROOT, FREE, FREE, 0)], [], []

    def children(storage):
        below = []
        for name, content in storage.items():
            entries.append(None)
            number = len(entries) - 1
            if isinstance(content, dict):
                entries[number] = (name, STORAGE, children(content), FREE, 0)
            else:
                padded = content.ljust(4096, b"\0")
                chains.append((len(sectors), -(-len(padded) // SECTOR)))
                entries[number] = (name, STREAM, FREE, len(sectors), max(4096, len(content)))
                for at in range(0, len(padded), SECTOR):
                    sectors.append(padded[at : at + SECTOR].ljust(SECTOR, b"\0"))
            below.append(number)
        siblings.update(zip(below, [*below[1:], FREE], strict=False))
        return below[0] if below else FREE

    siblings = {}
    entries[0] = ("Root Entry", ROOT, children(tree), END, 0)
    directory = b"".join(
        _directory_entry(*entry, siblings.get(number, FREE)) for number, entry in enumerate(entries)
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
        table[fat + at] = FAT
    sectors += [struct.pack("<128I", *table[at : at + 128]) for at in range(0, len(table), 128)]
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
        0, len(table) // 128, first, 0, 4096, END, 0, END, 0,
    )  # fmt: skip
    fat_sectors = [*range(fat, fat + len(table) // 128)]
    header += struct.pack("<109I", *fat_sectors, *[FREE] * (109 - len(fat_sectors)))
    return header + b"".join(sectors)


def _directory_entry(name, kind, child, start, size, sibling):
    encoded = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII36xIQ", encoded, len(encoded), kind, 1, FREE, sibling, child, start, size
    )


def property_stream(header_size, **properties):
    """Return the stream of the fixed-length properties: id ("x0039") → eight bytes."""
    entries = b"".join(
        struct.pack("<HHI8s", 0x40, int(key[1:], 16), 6, value) for key, value in properties.items()
    )
    return bytes(header_size) + entries


def text_stream(property_id, value):
    """Return a text property as {stream name: UTF-16}."""
    return {f"__substg1.0_{property_id}001F": value.encode("utf-16-le")}


def filetime(seconds_since_1601):
    """Return a FILETIME, which counts units of 100 ns."""
    return struct.pack("<Q", seconds_since_1601 * 10_000_000)


# 2024-10-01 00:00 UTC is 133,722,144,000,000,000 units of 100 ns after 1601-01-01.
OCTOBER_1 = filetime(13_372_214_400)
ATTACHED_MESSAGE = {
    "__properties_version1.0": property_stream(24),
    **text_stream("0037", "Inner"),
    **text_stream("1000", "Inside."),
}
OUTLOOK_MESSAGE = {
    "__properties_version1.0": property_stream(32, x0039=OCTOBER_1),
    **text_stream("0037", "Plans for Käse"),
    **text_stream("0C1A", "Ann Berg"),
    **text_stream("5D01", "ann@example.org"),
    **text_stream("0E04", "Bo; Cy"),
    **text_stream("1000", "See you.\r\nAnn"),
    "__attach_version1.0_#00000000": {
        "__properties_version1.0": property_stream(8),
        **text_stream("3707", "notes.txt"),
        "__substg1.0_37010102": b"Attached words.".ljust(4096),
    },
    "__attach_version1.0_#00000001": {
        "__properties_version1.0": property_stream(8),
        "__substg1.0_3701000D": ATTACHED_MESSAGE,
    },
}


def make_message(body="Hello.", **headers):
    """Return an `EmailMessage` from Ann Berg with the subject "Plans"."""
    message = EmailMessage()
    message["From"], message["Subject"] = "Ann Berg <ann@example.org>", "Plans"
    for name, value in headers.items():
        message[name] = value
    message.set_content(body)
    return message
