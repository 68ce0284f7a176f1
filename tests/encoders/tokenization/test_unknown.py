"""Which texts a tokenizer mostly does not know."""

from __future__ import annotations

import re

import pytest

from ragkit.encoders.tokenization.unknown import is_mostly_unknown

# Real words of languages that a vocabulary of Latin letters does not know.
THAI = "พนักงานสามารถลาหยุดได้สามวันต่อปี"
LAO = "ພະນັກງານສາມາດພັກໄດ້ສາມມື້ຕໍ່ປີ"
KHMER = "បុគ្គលិកអាចឈប់សម្រាកបានបីថ្ងៃក្នុងមួយឆ្នាំ"


def judge(text: str, start: int = 0) -> bool:
    """Judge a text split at white space, of which words of ASCII are known."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    return is_mostly_unknown(
        text, start, spans, [not text[first:last].isascii() for first, last in spans]
    )


@pytest.mark.parametrize("text", [THAI, LAO, KHMER, f"{THAI} {LAO}", f"A note: {THAI}", "★ 🎉"])
def test_a_text_of_unknown_words_is_mostly_unknown(text: str) -> None:
    assert judge(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        "--- === ---",
        "🎉 party ★",
        "x ← x + 1 ∀ x ∈ S ⟹ done",
        "1,250 ฿ 2,300 ฿ 4,100 ฿",
        f"The Thai sentence {THAI} says that everybody may take three days of leave a year",
    ],
)
def test_a_text_with_a_few_unknown_words_is_not(text: str) -> None:
    assert not judge(text)


def test_exactly_half_is_not_most() -> None:
    assert not judge("abcd กขคง")
    assert judge("abc กขคง")


@pytest.mark.parametrize("text", [THAI, LAO, KHMER])
def test_the_header_does_not_count(text: str) -> None:
    header = "Handbook of the company › Leave and absence › Sick leave without a certificate\n"
    assert not judge(header + text)
    assert judge(header + text, len(header))
    assert not judge(header, len(header))  # nothing follows it


def test_a_token_across_the_start_counts_from_there_on() -> None:
    assert is_mostly_unknown("abกขc", 2, [(0, 4), (4, 5)], [True, False])
    assert not is_mostly_unknown("abcก12", 3, [(0, 4), (4, 6)], [True, False])


def test_what_follows_the_last_token_is_not_counted() -> None:
    assert is_mostly_unknown("กขค and many more words", 0, [(0, 3)], [True])
