"""Bytes → text: detection of the character encoding, decoding, and the reader of source code.

The text is the file's own, so its line numbers stay valid; only its newlines become "\\n". Knows no
markup: all readers of text formats decode by this module.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Sequence
from typing import NamedTuple

from ragkit.documents.alphabets import is_baltic
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.records.documents import Document

HEAD_BYTES = 8192  # of a file, that decide whether it is text or binary
_SAMPLE_BYTES = 1 << 16  # given to charset-normalizer, whose time grows with it

# UTF-32 before UTF-16: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ANY_MARK = tuple(mark for mark, _ in _MARKS)
# The encodings that charset-normalizer may return: among all of Python's, it prefers rare ones.
_LEGACY = (
    *("cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "iso8859_2", "koi8_r"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
_WESTERN_LETTERS = frozenset("àâäáãåæçéèêëíìîïñóòôöõøœúùûüßÿÀÂÄÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØŒÚÙÛÜ")
_WESTERN_SIGNS = frozenset("\xa0\xad“”„‘’‚–—…•€£¥§©®™°·«»‹›¡¿´×÷±²³½¼¾ªº†‡µ")
# Single-byte encodings that a guess is compared with, the more frequent first.
_CANDIDATES = (
    *("cp1250", "iso8859_2", "cp1251", "koi8_r", "cp866", "cp852", "mac_roman", "cp850"),
    *("iso8859_5", "mac_latin2", "mac_cyrillic"),
)
_DOUBLE_BYTE = frozenset({"cp932", "euc_jp", "gb18030", "big5", "cp949"})
_CP1250_ONLY = bytes(range(0x80, 0xA0))
_LATIN2_LETTERS = bytes([0xA6, 0xA9, 0xAB, 0xAC, 0xAE, 0xB6, 0xB9, 0xBB, 0xBC, 0xBE])  # ŚŠŤŹŽśšťźž
_RARE_SIGNS = frozenset("¤¦¨¬¯¸¶¢ˇ˘˙˛˝˚¡¿¥¹¼½¾±÷×§©®ª°´²³µº·")
_RARE_LETTERS = frozenset("ľĽÿŸƒªº")
# No language has letters of both sets: Mac capitals look like the first ones in cp1251.
_SERBIAN_LETTERS = frozenset("ЂЃѓЉЊЌЋЏђљњќћџ")
_EAST_SLAVIC_LETTERS = frozenset("йыэщъьюЙЫЭЩЪЬЮ")
# Python's codecs for host names: their time is not linear, so files cannot choose them.
UNSAFE_CODECS = frozenset({"punycode", "idna"})


class Decoded(NamedTuple):
    """Text with "\\n" newlines, its encoding, warnings about guessed or lost characters, and what
    decided the encoding.

    `decided_by`, surest first: `bom` (a byte order mark), `valid` (all bytes are UTF-8), `zeros`
    (the positions of NUL bytes: UTF-16, UTF-32), `declared` (the file names it), `partly` (UTF-8
    except for a few bytes) or `guessed`.
    """

    text: str
    encoding: str
    warnings: tuple[str, ...]
    decided_by: str


def read_text(data: bytes, name: str) -> Document:
    """Read plain text or source code as it is. Never raises: latin-1 decodes any bytes."""
    text, encoding, warnings, decided_by = decode(data)
    return Document(
        text, "text/plain", lines=True, encoding=encoding, encoding_by=decided_by, warnings=warnings
    )


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Decode bytes by byte order mark, UTF-8, UTF-16/32, the declared encoding, then by guess.

    `declared` is the encoding that the file names (a meta tag). It comes after UTF-8, because text
    that is valid UTF-8 is UTF-8, whatever was copied into its header. Time is linear in `data`;
    never raises.
    """
    text, encoding, warnings, decided_by = _decode(data, declared)
    clean = strip_invalid_characters(text)
    if clean != text:
        warnings = (*warnings, f"{len(text) - len(clean)} NUL or surrogate characters removed")
    text = clean.replace("\r\n", "\n").replace("\r", "\n")
    return Decoded(text, encoding, warnings, decided_by)


