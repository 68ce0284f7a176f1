"""Compressed RTF of Outlook messages ([MS-OXRTFCP]) → RTF.

A variant of LZ77 with a window of 4,096 bytes that begins with usual control words. Knows bytes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from ragkit.documents.unpacking.limits import MAX_MEMBER_BYTES
from ragkit.errors import DocumentError

_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
_HEADER_BYTES = 16
_WINDOW = 4096
_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


# HTML that the RTF encapsulates ([MS-OXRTFEX]): tags that begin a line, and what only RTF shows.
_BLOCK_TAG = re.compile(
    rb"\{\\\*\\htmltag\d{0,4}[^{}<]{0,200}</?(?:p|br|div|td|th|tr|li|h[1-6]|table|ul|ol)\b[^{}]{0,4000}\}",
    re.IGNORECASE,
)
_STATE = re.compile(rb"(?<!\\)[{}]|\\(?:f|uc)\d{1,4} ?")
_RTF_ONLY_START = re.compile(rb"\\htmlrtf1?(?![0-9])")
_RTF_ONLY_END = re.compile(rb"\\htmlrtf0 ?")


def visible_rtf(rtf: bytes) -> bytes:
    """Return RTF that encapsulates HTML as RTF with the same text in the same paragraphs."""
    if b"\\fromhtml" not in rtf[:4000]:
        return rtf
    return _BLOCK_TAG.sub(rb"\\par ", b"".join(_without_rtf_only(rtf)))


def _without_rtf_only(rtf: bytes) -> Iterator[bytes]:
    """Yield the RTF; of what only RTF shows, between \\htmlrtf and \\htmlrtf0, no more than groups
    and fonts, without text. What is never ended stays as it is."""
    position = 0
    while start := _RTF_ONLY_START.search(rtf, position):
        end = _RTF_ONLY_END.search(rtf, start.end())
        if end is None:
            break
        yield rtf[position : start.start()]
        yield b"".join(_STATE.findall(rtf, start.end(), end.start()))
        position = end.end()
    yield rtf[position:]


def decompress_rtf(data: bytes) -> bytes:
    """Return the RTF in a compressed body. Raises `DocumentError` if it is damaged or too large."""
    if len(data) < _HEADER_BYTES:
        raise DocumentError("damaged compressed RTF")
    _, raw_size = struct.unpack_from("<II", data)
    kind, content = data[8:12], data[_HEADER_BYTES:]
    if kind == _PLAIN:
        return content[:raw_size]
    if kind != _COMPRESSED:
        raise DocumentError("damaged compressed RTF")
    if raw_size > MAX_MEMBER_BYTES:
        raise DocumentError("compressed RTF is too large", kind="limit")
    return _decompress(content, raw_size)


def _decompress(content: bytes, raw_size: int) -> bytes:
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b"\0"))
    place = len(_DICTIONARY)  # of the next byte in the window
    output = bytearray()
    at = 0
    while at < len(content) and len(output) < raw_size:
        flags, at = content[at], at + 1
        for bit in range(8):
            if at + (flags >> bit & 1) >= len(content) or len(output) >= raw_size:
                break
            if flags >> bit & 1:
                reference = content[at] << 8 | content[at + 1]
                start, length, at = reference >> 4, (reference & 15) + 2, at + 2
                if start == place % _WINDOW:
                    return bytes(output)  # the end mark
            else:
                window[place % _WINDOW] = content[at]
                output.append(content[at])
                place, at = place + 1, at + 1
                continue
            for index in range(start, start + length):
                byte = window[index % _WINDOW]
                window[place % _WINDOW] = byte
                output.append(byte)
                place += 1
    return bytes(output)
