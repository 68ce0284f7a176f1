"""Names of zip members without the UTF-8 flag: their encoding is decided from all names together.

Python reads such names as cp437, the encoding of the first DOS programs. macOS writes UTF-8,
Windows the code page of its language. Knows names only.
"""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Sequence

from ragkit.documents.decoding import least_odd

_FLAG_UTF8 = 0x800
_MAX_SAMPLE = 20_000  # bytes of names that are looked at
_SINGLE_BYTE = ("cp437", "cp850", "cp852", "cp1252")  # of programs in Europe
_MIN_HANGUL = 8  # letters, all in the range of Hangul, that are not Chinese


def decode_names(infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the names of members of one archive."""
    raw = [_raw_name(info) for info in infos]
    unmarked = [name for name in raw if name is not None]
    if not unmarked:
        return [info.filename for info in infos]
    encoding = _guess(unmarked)
    return [
        info.filename if name is None else _decode(name, encoding, info.filename)
        for info, name in zip(infos, raw, strict=True)
    ]


def _raw_name(info: zipfile.ZipInfo) -> bytes | None:
    """Return the bytes of a name whose encoding is unknown; None for others."""
    if info.flag_bits & _FLAG_UTF8 or info.orig_filename.isascii():
        return None
    try:
        return info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return None


def _decode(name: bytes, encoding: str, fallback: str) -> str:
    try:
        return unicodedata.normalize("NFC", name.decode(encoding))
    except UnicodeDecodeError:
        return fallback


def _guess(names: list[bytes]) -> str:
    """Return the encoding that fits all names."""
    sample = b"\n".join(names)[:_MAX_SAMPLE]
    if _decodes(sample, "utf-8"):
        return "utf-8"
    foreign = [byte for byte in sample if byte >= 0x80]
    letters = sum(chr(byte).isalpha() for byte in sample if byte < 0x80)
    if (asian := _guess_asian(sample)) is not None and 2 * len(foreign) > letters:
        return asian
    if 2 * len(foreign) > letters:
        for encoding in ("cp866", "cp1251"):
            text = sample.decode(encoding, "replace")
            if all(
                "\u0400" <= char <= "\u04ff" or char in "№«»–—ё" for char in text if char > "\x7f"
            ):
                return encoding
    return least_odd(sample, _SINGLE_BYTE)


def _guess_asian(sample: bytes) -> str | None:
    """Return the double-byte encoding of the names, if their bytes are those of usual letters."""
    pairs = _pairs(sample)
    if not pairs:
        return None
    if all(lead >= 0xB0 and trail >= 0xA1 for lead, trail in pairs):
        is_hangul = len(pairs) >= _MIN_HANGUL and all(lead <= 0xC8 for lead, _ in pairs)
        for encoding in ("cp949", "gb18030") if is_hangul else ("gb18030", "cp949"):
            if _decodes(sample, encoding):
                return encoding
    if _decodes(sample, "cp932") and all(map(_is_japanese, sample.decode("cp932"))):
        return "cp932"
    for encoding in ("big5", "gb18030"):
        if _decodes(sample, encoding) and all(map(_is_han, sample.decode(encoding))):
            return encoding
    return None


def _pairs(sample: bytes) -> list[tuple[int, int]]:
    """Return the double-byte characters; [] if a lead byte has no trail byte."""
    pairs, at = [], 0
    while at < len(sample):
        if sample[at] < 0x80:
            at += 1
            continue
        if at + 1 >= len(sample) or sample[at + 1] < 0x40:
            return []
        pairs.append((sample[at], sample[at + 1]))
        at += 2
    return pairs


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_japanese(char: str) -> bool:
    return (
        char < "\x80"
        or "\u3000" <= char <= "\u30ff"
        or "\uff01" <= char <= "\uff5e"
        or _is_han(char)
    )


def _is_han(char: str) -> bool:
    return (
        char < "\x80" or "\u4e00" <= char <= "\u9fff" or char in "（）、。「」《》－—·，：；！？　"
    )
