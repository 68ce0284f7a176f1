"""Letters written in several ways have one key."""

import pytest

from ragkit.analysis.letters import ascii_digits, folded, latin, ordered_thai


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("סֵפֶר", "ספר"),
        ("كِتَابٌ", "كتاب"),
        ("ســلام", "سلام"),
        ("फ़ायदा", "फायदा"),
        ("सम्बन्ध", "संबंध"),
        ("یکی", "يكي"),
        ("شئون", "شؤون"),
        ("ፀሐይ", "ጸሀይ"),
        ("學校", "学校"),
        ("コンピューター", "コンピュータ"),
        ("ヴィーナス", "ビーナス"),
        ("۱۴۰۳", "1403"),
    ],
)
def test_spellings_of_one_word_have_one_key(one, other):
    assert folded(one) == folded(other)


def test_different_words_have_different_keys():
    assert len({folded(word) for word in ("दिन", "दीन", "book", "Buch", "книга")}) == 5


def test_serbian_is_written_in_two_scripts():
    assert latin("Нови") == "novi"
    assert latin("Љубљана") == "ljubljana"
    assert latin("объявление") is None


def test_thai_tone_marks_come_first():
    assert ordered_thai("น\u0e4d\u0e49า") == ordered_thai("น\u0e49\u0e4dา")


def test_digits_of_every_script():
    assert ascii_digits("२०२४ / ٢٠٢٤ / ๒๕๖๗") == "2024 / 2024 / 2567"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zimmer ١٢ – „neu“", "Zimmer 12 – „neu“"),
        ("१९९८ में", "1998 में"),
        ("１２月", "12月"),
        ("x² ½ Ⅻ – „alt“ 7", "x² ½ Ⅻ – „alt“ 7"),  # digits, but not decimal ones
        ("naïve", "naïve"),
    ],
)
def test_decimal_digits_of_every_script_are_ascii_digits(text, expected):
    assert ascii_digits(text) == expected
