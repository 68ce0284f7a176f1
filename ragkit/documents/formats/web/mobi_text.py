"""The compressed text of Mobipocket books: PalmDOC (back references) and HUFF/CDIC (a dictionary
of phrases, by Huffman codes; phrases may consist of phrases). Bounds what it unpacks to.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from ragkit.errors import DocumentError

_PLAIN = re.compile(rb"[\x00\x09-\x7f]+")
_MAX_RECORD = 1_000_000  # bytes that one record may unpack to; books have 4,096
_MAX_PHRASES = 1 << 20
_MAX_DEPTH = 32  # of phrases in phrases


def decompress_palmdoc(data: bytes) -> bytes:
    """Return the text of one record. Damaged references are left out."""
    text = bytearray()
    at, end = 0, len(data)
    while at < end:
        plain = _PLAIN.match(data, at)
        if plain is not None:
            text += plain.group()
            at = plain.end()
            continue
        code = data[at]
        at += 1
        if code <= 8:  # that many bytes as they are
            text += data[at : at + code]
            at += code
        elif code >= 0xC0:  # a blank and a letter
            text += bytes((0x20, code ^ 0x80))
        elif at < end:
            pair = code << 8 | data[at]
            at += 1
            distance, length = pair >> 3 & 0x7FF, (pair & 7) + 3
            start = len(text) - distance
            if distance and start >= 0:
                piece = text[start : start + length]
                text += (piece * (length // len(piece) + 1))[:length]
    return bytes(text)


@dataclass(slots=True)
class PhraseDictionary:
    """The Huffman codes and the phrases of a book.

    Raises `DocumentError` if its records are damaged.
    """

    records: list[bytes]  # the code table, then the phrases
    _codes: list[tuple[int, int, int]] = field(default_factory=list)
    _lowest: list[int] = field(default_factory=lambda: [0])
    _highest: list[int] = field(default_factory=lambda: [0])
    _phrases: list[tuple[bytes, bool]] = field(default_factory=list)  # content, unpacked or not

    def __post_init__(self) -> None:
        try:
            self._read_codes(self.records[0])
            for record in self.records[1:]:
                self._read_phrases(record)
        except (struct.error, IndexError) as error:
            raise DocumentError("damaged mobi: its dictionary of phrases is cut off") from error

    def _read_codes(self, record: bytes) -> None:
        if record[:4] != b"HUFF":
            raise DocumentError("damaged mobi: it has no table of codes")
        by_byte, by_length = struct.unpack_from(">II", record, 8)
        for value in struct.unpack_from(">256I", record, by_byte):
            length = value & 0x1F
            highest = ((value >> 8) + 1 << 32 - length) - 1 if length else 0
            self._codes.append((length, value & 0x80, highest))
        limits = struct.unpack_from(">64I", record, by_length)
        for length in range(1, 33):
            low, high = limits[2 * length - 2 : 2 * length]
            self._lowest.append(low << 32 - length)
            self._highest.append((high + 1 << 32 - length) - 1)

    def _read_phrases(self, record: bytes) -> None:
        if record[:4] != b"CDIC":
            raise DocumentError("damaged mobi: its dictionary of phrases is damaged")
        count, bits = struct.unpack_from(">II", record, 8)
        count = min(1 << min(bits, 20), count - len(self._phrases), _MAX_PHRASES)
        for offset in struct.unpack_from(f">{max(count, 0)}H", record, 16):
            size = struct.unpack_from(">H", record, 16 + offset)[0]
            start = 18 + offset
            self._phrases.append((record[start : start + (size & 0x7FFF)], bool(size & 0x8000)))

    def decompress(self, data: bytes, depth: int = 0) -> bytes:
        """Return the text of one record, or of a phrase. Raises `DocumentError` if it unpacks to
        more than books have."""
        if depth > _MAX_DEPTH:
            raise DocumentError("damaged mobi: phrases in phrases without end", kind="limit")
        text = bytearray()
        bits_left = 8 * len(data)
        padded = data + bytes(8)
        at = 0  # bits
        while bits_left > 0:
            window = int.from_bytes(padded[at >> 3 : (at >> 3) + 8], "big")
            code = window >> 32 - (at & 7) & 0xFFFFFFFF
            length, is_final, highest = self._codes[code >> 24]
            if not is_final:
                while length < 33 and (not length or code < self._lowest[length]):
                    length += 1
                    if length > 32:
                        raise DocumentError("damaged mobi: an unknown code")
                highest = self._highest[length]
            if not length:
                raise DocumentError("damaged mobi: an unknown code")
            at += length
            bits_left -= length
            if bits_left < 0:
                break
            text += self._phrase(highest - code >> 32 - length, depth)
            if len(text) > _MAX_RECORD:
                raise DocumentError("damaged mobi: a record without end", kind="limit")
        return bytes(text)

    def _phrase(self, number: int, depth: int) -> bytes:
        if not 0 <= number < len(self._phrases):
            raise DocumentError("damaged mobi: an unknown phrase")
        content, is_text = self._phrases[number]
        if not is_text:
            content = self.decompress(content, depth + 1)
            self._phrases[number] = (content, True)
        return content


def strip_trailing_entries(record: bytes, flags: int) -> bytes:
    """Return a record without the entries behind its text. Each bit of `flags` stands for one."""
    for bit in range(15, 0, -1):
        if flags >> bit & 1:
            size = 0
            for place, byte in enumerate(reversed(record[-4:])):
                size |= (byte & 0x7F) << 7 * place
                if byte & 0x80:
                    break
            record = record[: max(len(record) - size, 0)]
    if flags & 1 and record:
        record = record[: max(len(record) - (record[-1] & 3) - 1, 0)]
    return record
