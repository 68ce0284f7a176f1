"""The normalization that SentencePiece compiles into a model: a table of strings and replacements.

Contract: `Charsmap.normalize` returns what the normalizer `Precompiled` of the `tokenizers` library
returns, and where each character came from, or None for the few texts that it does not handle.
Knows no vocabulary.

The table is a trie over UTF-8 bytes, stored as a double array (Aoe 1989, An Efficient Digital
Search Algorithm by Using a Double-Array Structure, https://doi.org/10.1109/32.31365) of one 32-bit
unit per node. A leaf has the offset of its replacement, which ends with a zero byte.

The library looks a whole grapheme cluster (a letter with its marks) up if it has fewer than six
bytes, and takes the *shortest* entry that the cluster starts with; of other clusters, and if there
is no entry, it looks each character up. https://unicode.org/reports/tr29 defines the clusters.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from array import array

Spans = list[tuple[int, int]]

_MAX_CLUSTER_BYTES = 5
_CONTROL = {"Cc", "Cf", "Zl", "Zp"}  # categories that begin and end every cluster
_MARKS = {"Mn", "Mc", "Me"}
# Characters of other categories that join the cluster before them.
_JOINERS = "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f" + "".join(map(chr, range(0x1F3FB, 0x1F400)))
# Spacing marks that do not.
_SEPARATE = re.compile(
    "[\u102b\u102c\u1038\u1062-\u1064\u1067-\u106d\u1083\u1087-\u108c\u108f\u109a-\u109c"
    "\u1a61\u1a63\u1a64\uaa7b\uaa7d\U00011720\U00011721]"
)
_ZERO_WIDTH_JOINER = "\u200d"
# Characters that join the cluster behind them.
_PREPENDED = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3"
    "\U0001193f\U00011941\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02]"
)


class Charsmap:
    """A compiled table, `data` as SentencePiece stores it. Raises ValueError if it is damaged."""

    def __init__(self, data: bytes) -> None:
        size = int.from_bytes(data[:4], "little")
        if size % 4 or size > len(data) - 4 or size == 0:
            raise ValueError(f"a trie of {size} bytes in {len(data)}")
        self._units = array("I", data[4 : 4 + size])
        if sys.byteorder == "big":
            self._units.byteswap()
        self._replacements = data[4 + size :]
        self._characters: dict[str, str | None] = {}
        self._keeps_ascii = all(self._replacement(chr(code)) is None for code in range(0x20, 0x7F))

    def normalize(self, text: str) -> tuple[str, Spans] | None:
        """Return the normalized text and for each of its characters the span `[start, end)` of
        `text` that it replaces; None for a text that only the library handles."""
        if self._keeps_ascii and text.isascii() and text.isprintable():
            return text, [(index, index + 1) for index in range(len(text))]
        if _PREPENDED.search(text):
            return None
        characters: list[str] = []
        spans: Spans = []
        start = 0
        while start < len(text):
            end = _cluster_end(text, start)
            if end is None:
                return None
            whole = None
            if end - start > 1 and len(text[start:end].encode()) <= _MAX_CLUSTER_BYTES:
                whole = self._shortest_prefix(text[start:end].encode())
            if whole is not None:
                if not _is_certain(text[start:end]):
                    return None
                characters += whole
                spans += [(start, end)] * len(whole)
            else:
                for index in range(start, end):
                    part = self._replacement(text[index])
                    part = text[index] if part is None else part
                    characters += part
                    spans += [(index, index + 1)] * len(part)
            start = end
        return "".join(characters), spans

    def _replacement(self, character: str) -> str | None:
        """The replacement of one character; None if it stays."""
        if character not in self._characters:
            self._characters[character] = self._shortest_prefix(character.encode())
        return self._characters[character]

    def _shortest_prefix(self, key: bytes) -> str | None:
        """The replacement of the shortest entry that `key` starts with; None if there is none."""
        units = self._units
        node = _offset(units[0])
        for byte in key:
            node ^= byte
            if node >= len(units) or byte == 0:
                return None
            unit = units[node]
            if unit & 0x800000FF != byte:
                return None
            node ^= _offset(unit)
            if unit >> 8 & 1:  # an entry ends here
                start = units[node] & 0x7FFFFFFF
                return self._replacements[start : self._replacements.index(0, start)].decode()
        return None


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & 0x200) >> 6)


def _cluster_end(text: str, start: int) -> int | None:
    """The end of the grapheme cluster that begins at `start`; None if Python's tables of Unicode
    do not know the character."""
    category = unicodedata.category(text[start])
    if category == "Cn":
        return None
    end = start + 1
    if text[start : end + 1] == "\r\n":
        return end + 1
    if category in _CONTROL and text[start] not in _JOINERS:
        return end
    while end < len(text) and _joins(text[end]):
        end += 1
    if text[end - 1] == _ZERO_WIDTH_JOINER and text[end : end + 1]:
        return None if unicodedata.category(text[end]) == "So" else end  # a sequence of emoji
    return end


def _joins(character: str) -> bool:
    if unicodedata.category(character) in _MARKS:
        return not _SEPARATE.match(character)
    return character in _JOINERS


def _is_certain(cluster: str) -> bool:
    """Whether all versions of Unicode agree that these characters are one cluster."""
    return cluster == "\r\n" or all(unicodedata.category(mark) == "Mn" for mark in cluster[1:])