def detect_unicode_encoding(data: bytes) -> str | None:
    """Return the Unicode encoding that a byte order mark or the positions of NUL bytes show.

    Without a mark only UTF-16 and UTF-32 text that is mostly ASCII is recognised: its other bytes
    are NUL.
    """
    if data.startswith(_ANY_MARK):
        return next(encoding for mark, encoding in _MARKS if data.startswith(mark))
    sample = data[: min(HEAD_BYTES, len(data) // 4 * 4)]
    if b"\0" not in sample:
        return None
    quarter = len(sample) // 4
    # Bytes that are not NUL, by their position modulo 4.
    counts = [quarter - sample[position::4].count(0) for position in range(4)]
    min_filled, max_stray = 0.7 * quarter, 0.1 * quarter
    matches = {
        "utf-32-le": counts[0] >= min_filled and max(counts[1:]) <= max_stray,
        "utf-32-be": counts[3] >= min_filled and max(counts[:3]) <= max_stray,
        "utf-16-le": min(counts[0], counts[2]) >= min_filled
        and max(counts[1], counts[3]) <= 3 * max_stray,
        "utf-16-be": min(counts[1], counts[3]) >= min_filled
        and max(counts[0], counts[2]) <= 3 * max_stray,
    }
    return next((encoding for encoding, is_match in matches.items() if is_match), None)


def _decode(data: bytes, declared: str | None) -> Decoded:
    encoding = detect_unicode_encoding(data)
    if encoding is not None:
        text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
        lost = text.count("\ufffd")
        warnings = (f"damaged {encoding}: {lost} characters lost",) if lost else ()
        return Decoded(text, encoding, warnings, "bom" if data.startswith(_ANY_MARK) else "zeros")
    if (japanese := _decode_iso_2022_jp(data)) is not None:
        return japanese
    try:
        return Decoded(data.decode("utf-8"), "utf-8", (), "valid")
    except UnicodeDecodeError as error:
        first_bad = error.start
    if declared is not None and (decoded := _decode_declared(data, declared)) is not None:
        return decoded
    if (decoded := _decode_mostly_utf8(data)) is not None:
        return decoded
    return _guess(data, first_bad)


def _decode_declared(data: bytes, declared: str) -> Decoded | None:
    name = declared.lower()
    # Files that declare latin-1 were written as Windows-1252; browsers read them as such, too.
    is_latin1 = name in {"iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"}
    for encoding in ("cp1252", "latin-1") if is_latin1 else {name} - UNSAFE_CODECS:
        try:
            return Decoded(data.decode(encoding), encoding, (), "declared")
        except (LookupError, UnicodeError):
            continue
    return None


def _decode_mostly_utf8(data: bytes) -> Decoded | None:
    """UTF-8 with a few invalid bytes: a log with a stray line, a file cut within a character."""
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    leads = len(data.translate(None, delete=bytes(range(0xC0))))  # one per character
    good = leads - bad
    if good < 9 * bad:
        return None
    return Decoded(text, "utf-8", (f"{bad} characters are not UTF-8",), "partly")


def _guess(data: bytes, first_bad: int) -> Decoded:
    start = max(0, first_bad - _SAMPLE_BYTES // 4)
    sample = data[start : start + _SAMPLE_BYTES]
    encoding = _guess_western(sample) or _correct(sample, _guess_encoding(sample) or "latin-1")
    if encoding not in _DOUBLE_BYTE and is_baltic(
        *(sample.decode(name, "replace") for name in ("cp1257", encoding, "cp1252", "cp1250"))
    ):
        encoding = "cp1257"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:  # beyond the sample it is something else
        encoding = "latin-1"
        text = data.decode(encoding)
    return Decoded(text, encoding, (f"encoding guessed: read as {encoding}",), "guessed")


def _guess_western(sample: bytes) -> str | None:
    """latin-1, cp1252 or latin-9 if the letters beyond ASCII are few and all of them common.

    charset-normalizer takes short French, Spanish or German texts for Polish; this comes first.
    """
    found = _check_western(sample, "cp1252")
    return found or ("iso8859_15" if _check_western(sample, "iso8859_15") else None)


def _check_western(sample: bytes, encoding: str) -> str | None:
    text = sample.decode(encoding, errors="replace")
    foreign = [char for char in text if char > "\x7f"]
    letters = sum(map(str.isalpha, text))
    if not _WESTERN_LETTERS.union(_WESTERN_SIGNS).issuperset(foreign):
        return None
    if 2 * sum(map(_WESTERN_LETTERS.__contains__, foreign)) > letters:
        return None
    # A sign between two letters is a letter of another alphabet ("Zażółć" has ¿ and ³).
    odd = sum(
        text[at] in "¡¿²³¼½¾ªº´×÷±¥" and text[at - 1].isalpha() and text[at + 1].isalpha()
        for at in range(1, len(text) - 1)
    )
    if odd > len(foreign) // 50:
        return None
    return "latin-1" if all(char >= "\xa0" and char <= "\xff" for char in foreign) else "cp1252"


def _guess_encoding(sample: bytes) -> str | None:
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample, cp_isolation=list(_LEGACY)).best()
    return best.encoding if best is not None else None


def _decode_iso_2022_jp(data: bytes) -> Decoded | None:
    """Japanese mail text: ASCII bytes that switch character sets by escape sequences."""
    if b"\x1b$" not in data or not data.isascii():
        return None
    try:
        return Decoded(data.decode("iso2022_jp_ext"), "iso2022_jp", (), "guessed")
    except UnicodeDecodeError:
        return None


def _correct(sample: bytes, guess: str) -> str:
    """Return the single-byte encoding in which the letters stand as in words, else `guess`.

    Statistics prefer a wrong code page for short texts; in it, signs and capitals stand inside
    words.
    """
    if guess in _DOUBLE_BYTE and _oddity(sample, guess) == 0:
        return guess
    if guess == "cp1250" and _looks_like_latin2(sample):
        return "iso8859_2"
    best = least_odd(sample, (guess, *_CANDIDATES))
    if best == "cp1251" and _mixes_alphabets(sample.decode(best, "replace")):
        return "mac_cyrillic"
    return "cp874" if best not in _DOUBLE_BYTE and _is_thai(sample, best) else best


def _mixes_alphabets(text: str) -> bool:
    """Whether a text has letters that only Serbian and Macedonian have, and some that they lack."""
    return not (_SERBIAN_LETTERS.isdisjoint(text) or _EAST_SLAVIC_LETTERS.isdisjoint(text))


def _is_thai(sample: bytes, guess: str) -> bool:
    """Whether a text is odd as guessed, and nearly all of its letters are Thai as cp874."""
    try:
        text = sample.decode("cp874")
    except UnicodeDecodeError:
        return False
    foreign = sum(char > "\x7f" for char in text)
    thai = sum("\u0e01" <= char <= "\u0e5b" for char in text)
    return 10 * thai >= 9 * foreign and 10 * _oddity(sample, guess) > foreign


def least_odd(sample: bytes, encodings: Sequence[str]) -> str:
    """Return the encoding in which the letters stand as in words; the first of several."""
    ranked = {encoding: _oddity(sample, encoding) for encoding in encodings}
    return min(ranked, key=lambda encoding: ranked[encoding])


def _looks_like_latin2(sample: bytes) -> bool:
    """Whether a Central European text lacks the bytes of cp1250's š, ž and ť, and has those of
    ISO 8859-2."""
    return len(sample.translate(None, delete=_CP1250_ONLY)) == len(sample) and len(
        sample.translate(None, delete=_LATIN2_LETTERS)
    ) < len(sample)


def _oddity(sample: bytes, encoding: str) -> float:
    """Return how odd a decoded text looks: signs inside words, capitals after small letters."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        if encoding not in _DOUBLE_BYTE:
            return math.inf
        text = sample[:-1].decode(encoding, "replace")
        if "\ufffd" in text[:-1]:
            return math.inf
    odd = 0.0
    previous = " "
    for char in text:
        if char > "\x7f" and not char.isalpha():
            if char in _RARE_SIGNS:
                odd += 3 if previous.isalpha() else 2
            elif not (char.isspace() or char in _WESTERN_SIGNS):
                odd += 3
        elif char > "\x7f" and previous.isalpha():
            odd += char.isupper() and previous.islower()
            odd += 2 * (ord(char) > 0x24F) * ("a" <= previous.lower() <= "z")  # two alphabets
            odd += char in _RARE_LETTERS
        elif previous > "\x7f" and previous in _RARE_SIGNS and char.isalpha():
            odd += 1
        previous = char
    return odd
