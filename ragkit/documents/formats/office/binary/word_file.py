"""The structure of a Word 97 to 2003 file ([MS-DOC]): its text by pieces, and what formats it.

The text lies in pieces, in any order, in one or two bytes a character. A character position (CP)
counts UTF-16 units of the text that the pieces make together; a file position (FC) is an offset
into the stream. Deleted pieces of a fast save are in no piece. Knows no meaning of a style.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from ragkit.documents.unpacking.limits import MAX_CHARACTERS
from ragkit.errors import DocumentError

_IDENT, _OLD_IDENT = 0xA5EC, (0xA5DC, 0xA5DB)
_FIRST_VERSION = 0xC1  # Word 97
_ENCRYPTED, _TABLE_1 = 0x0100, 0x0200
_PAGE = 512  # bytes of a page of formatted runs
_COUNTS_AT, _PAIRS_AT = 76, 154  # in the header: lengths of the parts, offsets of structures
# Structures, by their place in the header ([MS-DOC] 2.5.6).
STYLES, COMMENT_REFS, COMMENT_TEXTS, MARGINS, FONTS = 1, 4, 5, 11, 15
PIECES, COMMENT_AUTHORS, LISTS, LIST_USES = 33, 36, 73, 74
_CHARACTER_PAGES, _PARAGRAPH_PAGES = 12, 13
_OPERAND_BYTES = (1, 1, 2, 4, 2, 2, 0, 3)  # by the three highest bits of an operation; 0: in it
_TABLE_DEFINITION, _TABS = 0xD608, 0xC615
_NOT_CP1252 = {0x81: "", 0x8D: "", 0x8F: "", 0x90: "", 0x9D: ""}

Operations = tuple[tuple[int, bytes], ...]  # operation code, operand


class TextPiece(NamedTuple):
    """A run of the text that lies together in the stream."""

    start: int  # CP
    end: int
    offset: int  # FC
    width: int  # bytes of a character
    operations: bytes  # change the formatting of the whole piece


@dataclass(frozen=True, slots=True)
class _Runs:
    """Formatted runs in the order of the file: the FCs where they start and end, and operations."""

    starts: list[int]
    ends: list[int]
    operations: list[bytes]

    def at(self, offset: int) -> bytes:
        """Return the operations of the run at an FC; empty outside of the runs."""
        place = bisect_right(self.starts, offset) - 1
        return self.operations[place] if place >= 0 and offset < self.ends[place] else b""


@dataclass(frozen=True, slots=True)
class WordFile:
    """The text of a file with its formatting, and the structures that explain it."""

    text: str  # one character per CP; surrogates are not joined
    parts: tuple[
        int, ...
    ]  # CPs at which main text, footnotes, headers, … start; the last is an end
    pieces: tuple[TextPiece, ...]
    cut_off: bool  # the stream ends before the text does
    _table: bytes = field(repr=False)
    _pairs: tuple[tuple[int, int], ...] = field(repr=False)
    _starts: tuple[int, ...] = field(repr=False)  # of the pieces
    _characters: _Runs = field(repr=False)
    _paragraphs: _Runs = field(repr=False)

    def structure(self, place: int) -> bytes:
        """Return a structure of the table stream; empty if the file has none."""
        start, size = self._pairs[place] if place < len(self._pairs) else (0, 0)
        if place == LISTS and size:  # their levels follow, and are not counted
            return self._table[start:]
        return self._table[start : start + size]

    def character_runs(self, start: int, end: int) -> Iterator[tuple[int, int, Operations]]:
        """Yield (start, end, operations) of the runs that make up the CPs from `start` to `end`."""
        place = max(bisect_right(self._starts, start) - 1, 0)
        for piece in self.pieces[place:]:
            if piece.start >= end:
                return
            at, last = max(start, piece.start), min(end, piece.end)
            while at < last:
                offset = piece.offset + (at - piece.start) * piece.width
                run = bisect_right(self._characters.starts, offset)
                inside = run and offset < self._characters.ends[run - 1]
                stop = last
                if inside:
                    stop = _position(self._characters.ends[run - 1], piece)
                elif run < len(self._characters.starts):
                    stop = _position(self._characters.starts[run], piece)
                stop = min(max(stop, at + 1), last)
                operations = self._characters.operations[run - 1] if inside else b""
                yield at, stop, parse_operations(operations + piece.operations)
                at = stop

    def paragraph_operations(self, position: int) -> tuple[int, Operations]:
        """Return style number and operations of the paragraph whose mark is at this CP."""
        place = bisect_right(self._starts, position) - 1
        piece = self.pieces[max(place, 0)]
        offset = piece.offset + (position - piece.start) * piece.width
        properties = self._paragraphs.at(offset)
        style = int.from_bytes(properties[:2], "little")
        return style, parse_operations(properties[2:] + piece.operations)


def _position(offset: int, piece: TextPiece) -> int:
    """The CP of an FC in a piece, rounded up."""
    return piece.start + -(-(offset - piece.offset) // piece.width)


def parse_word_file(main: bytes, tables: tuple[bytes, bytes]) -> WordFile:
    """Parse the stream `WordDocument` with the streams `0Table` and `1Table`.

    Raises `DocumentError` if the file is damaged, encrypted, over a limit or older than Word 97.
    """
    ident, version = struct.unpack_from("<HH", main)
    flags = struct.unpack_from("<H", main, 10)[0]
    if ident in _OLD_IDENT or (ident == _IDENT and version < _FIRST_VERSION):
        reason = "doc of Word 6 or 95 is not supported yet; convert it: soffice --headless"
        raise DocumentError(f"{reason} --convert-to docx FILE", kind="unsupported", skipped=True)
    if ident != _IDENT:
        raise DocumentError("damaged doc: its header is not that of a Word file")
    if flags & _ENCRYPTED:
        raise DocumentError("encrypted doc: needs a password", kind="encrypted")
    table = tables[1] if flags & _TABLE_1 else tables[0]
    count = struct.unpack_from("<H", main, _PAIRS_AT - 2)[0]
    numbers = struct.unpack_from(f"<{2 * count}I", main, _PAIRS_AT)
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if len(pairs) <= PIECES:
        raise DocumentError("damaged doc: its header is too short")
    lengths = struct.unpack_from("<8i", main, _COUNTS_AT)
    if min(lengths) < 0:
        raise DocumentError("damaged doc: a part of the text has a negative length")
    start, size = pairs[PIECES]
    pieces = _parse_pieces(table[start : start + size])
    text, kept = _read_text(main, pieces)
    parts = tuple(min(end, len(text)) for end in accumulate(lengths, initial=0))
    return WordFile(
        text,
        parts,
        kept,
        len(text) < sum(lengths),
        table,
        pairs,
        tuple(piece.start for piece in kept),
        _parse_runs(main, _part(table, pairs[_CHARACTER_PAGES]), paragraphs=False),
        _parse_runs(main, _part(table, pairs[_PARAGRAPH_PAGES]), paragraphs=True),
    )


def _part(table: bytes, pair: tuple[int, int]) -> bytes:
    return table[pair[0] : pair[0] + pair[1]]


def parse_positions(data: bytes, item_bytes: int) -> tuple[list[int], list[bytes]]:
    """Return the positions of a PLC structure, one more than its items, and the items."""
    count = max((len(data) - 4) // (4 + item_bytes), 0)
    positions = list(struct.unpack_from(f"<{count + 1}I", data)) if count else []
    start = 4 * (count + 1)
    items = (
        [data[at : at + item_bytes] for at in range(start, start + count * item_bytes, item_bytes)]
        if item_bytes
        else []
    )
    return positions, items


def _parse_pieces(data: bytes) -> list[TextPiece]:
    """Parse the piece table: property changes first, then the pieces."""
    at, changes = 0, list[bytes]()
    while data[at : at + 1] == b"\x01":
        size = struct.unpack_from("<H", data, at + 1)[0]
        changes.append(data[at + 3 : at + 3 + size])
        at += 3 + size
    if data[at : at + 1] != b"\x02":
        raise DocumentError("damaged doc: it has no piece table")
    size = struct.unpack_from("<I", data, at + 1)[0]
    positions, items = parse_positions(data[at + 5 : at + 5 + size], 8)
    pieces = []
    for (start, end), item in zip(pairwise(positions), items, strict=True):
        offset, change = struct.unpack_from("<IH", item, 2)
        if end < start:
            raise DocumentError("damaged doc: its pieces are out of order")
        narrow = bool(offset & 0x40000000)
        offset &= 0x3FFFFFFF
        place = change >> 1
        operations = changes[place] if change & 1 and place < len(changes) else b""
        pieces.append(
            TextPiece(start, end, offset // 2 if narrow else offset, 2 - narrow, operations)
        )
    if not pieces:
        raise DocumentError("damaged doc: its piece table is empty")
    return pieces


def _read_text(main: bytes, pieces: list[TextPiece]) -> tuple[str, tuple[TextPiece, ...]]:
    """Return the text of the pieces up to the first one that is cut off, and the pieces read."""
    texts, kept, length = [], [], 0
    for piece in pieces:
        if piece.start != length:
            raise DocumentError("damaged doc: its pieces have gaps")
        count = piece.end - piece.start
        length = piece.end
        if length > MAX_CHARACTERS:
            raise DocumentError(f"doc with over {MAX_CHARACTERS:,} characters", kind="limit")
        content = main[piece.offset : piece.offset + count * piece.width]
        if piece.width == 1:
            text = (
                content.decode("cp1252", "ignore") if not _has_gaps(content) else _cp1252(content)
            )
        else:
            units = struct.unpack(f"<{len(content) // 2}H", content[: len(content) // 2 * 2])
            text = "".join(map(chr, units))
        texts.append(text)
        kept.append(piece._replace(end=piece.start + len(text)))
        if len(text) < count:
            break
    return "".join(texts), tuple(kept)


def _has_gaps(content: bytes) -> bool:
    return any(code in content for code in _NOT_CP1252)


def _cp1252(content: bytes) -> str:
    """Decode Windows text; codes that it does not define become controls, so positions stay."""
    return "".join(
        chr(code) if code in _NOT_CP1252 else bytes((code,)).decode("cp1252") for code in content
    )


def _parse_runs(main: bytes, data: bytes, *, paragraphs: bool) -> _Runs:
    """Parse the pages of formatted runs that a table lists; damaged pages are left out."""
    _, items = parse_positions(data, 4)
    numbers = dict.fromkeys(int.from_bytes(item, "little") & 0x3FFFFF for item in items)
    found: list[tuple[int, int, bytes]] = []
    for number in numbers:
        page = main[number * _PAGE : (number + 1) * _PAGE]
        if len(page) == _PAGE:
            found += _page_runs(page, paragraphs=paragraphs)
    found.sort(key=lambda run: run[0])
    return _Runs([run[0] for run in found], [run[1] for run in found], [run[2] for run in found])


def _page_runs(page: bytes, *, paragraphs: bool) -> Iterator[tuple[int, int, bytes]]:
    """Yield (first FC, end, operations) of one page; those of paragraphs begin with the style."""
    count, step = page[-1], 13 if paragraphs else 1
    if 4 * (count + 1) + count * step > _PAGE - 1:
        return
    offsets = struct.unpack_from(f"<{count + 1}I", page)
    for place, (start, end) in enumerate(pairwise(offsets)):
        at = 2 * page[4 * (count + 1) + place * step]
        if end <= start:
            continue
        if not at:
            yield start, end, b""
        elif not paragraphs:
            yield start, end, page[at + 1 : at + 1 + page[at]]
        elif page[at]:
            yield start, end, page[at + 1 : at + 2 * page[at]]
        else:  # the size follows, in a byte of its own
            yield start, end, page[at + 2 : at + 2 + 2 * page[at + 1]] if at + 1 < _PAGE else b""


@lru_cache(maxsize=4096)
def parse_operations(data: bytes) -> Operations:
    """Return the operations (sprm) of a list of property changes, up to the first damaged one."""
    found, at = [], 0
    while at + 3 <= len(data):
        code = data[at] | data[at + 1] << 8
        at += 2
        size = _OPERAND_BYTES[code >> 13]
        if not size:
            size = data[at]
            at += 1
            if code == _TABLE_DEFINITION:  # two bytes, and counted one too many
                size = max((size | (data[at] << 8 if at < len(data) else 0)) - 1, 0)
                at += 1
            elif code == _TABS and size == 255:
                break
        found.append((code, data[at : at + size]))
        at += size
    return tuple(found)
