"""Bytes → text: decoding, and the readers for plain text and source code.

The text is the file's own, so its line numbers hold; only its newlines become "\\n". Knows no
markup: every other reader comes here for characters and goes elsewhere for structure.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from ragkit.records.documents import Document

SNIFF_BYTES = 8192  # enough to tell text from binary, little enough to cost nothing
_SAMPLE_BYTES = 1 << 16  # given to the detector, whose work grows with it

# UTF-32 stands before UTF-16: its little-endian mark begins with the other's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What the detector may answer: left to all of Python's codecs, it prefers exotic ones.
_LEGACY = (
    *("cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "iso8859_2", "koi8_r"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
_WESTERN_LETTERS = frozenset("àâäáãåæçéèêëíìîïñóòôöõøœúùûüßÿÀÂÄÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØŒÚÙÛÜ")
_WESTERN_SIGNS = frozenset("\xa0\xad“”„‘’‚–—…•€£¥§©®™°·«»‹›¡¿´×÷±²³½¼¾ªº†‡µ")
# Codecs of Python's that are for host names: what claims to be in one wants to cost time.
NO_CHARSETS = frozenset({"punycode", "idna"})
_SURROGATE = re.compile("[\ud800-\udfff]")


class Decoded(NamedTuple):
    """Text with "\\n" newlines, the encoding it was read by, what was guessed or lost, and what
    told the encoding.

    Surest first that is `bom` (a byte order mark), `valid` (all of it is UTF-8), `zeros` (where NUL
    bytes stand in UTF-16 and UTF-32), `declared` (the file says so), `partly` (UTF-8 but for a few
    bytes) or `guessed`.
    """

    text: str
    encoding: str
    warnings: tuple[str, ...]
    told_by: str


def read_text(data: bytes, name: str) -> Document:
    """Plain text or source code as it stands. Never fails: latin-1 reads any bytes."""
    text, encoding, warnings, told_by = decode(data)
    return Document(
        text, "text/plain", lines=True, encoding=encoding, encoding_by=told_by, warnings=warnings
    )


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Decode by byte order mark, UTF-8, UTF-16/32, the declared encoding, then by guess.

    `declared` is what the file says of itself (a meta tag). It comes after UTF-8 because text
    that happens to be valid UTF-8 is UTF-8, whatever its author has copied into the header.
    Time is linear in `data`; never raises.
    """
    text, encoding, warnings, told_by = _characters(data, declared)
    clean = without_controls(text)
    if clean != text:
        warnings = (*warnings, f"{len(text) - len(clean)} NUL or surrogate characters removed")
    text = clean.replace("\r\n", "\n").replace("\r", "\n")
    return Decoded(text, encoding, warnings, told_by)


def without_controls(text: str) -> str:
    """`text` without NUL and lone surrogates, which no database and no tokenizer takes."""
    return _SURROGATE.sub("", text.replace("\0", ""))


def unicode_encoding(data: bytes) -> str | None:
    """The Unicode encoding that a byte order mark or the places of NUL bytes give away.

    Without a mark only text that is mostly ASCII is recognised: its other bytes are NUL.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    sample = data[: min(SNIFF_BYTES, len(data) // 4 * 4)]
    if b"\0" not in sample:
        return None
    quarter = len(sample) // 4
    full = [quarter - sample[place::4].count(0) for place in range(4)]  # bytes that are not NUL
    most, few = 0.7 * quarter, 0.1 * quarter
    shapes = {
        "utf-32-le": full[0] >= most and max(full[1:]) <= few,
        "utf-32-be": full[3] >= most and max(full[:3]) <= few,
        "utf-16-le": min(full[0], full[2]) >= most and max(full[1], full[3]) <= 3 * few,
        "utf-16-be": min(full[1], full[3]) >= most and max(full[0], full[2]) <= 3 * few,
    }
    return next((encoding for encoding, fits in shapes.items() if fits), None)


def _characters(data: bytes, declared: str | None) -> Decoded:
    encoding = unicode_encoding(data)
    if encoding is not None:
        text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
        lost = text.count("\ufffd")
        warnings = (f"damaged {encoding}: {lost} characters lost",) if lost else ()
        marked = any(data.startswith(mark) for mark, _ in _MARKS)
        return Decoded(text, encoding, warnings, "bom" if marked else "zeros")
    try:
        return Decoded(data.decode("utf-8"), "utf-8", (), "valid")
    except UnicodeDecodeError as error:
        first_bad = error.start
    if declared is not None and (told := _declared(data, declared)) is not None:
        return told
    if (damaged := _mostly_utf8(data)) is not None:
        return damaged
    return _guess(data, first_bad)


def _declared(data: bytes, declared: str) -> Decoded | None:
    name = declared.lower()
    # What calls itself latin-1 was written as Windows-1252; browsers read it so as well.
    latin = name in {"iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"}
    for encoding in ("cp1252", "latin-1") if latin else {name} - NO_CHARSETS:
        try:
            return Decoded(data.decode(encoding), encoding, (), "declared")
        except (LookupError, UnicodeError):
            continue
    return None


def _mostly_utf8(data: bytes) -> Decoded | None:
    """UTF-8 with a few foreign bytes: a log with a stray line, a file cut in a character."""
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    leads = len(data.translate(None, delete=bytes(range(0xC0))))  # one a character
    good = leads - bad
    if good < 9 * bad:
        return None
    return Decoded(text, "utf-8", (f"{bad} characters are not UTF-8",), "partly")


def _guess(data: bytes, first_bad: int) -> Decoded:
    start = max(0, first_bad - _SAMPLE_BYTES // 4)
    sample = data[start : start + _SAMPLE_BYTES]
    encoding = _western(sample) or _detected(sample) or "latin-1"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:  # beyond the sample it is something else
        encoding = "latin-1"
        text = data.decode(encoding)
    return Decoded(text, encoding, (f"encoding guessed: read as {encoding}",), "guessed")


def _western(sample: bytes) -> str | None:
    """latin-1 or cp1252 where the letters beyond ASCII are few and all of them common.

    The detector takes short French, Spanish or German for Polish or worse; this asks first.
    """
    text = sample.decode("cp1252", errors="replace")
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


def _detected(sample: bytes) -> str | None:
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample, cp_isolation=list(_LEGACY)).best()
    return best.encoding if best is not None else None
