"""Number words of Chinese, Japanese, Korean and Thai, as Unicode CLDR spells them."""

import pytest

from ragkit.analysis.analyzer import normalize
from ragkit.analysis.unspaced_numbers import may_have_number_words, number_words


def numbers(text):
    return [number for _, number in number_words(normalize(text))]


# The spelling of ICU 72 (rule-based number formats), and of the writing of contracts.
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("二十三", 23), ("九十九", 99), ("一百", 100), ("百", 100), ("百二十三", 123),
        ("一千零二十四", 1024),
        ("二〇二四", 2024), ("第二", 2), ("第十", 10), ("两", 2), ("廿一", 21), ("丗五", 35),
        ("贰拾叁", 23), ("貳拾參", 23), ("弐拾参", 23), ("壹佰", 100),
        ("이십삼", 23), ("십일", 11), ("구십구", 99), ("스물셋", 23),
        ("스물세 명", 23), ("서른다섯째", 35),
        ("스무 살", 20), ("두 번째", 2), ("열한 번째", 11), ("백 명", 100),
        ("다섯", 5), ("여덟 시간", 8),
        ("ยี่สิบสาม", 23), ("สิบเอ็ด", 11), ("เก้าสิบเก้า", 99), ("หนึ่งร้อย", 100), ("สาม", 3), ("ที่สอง", 2),
        ("สิบ", 10), ("มีสามคน", 3), ("เขามียี่สิบเอ็ดเล่ม", 21),
    ],
)  # fmt: skip
def test_a_number_word_says_its_number(text, number):
    assert numbers(text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "十分重要", "一般", "三菱", "二三人", "二十三万", "百姓", "第一",
        "어서 오십시오", "이 사람은", "구조", "세월이", "열차가 온다", "십이지장", "쉰 목소리",
        "백색", "사회",
        "สามารถทำได้", "สามีของเธอ", "เก้าอี้", "ยี่สิบล้าน", "หนึ่งร้อยยี่สิบสาม", "ร้อยละ",
        "twenty-three", "двадцать",
    ],
)  # fmt: skip
def test_parts_of_other_words_and_of_larger_numbers_are_none(text):
    assert numbers(text) == []


def test_the_words_are_returned_as_written():
    text = normalize("会议有三十五人，회의에 스물세 명이, มีห้าคน")
    assert list(number_words(text)) == [("三十五", 35), ("스물세", 23), ("ห้า", 5)]


@pytest.mark.parametrize(("text", "expected"), [("七辆", True), ("열두", True), ("สิบ", True)])
def test_texts_with_number_words_are_recognised(text, expected):
    assert may_have_number_words(text) == expected
    assert not may_have_number_words("twelve, двенадцать, बारह")
