"""Number words of scripts without spaces between words: `二十三`, `스물세`, `ยี่สิบสาม` are 23.

They are found in a text where they stand, not word by word. Words with a ten in them are numbers
nearly everywhere; the words of single numbers are parts of many other words (สาม 3 of สามารถ,
able), so they count only before a word for what is counted (สามคน, three people). The words are
those of Unicode CLDR's rule-based number formats. Knows no language: the script decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

_FIRST_LETTER = "\u0e01"  # of Thai, the first of these scripts
_HAN = "\u3400-\u9fff"

_HAN_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")}
_HAN_DIGITS |= {"零": 0, "两": 2, "兩": 2}
_HAN_TENS = {"十": 10, "百": 100, "千": 1000}
# Numerals of contracts and banknotes, in simplified, traditional and Japanese writing; of days.
_HAN_VARIANTS = str.maketrans(
    "壹壱贰貳弐叁參参肆伍陆陸柒捌玖拾佰仟", "一一二二二三三三四五六六七八九十百千"
) | {ord("廿"): "二十", ord("卅"): "三十", ord("丗"): "三十"}
_HAN_LARGE = "万萬亿億兆"  # multiply the number before them

_SINO_KOREAN = "일이삼사오육칠팔구"
_KOREAN_TENS = {
    "열": 10, "스물": 20, "서른": 30, "마흔": 40, "쉰": 50, "예순": 60, "일흔": 70, "여든": 80,
    "아흔": 90,
}  # fmt: skip
_KOREAN_UNITS = {
    "하나": 1, "한": 1, "둘": 2, "두": 2, "셋": 3, "세": 3, "넷": 4, "네": 4, "다섯": 5, "여섯": 6,
    "일곱": 7, "여덟": 8, "아홉": 9,
}  # fmt: skip
_KOREAN_COUNTED = {
    "두": 2, "세": 3, "네": 4, "십": 10, "열": 10, "스무": 20, "쉰": 50, "백": 100
}  # fmt: skip
# Written in one word with such a number too. Others are not: 세월 is time, 열차 a train.
_KOREAN_JOINED_COUNTERS = ["명", "사람", "개", "개월", "시간", "번", "번째", "째", "가지", "마리"]
_KOREAN_COUNTERS = [
    *_KOREAN_JOINED_COUNTERS, "년", "월", "일", "원", "달", "주", "살", "세", "시", "분", "초",
    "회", "차", "권", "층", "호", "장", "조", "항", "대", "병", "잔", "곳", "건", "쪽", "페이지",
    "퍼센트", "그램", "킬로그램", "미터", "킬로미터", "리터", "달러", "유로",
]  # fmt: skip
_KOREAN_PARTICLES = [
    "은", "는", "이", "가", "을", "를", "의", "에", "에서", "도", "로", "으로", "만", "과", "와",
    "까지", "부터", "이다", "입니다",
]  # fmt: skip

_THAI_DIGITS = {
    "สอง": 2, "สาม": 3, "สี่": 4, "ห้า": 5, "หก": 6, "เจ็ด": 7, "แปด": 8, "เก้า": 9,
}  # fmt: skip
_THAI_LARGE = ["ร้อย", "พัน", "หมื่น", "แสน", "ล้าน"]
_THAI_COUNTERS = [
    "คน", "วัน", "ปี", "เดือน", "สัปดาห์", "ชั่วโมง", "นาที", "วินาที", "บาท", "ครั้ง", "ชิ้น", "ตัว", "เล่ม",
    "หน้า", "ข้อ", "มาตรา", "ฉบับ", "ห้อง", "ชั้น", "แห่ง", "เครื่อง", "คัน", "ใบ", "อัน", "กิโลกรัม",
    "กิโลเมตร", "เมตร", "ลิตร", "กรัม", "เปอร์เซ็นต์",
]  # fmt: skip


def may_have_number_words(text: str) -> bool:
    """Whether a normalized text may have a number word of these scripts, or its beginning."""
    return not text.isascii() and max(text) >= _FIRST_LETTER and bool(_signs().search(text))


def number_words(text: str) -> Iterator[tuple[str, int]]:
    """Yield the number words of a normalized text from 2 on, as they are written, with their
    numbers."""
    if not may_have_number_words(text):
        return
    for match in _han_runs().finditer(text):
        if _is_han_number(match) and (value := han_value(match[0])) > 1:
            yield match[0], value
    for match in _korean().finditer(text):
        if value := _korean_value(match):
            yield match["word"], value
    for match in _thai().finditer(text):
        yield match["word"], _thai_value(match)


def han_value(number: str) -> int:
    """`四百三十三` → 433; `二〇二四` → 2024."""
    number = number.translate(_HAN_VARIANTS)
    if not any(char in _HAN_TENS for char in number):
        return int("".join(str(_HAN_DIGITS[char]) for char in number))
    total, digit = 0, 0
    for char in number:
        if char in _HAN_TENS:
            total += (digit or 1) * _HAN_TENS[char]
            digit = 0
        else:
            digit = _HAN_DIGITS[char]
    return total + digit


def _is_han_number(run: re.Match[str]) -> bool:
    """Whether a run of numerals is a number: several with a ten or a zero among them (二三 is two
    or three), or one that is no part of a word or that 第 makes an ordinal."""
    numerals = run[0].translate(_HAN_VARIANTS)
    if any(char in _HAN_LARGE for char in numerals):
        return False
    if len(numerals) > 1:
        return any(char in _HAN_TENS or not _HAN_DIGITS[char] for char in numerals)
    before = run.string[max(0, run.start() - 1) : run.start()]
    after = run.string[run.end() : run.end() + 1]
    return before == "第" or not _han_letter().search(before + after)


def _korean_value(match: re.Match[str]) -> int:
    """Return the number of a match; 0 where its word may say something else."""
    word, unit = match["word"], _KOREAN_UNITS.get(match["unit"] or "", 0)
    if match["counted"]:
        return _KOREAN_COUNTED[word]
    if native := match["native"]:
        return 0 if native in _KOREAN_COUNTED and not unit else _KOREAN_TENS[native] + unit
    if "십" in word:
        tens, _, ones = word.partition("십")
        return 10 * _sino_digit(tens or "일") + (_sino_digit(ones) if ones else 0)
    return _KOREAN_UNITS[word]


def _sino_digit(digit: str) -> int:
    return _SINO_KOREAN.index(digit) + 1


def _thai_value(match: re.Match[str]) -> int:
    if match["hundred"]:
        return 100
    if single := match["single"] or match["whole"]:
        return _THAI_DIGITS[single]
    tens = 2 if match["tens"] == "ยี่" else _THAI_DIGITS.get(match["tens"] or "", 1)
    return 10 * tens + (1 if match["ones"] == "เอ็ด" else _THAI_DIGITS.get(match["ones"] or "", 0))


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


@cache
def _signs() -> re.Pattern[str]:
    numerals = "".join([*_HAN_DIGITS, *_HAN_TENS, *map(chr, _HAN_VARIANTS)])
    korean = [*_KOREAN_TENS, *_KOREAN_UNITS, *_KOREAN_COUNTED]
    return re.compile(f"[{numerals}]|{_any_of([*korean, *_THAI_DIGITS, 'สิบ', 'ร้อย'])}")


@cache
def _han_letter() -> re.Pattern[str]:
    return re.compile(f"[{_HAN}]")


@cache
def _han_runs() -> re.Pattern[str]:
    numerals = "".join([*_HAN_DIGITS, *_HAN_TENS, *map(chr, _HAN_VARIANTS)])
    return re.compile(f"[{numerals}{_HAN_LARGE}]+")


@cache
def _korean() -> re.Pattern[str]:
    counter, joined = _any_of(_KOREAN_COUNTERS), _any_of(_KOREAN_JOINED_COUNTERS)
    units = _any_of(_KOREAN_UNITS)
    single = _any_of(_KOREAN_UNITS.keys() - _KOREAN_COUNTED.keys() - {"하나", "한"})
    digit, sino = f"[{_SINO_KOREAN}]", f"[{_SINO_KOREAN[1:]}]"
    return re.compile(
        "(?<![가-힣])(?:"
        f"(?P<word>(?P<counted>{_any_of(_KOREAN_COUNTED)})(?= (?:{counter})|(?:{joined}))"
        f"|{sino}십{digit}?|십{digit}|(?P<native>{_any_of(_KOREAN_TENS)})(?P<unit>{units})?|{single})"
        f" ?(?:{counter})?(?:{_any_of(_KOREAN_PARTICLES)})?(?![가-힣]))"
    )


@cache
def _thai() -> re.Pattern[str]:
    digits, large, counter = _any_of(_THAI_DIGITS), _any_of(_THAI_LARGE), _any_of(_THAI_COUNTERS)
    not_after = "".join(f"(?<!{word})" for word in [*_THAI_LARGE, *_THAI_DIGITS, "ยี่", "สิบ"])
    return re.compile(
        f"{not_after}(?P<word>"
        f"(?:(?P<tens>ยี่|{digits})?สิบ(?P<ones>เอ็ด|{digits})?(?!เอ็ด|{digits}|{large}))"
        f"|(?P<hundred>หนึ่งร้อย)(?!{digits}|หนึ่ง|เอ็ด|สิบ|ยี่|{large})"
        f"|(?P<single>{digits})(?= ?(?:{counter}))"
        f"|(?:(?<![ก-๛])|(?<=ที่))(?P<whole>{digits})(?![ก-๛]))"
    )
