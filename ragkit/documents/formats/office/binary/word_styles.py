"""The style sheet, the lists and the fonts of a Word 97 to 2003 file ([MS-DOC] 2.4.6, 2.9).

They are given to the handlers of docx as the elements that docx has for them, so both formats
number and name headings in the same way. Damaged structures are read as far as they go.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ragkit.documents.formats.office.binary.word_file import Operations, parse_operations
from ragkit.documents.formats.office.docx_numbering import Numbering
from ragkit.documents.formats.office.docx_styles import ParagraphStyle, StylesHandler

OUTLINE_LEVEL, LIST_LEVEL, LIST = 0x2640, 0x260A, 0x460B
_NO_STYLE = 0xFFF
_TITLE = 62
_BUILT_IN = {
    **{number: f"heading {number}" for number in range(1, 10)},
    **{number: f"toc {number - 18}" for number in range(19, 28)},
    _TITLE: "title",
}
_PARAGRAPH_STYLE = 1
_NUMBER_STYLES = {
    0: "decimal", 1: "upperRoman", 2: "lowerRoman", 3: "upperLetter", 4: "lowerLetter",
    5: "ordinal", 22: "decimalZero", 23: "bullet", 255: "none",
}  # fmt: skip
_LIST_BYTES, _USE_BYTES, _LEVEL_BYTES = 28, 16, 28
_MAX_LISTS = 10_000
_DAMAGE = (struct.error, IndexError)


def parse_styles(data: bytes) -> dict[str, ParagraphStyle]:
    """Return the paragraph styles by their number, as text."""
    handler = StylesHandler()
    try:
        size, count, base_bytes = struct.unpack_from("<HHH", data)
        at = 2 + size
        for number in range(count):
            size = struct.unpack_from("<H", data, at)[0]
            _add_style(handler, number, data[at + 2 : at + 2 + size], base_bytes)
            at += 2 + size
    except _DAMAGE:
        pass
    return handler.resolve()


def _add_style(handler: StylesHandler, number: int, data: bytes, base_bytes: int) -> None:
    if len(data) < 10:
        return
    identifier, kind_and_base = struct.unpack_from("<HH", data)
    if kind_and_base & 0xF != _PARAGRAPH_STYLE:
        return
    letters = struct.unpack_from("<H", data, base_bytes)[0]
    name = data[base_bytes + 2 : base_bytes + 2 + 2 * letters].decode("utf-16-le", "replace")
    handler.start("w:style", {"w:type": "paragraph", "w:styleId": str(number)})
    handler.start("w:name", {"w:val": _BUILT_IN.get(identifier & 0xFFF, name)})
    if kind_and_base >> 4 != _NO_STYLE:
        handler.start("w:basedOn", {"w:val": str(kind_and_base >> 4)})
    at = base_bytes + 4 + 2 * letters
    at += at & 1
    if at + 4 <= len(data):
        size = struct.unpack_from("<H", data, at)[0]
        for tag, value in style_elements(parse_operations(data[at + 4 : at + 2 + size])):
            handler.start(tag, {"w:val": value})
    handler.end("w:style")


def style_elements(operations: Operations) -> Iterator[tuple[str, str]]:
    """Yield the operations that set outline level, list and list level as (element, value)."""
    for code, operand in operations:
        if code == OUTLINE_LEVEL and operand:
            yield "w:outlineLvl", str(operand[0])
        elif code == LIST_LEVEL and operand:
            yield "w:ilvl", str(operand[0])
        elif code == LIST and len(operand) == 2:
            use = int.from_bytes(operand, "little", signed=True)
            yield "w:numId", str(max(use, 0))


def parse_numbering(lists: bytes, uses: bytes) -> Numbering:
    """Return the lists of a file. `lists` are their definitions with levels, `uses` the lists that
    paragraphs refer to by number."""
    numbering = Numbering()
    try:
        _add_definitions(numbering, lists)
        _add_uses(numbering, uses)
    except _DAMAGE:
        pass
    return numbering


def _add_definitions(numbering: Numbering, data: bytes) -> None:
    count = min(struct.unpack_from("<H", data)[0], _MAX_LISTS)
    at = 2 + count * _LIST_BYTES
    for place in range(count):
        start = 2 + place * _LIST_BYTES
        numbering.start("w:abstractNum", {"w:abstractNumId": data[start : start + 4].hex()})
        is_simple = data[start + 26] & 1
        styles = struct.unpack_from("<9H", data, start + 8)
        for level in range(1 if is_simple else 9):
            at = _add_level(numbering, data, at, level, styles[level])


def _add_level(
    numbering: Numbering, data: bytes, at: int, level: int, style: int = _NO_STYLE
) -> int:
    """Add the level that starts at an offset; return the offset after it."""
    start, number_style, flags = struct.unpack_from("<iBB", data, at)
    paragraph_bytes, character_bytes = data[at + 25], data[at + 24]
    restart = data[at + 26]
    at += _LEVEL_BYTES + paragraph_bytes + character_bytes
    letters = int.from_bytes(data[at : at + 2], "little")
    content = data[at + 2 : at + 2 + 2 * letters].decode("utf-16-le", "replace")
    text = "".join(f"%{ord(char) + 1}" if ord(char) < 9 else char for char in content)
    numbering.start("w:lvl", {"w:ilvl": str(level)})
    values = [
        ("w:start", str(max(start, 0))),
        ("w:numFmt", _NUMBER_STYLES.get(number_style, "decimal")),
        ("w:lvlText", text),
        ("w:isLgl", "1" if flags & 4 else "0"),
    ]
    if style != _NO_STYLE:
        values.append(("w:pStyle", str(style)))
    if flags & 8:
        values.append(("w:lvlRestart", str(restart)))
    for tag, value in values:
        numbering.start(tag, {"w:val": value})
    numbering.end("w:lvl")
    return at + 2 + 2 * letters


def _add_uses(numbering: Numbering, data: bytes) -> None:
    count = min(struct.unpack_from("<I", data)[0], _MAX_LISTS)
    at = 4 + count * _USE_BYTES
    for place in range(count):
        start = 4 + place * _USE_BYTES
        numbering.start("w:num", {"w:numId": str(place + 1)})
        numbering.start("w:abstractNumId", {"w:val": data[start : start + 4].hex()})
        overrides = data[start + 12]
        at += 4
        for _ in range(overrides):
            first, flags = struct.unpack_from("<iI", data, at)
            at += 8
            level = flags & 0xF
            if flags & 0x20:
                at = _add_level(numbering, data, at, level)
            elif flags & 0x10:
                numbering.start("w:lvlOverride", {"w:ilvl": str(level)})
                numbering.start("w:startOverride", {"w:val": str(max(first, 0))})


def parse_fonts(data: bytes) -> list[str]:
    """Return the names of the fonts, by number."""
    fonts = []
    try:
        count = struct.unpack_from("<H", data)[0]
        at = 4
        for _ in range(count):
            size = data[at]
            name = data[at + 40 : at + 1 + size]
            fonts.append(name.decode("utf-16-le", "replace").partition("\0")[0])
            at += 1 + size
    except _DAMAGE:
        pass
    return fonts
