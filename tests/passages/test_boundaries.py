"""Boundaries: sentences, list items, paragraphs and grapheme clusters."""

from __future__ import annotations

import pytest

from ragkit.passages.boundaries import LINE, PARAGRAPH, SENTENCE, cluster_start, find_boundaries


def pieces(text: str, min_strength: int = SENTENCE) -> list[str]:
    """Return the pieces between the boundaries of at least `min_strength`."""
    boundaries = find_boundaries(text, 0, len(text))
    cuts = [offset for offset, strength in boundaries if strength >= min_strength]
    parts = [text[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return [part for part in parts if part]


@pytest.mark.parametrize(
    "sentences",
    [
        ["It is so.", "Is it?", "It is!", "Well…", "End."],
        ["See e.g. Smith.", "Then i.e. Dr. Brown of the U.S. Navy, et al. Jones."],
        ["Pi is 3.14 or so.", "Use v1.2. or 2.0.1 of it.", "No. 5 and Fig. 3 show it."],
        ["J. R. Smith came.", "He left at 5 p.m. on Monday."],
        ['"Go!" he said.', "(It was late.)", "“Why?”", "Because."],
        ["これは文です。", "「本当ですか？」", "はい！", "終わり"],
        ["هل هذا صحيح؟", "نعم."],
        ["यह एक वाक्य है।", "दूसरा वाक्य॥", "अंत"],
        ["Der Dr. Maier, Nr. 5, kam z.B. nie.", "Ja."],
        ["In 1999.", "The next."],
    ],
)
@pytest.mark.parametrize("space", [" ", "\n", "  "])
def test_sentences(sentences: list[str], space: str) -> None:
    assert [" ".join(p.split()) for p in pieces(space.join(sentences))] == sentences


def test_list_items_and_table_rows_are_sentences() -> None:
    assert pieces("1. One\n2. Two\n  - three\n| a | b. |\n| c | d |") == [
        "1. One", "2. Two", "- three", "| a | b. |", "| c | d |"
    ]  # fmt: skip


def test_blank_lines_separate_paragraphs_but_not_after_a_colon() -> None:
    assert pieces("One\n \t\nTwo:\n\nThree\n\n\nFour", PARAGRAPH) == [
        "One",
        "Two:\n\nThree",
        "Four",
    ]
    assert pieces("**Two:**\n\nThree\n\nFour", PARAGRAPH) == ["**Two:**\n\nThree", "Four"]
    assert pieces("One\nTwo", LINE) == ["One", "Two"]
    assert pieces("One\nTwo") == ["One\nTwo"]


def test_an_accent_stays_with_its_letter() -> None:
    assert cluster_start("ae\u0301i", 0, 2) == 1
    assert cluster_start("ae\u0301i", 0, 3) == 3
    family = "👩\u200d👩\u200d👧"
    assert cluster_start("x" + family, 0, 1 + 4) == 1
    assert cluster_start("e" + "\u0301" * 50, 0, 40) == 40
