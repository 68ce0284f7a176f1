"""Letters that are written in several ways: optional marks, variants, other scripts' digits.

`folded` maps all spellings of a word to one: without Hebrew, Arabic and Indic optional signs, with
the Arabic forms of Persian and Urdu letters, simplified Han, Hiragana for Katakana, Latin letters
for Serbian Cyrillic. The result is a key, not a correct spelling. Knows words, no languages'
endings.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

ZERO_WIDTH_NON_JOINER = "\u200c"
# The patterns are compiled on first use: most texts have no such letter. This is the first one.
_FIRST_FOLDED = "\u0370"
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
_ARABIC = str.maketrans(
    {
        **dict.fromkeys("أإآٱ", "ا"),
        **dict.fromkeys("ىیےۓې", "ي"),
        **dict.fromkeys("ہھۀەۂةۃ", "ه"),
        "ؤ": "",  # with or without a seat: a hamza is written in several ways
        "ئ": "",
        "ک": "ك",
        "ء": "",
    }
)
# ሠ like ሰ, ሐ and ኀ like ሀ, ዐ like አ, ፀ like ጸ: one sound each in Amharic.
_ETHIOPIC = {
    source + vowel: target + vowel
    for source, target in (
        (0x1220, 0x1230), (0x1210, 0x1200), (0x1280, 0x1200), (0x12D0, 0x12A0), (0x1340, 0x1338)
    )
    for vowel in range(7)
}  # fmt: skip
_SERBIAN = str.maketrans(
    dict(zip("абвгдђежзијклмнопрстћуфхцчшѓќѕ", "abvgdđežzijklmnoprstćufhcčšđćz", strict=True))
    | {"љ": "lj", "њ": "nj", "џ": "dž"}
)
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_BA_ROW = {"ぁ": "ば", "ぃ": "び", "": "ぶ", "ぇ": "べ", "ぉ": "ぼ"}


def ordered_thai(text: str) -> str:
    """Return a text in NFKC with tone marks before the NIKHAHIT of SARA AM, in Thai and Lao.

    Extraction from PDF files often yields them the other way round.
    """
    if "\u0e4d" not in text and "\u0ecd" not in text:
        return text
    return _thai_order().sub(r"\2\1", text)


def ascii_digits(text: str) -> str:
    """Return `text` with the decimal digits of every script as 0 to 9."""
    if text.isascii() or not _OTHER_DIGIT.search(text):
        return text
    digits = (char for char in set(text) if not char.isascii() and char.isdecimal())
    return text.translate({ord(char): str(unicodedata.decimal(char)) for char in digits})


def folded(word: str) -> str:
    """Return the key of all spellings of a word; accents of Latin letters are kept."""
    if word.isascii():
        return word
    word = unicodedata.normalize("NFKC", word).lower()
    if max(word) < _FIRST_FOLDED:
        return word
    if _han().search(word):
        word = _simplified(word)
    if _kana().search(word):
        word = _kana_vu().sub(lambda match: _BA_ROW[match[1]], word.translate(_KATAKANA))
        if len(word) > 1:  # the sign is a bigram's first character elsewhere
            word = word[0] + word[1:].replace("ー", "")
    decomposed = unicodedata.normalize("NFD", word) if _is_indic(word) else word
    word = _optional().sub("", decomposed).translate(_ARABIC).translate(_ETHIOPIC)
    if _is_indic(word):
        word = unicodedata.normalize("NFC", _nasals().sub(_anusvara, word))
    return ascii_digits(word)


def latin(word: str) -> str | None:
    """Return a Serbian word in Latin letters; None for one with other letters than Serbian has."""
    lower = word.lower()
    return None if _not_serbian().search(lower) else lower.translate(_SERBIAN)


def _is_indic(word: str) -> bool:
    return any("\u0900" <= char <= "\u0d7f" for char in word)


@cache
def _han() -> re.Pattern[str]:  # takes milliseconds to compile
    return re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


@cache
def _kana() -> re.Pattern[str]:
    return re.compile("[\u3041-\u30ff]")


@cache
def _kana_vu() -> re.Pattern[str]:
    return re.compile("ゔ([ぁぃぇぉ]?)")


@cache
def _optional() -> re.Pattern[str]:
    # Hebrew points, Arabic vowel signs and tatweel, the nuktas of Indic scripts.
    return re.compile(
        "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
        "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u093c\u09bc\u0a3c\u0abc\u0b3c\u0cbc]"
    )


@cache
def _not_serbian() -> re.Pattern[str]:
    return re.compile("[^абвгдђежзијклљмнњопрстћуфхцчџшѓќѕ]")


@cache
def _thai_order() -> re.Pattern[str]:
    return re.compile("([\u0e4d\u0ecd])([\u0e48-\u0e4b\u0ec8-\u0ecb])")


@cache
def _nasals() -> re.Pattern[str]:
    # The scripts from Devanagari to Malayalam have one layout: ṅ ñ ṇ n m at 19, 1e, 23, 28, 2e, the
    # virama at 4d, consonants from 15 to 39, candrabindu at 01 and anusvara at 02.
    patterns = []
    for block in range(0x0900, 0x0D80, 0x80):
        nasal = "".join(chr(block + offset) for offset in (0x19, 0x1E, 0x23, 0x28, 0x2E))
        consonants = f"{chr(block + 0x15)}-{chr(block + 0x39)}"
        patterns.append(f"[{nasal}]{chr(block + 0x4D)}(?=[{consonants}])|{chr(block + 1)}")
    return re.compile("|".join(patterns))


def _anusvara(match: re.Match[str]) -> str:
    return chr(ord(match[0][0]) // 0x80 * 0x80 + 2)


def _simplified(word: str) -> str:
    """Return the simplified forms of traditional and Japanese Han characters."""
    traditional, simplified = _converters()
    return str(simplified.convert(traditional.convert(word)))


@cache
def _converters() -> tuple[Any, Any]:
    import opencc

    return opencc.OpenCC("jp2t"), opencc.OpenCC("t2s")
